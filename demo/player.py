"""The play: moment by moment the clock is moved, what happens is reported, what is due is done, and mail is read.

The time stands (but for the moments that the work takes) until Phin says that nothing is left to do; only then does it
go on, to the next moment at which something happens in the shop, at a reader's, or in Phin.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from demo.door import Door, DoorError
from demo.events import Event, Handling, Happening
from demo.letters import read_letter
from demo.orders import COUPON
from demo.readers import Deed, Reaction, Readers
from demo.script import Script

TOGETHER = timedelta(seconds=59)  # what happens within so long is reported together; well within five minutes
DONE_WITHIN = 120.0  # seconds that Phin may take for what is due at one moment
LOOKS = (0.012, 0.05)  # seconds between two looks whether all is done: at first, and at most
NUDGE_EVERY = 0.1  # seconds
TICKS = ("reminders", "turns")
SILENT = frozenset({"product.viewed", "cart.updated"})  # events upon which no mail follows


class MovableClock(Protocol):
    """The shop's clock (worker.edges.movable_clock)."""

    def machine(self) -> datetime:
        """Return the machine's own time."""

    def now(self) -> datetime:
        """Return the shop's time."""

    def offset(self) -> timedelta:
        """Return by how much the shop's time differs from the machine's."""

    def stand_off(self, total: timedelta) -> datetime:
        """Have the shop's time differ by so much from the machine's."""


@dataclass(slots=True)
class Tally:
    """What was done so far."""

    moment: datetime
    events: int = 0
    orders: int = 0
    mails: int = 0
    hits: int = 0
    refusals: int = 0
    steps: int = 0
    worst: float = 0.0  # seconds that Phin took for one moment at most


@dataclass(order=True, slots=True)
class _Planned:
    at: datetime
    number: int
    what: Happening | Handling | Reaction = field(compare=False)


class Player:
    """Plays a script.

    Parameters:
        clock: the shop's.
        run: runs a command of Phin and returns what it prints.
        told: called after each moment with what was done.
    """

    def __init__(
        self,
        script: Script,
        door: Door,
        clock: MovableClock,
        run: Callable[..., str],
        told: Callable[[Tally], None],
    ) -> None:
        self._script = script
        self._door = door
        self._clock = clock
        self._run = run
        self._told = told
        self._readers = Readers(script)
        self._agenda: list[_Planned] = []
        self._number = 0
        self._read: set[str] = set()
        self.tally = Tally(script.window.begin)

    def play(self) -> Tally:
        """Play from the window's begin to its end."""
        self._plan(self._script.happenings)
        self._plan(self._script.handlings)
        end = self._script.window.end
        next_at = self._settle()
        while True:
            moment = self._next(next_at)
            if moment is None or moment > end:
                break
            next_at = self._step(moment)
        return self.tally

    def _plan(self, what: Iterable[Happening | Handling | Reaction]) -> None:
        for one in what:
            if one.at <= self._script.window.end:
                self._number += 1
                heapq.heappush(self._agenda, _Planned(one.at, self._number, one))

    def _next(self, due_at: datetime | None) -> datetime | None:
        """Return the next moment at which anything happens; what happens a little later is taken along."""
        moments = [one.at for one in self._agenda] + ([] if due_at is None else [due_at])
        if not moments:
            return None
        until = min(moments) + TOGETHER
        return max(moment for moment in moments if moment <= until)

    def _step(self, moment: datetime) -> datetime | None:
        now = max(moment, self._clock.now())
        self._clock.stand_off(now - self._clock.machine())
        events: list[Event] = []
        reactions: list[Reaction] = []
        handlings: list[Handling] = []
        while self._agenda and self._agenda[0].at <= now:
            one = heapq.heappop(self._agenda).what
            if isinstance(one, Happening):
                events.extend(self._with_code(event) for event in one.events)
            elif isinstance(one, Handling):
                handlings.append(one)
            else:
                reactions.append(one)
        if events:
            self.tally.events += self._door.report(events)
            self.tally.orders += sum(event["type"] == "purchase" for event in events)
        for reaction in reactions:
            self._react(reaction)
        for handling in handlings:
            self._handle(handling)
        if events:
            time.sleep(LOOKS[0])  # nothing is done sooner, and who asks keeps others from doing it
        next_at = self._settle(quiet=not handlings and all(event["type"] in SILENT for event in events))
        self.tally.moment = now
        self.tally.steps += 1
        self._told(self.tally)
        return next_at

    def _with_code(self, event: Event) -> Event:
        """Return the event as it is told; who orders by the offer enters the code that stood in their own mail."""
        if event.get("order", {}).get("coupon") != COUPON:
            return event
        code = self._readers.code_of(event["customer"]["id"])
        order = {key: value for key, value in event["order"].items() if key != "coupon"}
        return {**event, "order": order if code is None else {**order, "coupon": code}}

    def _react(self, reaction: Reaction) -> None:
        if reaction.deed is Deed.REFUSE:
            self._door.refuse(reaction.path, reaction.user_agent)
            self.tally.refusals += 1
        else:
            self._door.fetch(reaction.path, reaction.user_agent)
            self.tally.hits += 1

    def _handle(self, handling: Handling) -> None:
        """Close the open task about an order, as somebody of the staff does at a terminal."""
        for task in json.loads(self._run("tasks", "--json"))["tasks"]:
            if task["order"] == handling.order:
                self._run("tasks", "done", str(task["number"]), "--remark", handling.remark)

    def _settle(self, *, quiet: bool = False) -> datetime | None:
        """Wait until nothing is left to do, read the mail that came of it, and return when something is due next.

        Parameters:
            quiet: nothing was reported upon which a mail follows; mail is looked for only where something was due.
        """
        while True:
            begun, pause = time.monotonic(), LOOKS[0]
            nudged = begun
            backlog = self._door.backlog()
            while not backlog.idle:
                quiet = False
                if time.monotonic() - begun > DONE_WITHIN:
                    left = ", ".join(f"{count} {kind}" for kind, count in backlog.due.items() if count)
                    raise DoorError(f"Phin has not done what is due at {backlog.now.isoformat()}: {left}")
                if time.monotonic() - nudged > NUDGE_EVERY and any(backlog.due[kind] for kind in TICKS):
                    # Phin's clock sees to these every few seconds, and at once when the time is moved, be it by nothing
                    nudged = time.monotonic()
                    self._clock.stand_off(self._clock.offset())
                time.sleep(pause)
                pause = min(pause * 1.5, LOOKS[1])
                backlog = self._door.backlog()
            self.tally.worst = max(self.tally.worst, time.monotonic() - begun)
            if quiet or not self._read_mail():
                return backlog.next_at

    def _read_mail(self) -> bool:
        """Read what came since the last time; returns whether somebody did something at once, as machines do."""
        fresh = []
        for name in self._door.mails():
            if name in self._read:
                break  # the newest come first
            fresh.append(name)
        for name in reversed(fresh):
            self._read.add(name)
            self.tally.mails += 1
            self._plan(self._readers.receive(read_letter(self._door.mail(name))))
        at_once = False
        now = self._clock.now()
        while self._agenda and self._agenda[0].at <= now and isinstance(self._agenda[0].what, Reaction):
            self._react(heapq.heappop(self._agenda).what)  # type: ignore[arg-type]  # asked for just before
            at_once = True
        return at_once
