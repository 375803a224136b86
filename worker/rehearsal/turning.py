"""The clock of a test: it looks when a turn of a trigger comes, or when the customer comes into a segment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from worker.domain.customers import Customer
from worker.domain.flow_tests import FlowTest, What
from worker.domain.triggers import SegmentTrigger, Timed
from worker.engine.asking import ask_now
from worker.rehearsal.coming import FURTHEST, Coming
from worker.rehearsal.timeline import Seen
from worker.rehearsal.world import World
from worker.storage import customers
from worker.storage.tables import customer, journey, segment_member

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Turn:
    at: datetime
    flow: str
    trigger: Timed | SegmentTrigger


class Turning:
    """Looks ahead for the one customer of a test, and lets the engine look when there is something to see.

    Where the test says no end, each trigger comes once after all that is given.
    """

    def __init__(self, world: World, test: FlowTest) -> None:
        self._world = world
        self._test = test
        self._coming = Coming(world.around, world.files.seasons)
        self._looked = test.begins - _INSTANT
        self._next: list[_Turn] = []
        self._had: set[str] = set()
        self.refused: list[Seen] = []

    def begin(self) -> None:
        """Look who is in which segment when the test begins: they have not come in."""
        if self._world.flowbook.by_segment:
            self._world.keep_segments()

    def look(self) -> None:
        """Look after an event: it may have moved a date, or brought the customer into a segment."""
        if self._world.flowbook.timed:
            self._world.find()
        if self._world.flowbook.by_segment:
            before = self._memberships()
            self._world.keep_segments()
            self._tell_comings(before)

    def next(self, *, given: bool) -> datetime | None:
        """Return when the next turn comes.

        Parameters:
            given: whether something is still to be given.
        """
        book, world = self._world.flowbook, self._world
        if not (book.timed or book.by_segment):
            return None
        last = self._test.until or world.now_ + FURTHEST
        self._next = []
        with world.database.reading() as connection:
            known = _the_customer(connection)
            for flow, trigger in book.of_clock:
                if self._test.until is None and not given and f"{flow}: {trigger}" in self._had:
                    continue
                if isinstance(trigger, SegmentTrigger):
                    at = self._coming.changes_segment(connection, trigger, known, world.now_, last)
                else:
                    turn = self._coming.turn(connection, trigger, known, self._looked)
                    at = None if turn is None else turn.moment
                if at is not None and at <= last:
                    self._next.append(_Turn(at, flow, trigger))
        return min((one.at for one in self._next), default=None)

    def turn(self, following: Callable[[], object]) -> bool:
        """Let the engine look, where the time of a turn has come; returns whether it has.

        Parameters:
            following: does what follows from it.
        """
        world = self._world
        self._looked = max(self._looked, world.now_)
        now = [one for one in self._next if one.at <= world.now_]
        if not now:
            return False
        self._had |= {f"{one.flow}: {one.trigger}" for one in now}
        before = self._memberships()
        if any(not isinstance(one.trigger, SegmentTrigger) for one in now):
            world.find()
        if world.flowbook.by_segment:
            world.keep_segments()
        following()
        timed = [one for one in now if one.flow == self._test.flow and not isinstance(one.trigger, SegmentTrigger)]
        if timed and not self._entered():
            self._refuse(str(timed[0].trigger))
        self._tell_comings(before)
        return True

    def _tell_comings(self, before: frozenset[str]) -> None:
        """Note that the customer came into a segment that starts the flow, and was not taken."""
        came = self._memberships() - before
        for flow, trigger in self._world.flowbook.of_clock:
            if flow == self._test.flow and isinstance(trigger, SegmentTrigger) and trigger.segment in came:
                self._had.add(f"{flow}: {trigger}")
                if not self._entered():
                    self._refuse(str(trigger))

    def _entered(self) -> bool:
        asked = select(journey.c.id).where(journey.c.flow == self._test.flow, journey.c.entered_at == self._world.now_)
        with self._world.database.reading() as connection:
            return connection.execute(asked).first() is not None

    def _refuse(self, trigger: str) -> None:
        world = self._world
        with world.database.reading() as connection:
            known = _the_customer(connection)
            said = ask_now(connection, world.flowbook, world.settings, known, world.files.seasons, world.now_)
        found = next((one for one in said.get(self._test.flow, ()) if one.trigger == trigger), None)
        reason, why = ("once", ()) if found is None or found.reason is None else (found.reason, found.seen)
        details = {"reason": reason, "event": trigger}
        self.refused.append(Seen(world.now_, What.ENTER, None, details=details, why=why))

    def _memberships(self) -> frozenset[str]:
        if not self._world.flowbook.by_segment:
            return frozenset()
        with self._world.database.reading() as connection:
            return frozenset(connection.execute(select(segment_member.c.segment)).scalars())


def _the_customer(connection: Connection) -> Customer:
    number = connection.execute(select(customer.c.id).order_by(customer.c.id)).scalars().first()
    assert number is not None, "a test begins by making its customer known"
    return customers.by_id(connection, [number])[number]
