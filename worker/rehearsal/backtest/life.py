"""One customer's time played through the flow, in the order in which things happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from worker.domain.calendars.occurrences import LATEST
from worker.domain.calendars.turns import Turn
from worker.domain.chance import BY_HASH
from worker.domain.facts import Facts, Happening
from worker.domain.flows import OnceKind
from worker.domain.hits import SETTLING, HitKind
from worker.domain.journeys import Journey, JourneyState
from worker.domain.matching import LastEntry, listening, match, once_of
from worker.domain.orders import Order
from worker.domain.setting_law import Policy
from worker.domain.triggers import DateTrigger, SegmentTrigger, Timed, Trigger
from worker.domain.zones import zone_of
from worker.rehearsal.backtest.calendar import Calendar, day_in, its_order, key_at
from worker.rehearsal.backtest.goal import GoalKeeper
from worker.rehearsal.backtest.journeys import Journeys
from worker.rehearsal.backtest.moments import Moments
from worker.rehearsal.backtest.pace import Pace
from worker.rehearsal.backtest.past import Asks, Past
from worker.rehearsal.backtest.runs import Letter, Plan, Run
from worker.rehearsal.backtest.tally import Tally, Window
from worker.storage.past import PastCustomer, PastEvent


@dataclass(frozen=True, slots=True)
class Play:
    """What the playing of every customer shares.

    Parameters:
        policy: quiet hours and caps of advertising.
        starts_within: how old an event may be, when it comes in, that starts a flow which does not say otherwise.
    """

    plan: Plan
    asks: Asks
    window: Window
    calendar: Calendar
    starts_within: timedelta
    policy: Policy
    tally: Tally


class Life:
    """One customer's time."""

    def __init__(self, play: Play, told: PastCustomer) -> None:
        self._play = play
        self._plan = play.plan
        self._told = told
        self._past = Past(told, play.asks, play.plan.shop)
        pace = Pace(play.policy, told.mails, play.plan.flow.name)
        self._journeys = Journeys(play.plan, self._past, play.tally, pace, self._look_later)
        self._goal = GoalKeeper(play.plan, self._journeys, play.tally)
        self._segments = [one for one in play.plan.flow.triggers if isinstance(one, SegmentTrigger)]
        self._member: dict[str, bool] = {}
        self._days: dict[Timed, tuple[date | None, str | None]] = {}  # the customer's date and zone by each trigger
        self._stamps: dict[Trigger, int] = {}
        self._coming: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._count = 0

    def play(self) -> list[Run]:
        """Play the time: events before it are only taken in, those within it are told, nothing comes after it.

        Returns:
            The journeys as they stand at its end.
        """
        window, events, place = self._play.window, self._told.events, 0
        while place < len(events) and events[place].known_at < window.since:
            self._past.take(events[place])
            self._past.request_of(events[place])
            place += 1
        for at, kind in self._told.hits:
            settled = at + SETTLING if kind is HitKind.CLICK else at
            if settled < window.since:
                self._past.seen(kind, at)
            else:
                self._at(settled, partial(self._hit, kind, at))
        self._begin()
        while True:
            event = events[place] if place < len(events) else None
            if self._coming and (event is None or self._coming[0][0] <= event.known_at):
                moment, _, do = heapq.heappop(self._coming)
                if moment > window.until:
                    break
                do(moment)
            elif event is not None and event.known_at <= window.until:
                self._tell(event)
                place += 1
            else:
                break
        self._end()
        return self._journeys.runs

    def _at(self, moment: datetime, do: Callable[[datetime], None]) -> None:
        self._count += 1
        heapq.heappush(self._coming, (moment, self._count, do))

    def _look_later(self, moment: datetime, run: Run | Letter, stamp: int | None) -> None:
        def look(now: datetime) -> None:
            if isinstance(run, Letter):
                if run in run.run.unsent and self._journeys.send(run, now):
                    self._journeys.look(run.run, now)
            elif stamp is None:
                self._journeys.clicked(now)
                self._changed(now)
            elif run.stamp == stamp and run.waits:
                self._journeys.look(run, now)
                self._changed(now)

        self._at(moment, look)

    def _begin(self) -> None:
        since = self._play.window.since
        known = self._facts(since)
        there = self._past.began is not None and self._past.began < since
        for segment in self._segments:
            condition = self._plan.reading.segments.get(segment.segment)
            held = there and condition is not None and self._plan.reading.holds(condition, known)
            self._member[segment.segment] = held  # who belongs already has not come in
            if there:
                self._ask_later(segment, known)
        for trigger in self._play.calendar.triggers:
            if there:
                self._days[trigger] = self._day(trigger, known), known.customer.timezone
                self._expect(trigger, since, since)
        began, events = self._past.began, self._told.events
        if began is not None and not there and (not events or began < events[0].known_at):
            self._at(began, self._changed)

    def _end(self) -> None:
        tally, runs = self._play.tally, self._journeys.runs
        tally.looked_at += 1
        tally.people += bool(runs)
        for run in runs:
            if run.journey.state in (JourneyState.WAITING, JourneyState.CONTROL):
                tally.ends[run.journey.state.value, ""] += 1
        self._goal.end(self._play.window.until)

    def _tell(self, event: PastEvent) -> None:
        """Take in an event, and tell goals, tasks, journeys and the flow of it, in the order of the engine."""
        now, me = event.known_at, self._told.today.id
        before = self._past.orders.get(event.order_number) if event.order_number else None
        order = self._past.take(event)
        if event.customer_id != me:  # another customer's, which changes an order of this one's
            if me in (order and order.customer_id, before and before.customer_id):
                self._journeys.look_all(now)
        else:
            number = self._past.request_of(event)
            named = order.number if order is not None else None
            happening = Happening(event.type, event.at, named, number, event.data, now)
            self._goal.credit(happening, order, event, now)
            self._journeys.close_tasks(happening, order, now)
            self._journeys.tell(happening, order, now)
            self._enter(event, happening, order, now)
        self._changed(now)

    def _hit(self, kind: HitKind, at: datetime, now: datetime) -> None:
        self._past.seen(kind, at)
        self._journeys.look_all(now)
        self._changed(now)

    def _changed(self, now: datetime) -> None:
        """Follow what a change of facts moves: dates, and who is in the segments that start the flow."""
        if self._play.calendar.triggers:
            known = self._facts(now)
            for trigger in self._play.calendar.triggers:
                standing = self._day(trigger, known), known.customer.timezone
                if self._days.get(trigger) != standing:
                    late = isinstance(trigger, DateTrigger) or trigger in self._days
                    self._days[trigger] = standing
                    # whom a moment has passed by, because the date or the zone moved, still enters
                    self._expect(trigger, max(self._play.window.since, now - LATEST) if late else now, now)
        for segment in self._segments:
            self._ask(segment, now)

    def _expect(self, trigger: Timed, after: datetime, now: datetime) -> None:
        """Note when the trigger comes next for this customer."""
        stamp = self._stamps[trigger] = self._stamps.get(trigger, 0) + 1
        day, zone = self._days[trigger]
        turn = self._play.calendar.next_for(trigger, day, zone, after)
        if turn is not None:

            def come(at: datetime) -> None:
                if self._stamps[trigger] == stamp:
                    self._enter_at(trigger, turn, at)
                    self._changed(at)
                    if self._stamps[trigger] == stamp:
                        self._expect(trigger, turn.moment, at)

            self._at(max(turn.moment, now), come)

    def _day(self, trigger: Timed, known: Facts) -> date | None:
        if not isinstance(trigger, DateTrigger):
            return None
        wall = self._play.calendar.wall(trigger, known.customer.timezone)
        return day_in(trigger, known, self._plan.reading, wall)

    def _ask_later(self, trigger: SegmentTrigger, known: Facts) -> None:
        condition = self._plan.reading.segments.get(trigger.segment)
        if condition is None:
            return
        moment = Moments(self._plan.reading, known, self._told.journeys).next_after(condition)
        stamp = self._stamps[trigger] = self._stamps.get(trigger, 0) + 1
        if moment is not None and moment <= self._play.window.until:

            def ask(now: datetime) -> None:
                if self._stamps[trigger] == stamp:
                    self._ask(trigger, now)

            self._at(moment, ask)

    def _ask(self, trigger: SegmentTrigger, now: datetime) -> None:
        """See whether the customer has come into a segment, or gone out of it."""
        condition = self._plan.reading.segments.get(trigger.segment)
        known = self._facts(now)
        held = condition is not None and self._plan.reading.holds(condition, known)
        came = held and not self._member.get(trigger.segment, False)
        self._member[trigger.segment] = held
        self._ask_later(trigger, known)
        if came:
            year = now.astimezone(self._plan.zone).year
            self._enter_at(trigger, Turn(now, f"{trigger}:{now.isoformat()}", year), now)

    def _facts(self, now: datetime, order: Order | None = None) -> Facts:
        return self._past.facts(now, order=order, flows=self._journeys.under_way())

    def _enter(self, event: PastEvent, happening: Happening, order: Order | None, now: datetime) -> None:
        """Offer the event to the flow."""
        flow, tally = self._plan.flow, self._play.tally
        trigger = listening(flow, happening.type)
        if trigger is None:
            return
        known = self._past.facts(now, order=order, event=happening, flows=self._journeys.under_way())
        last = None
        if once_of(flow, trigger).kind is OnceKind.SPAN and self._journeys.runs:
            latest = max((run.journey for run in self._journeys.runs), key=lambda one: (one.entered_at, one.id))
            last = LastEntry(latest.id, latest.entered_at)
        zone = zone_of(known.customer.timezone, self._plan.shop.timezone)
        found = match(flow, trigger, event.id, known, self._plan.reading, zone, self._play.starts_within, last)
        if found.once_key is None:
            seen = found.detail.get("seen", ()) if found.reason == "when" else ()
            tally.not_taken(found.reason or "", seen)
        elif found.once_key in self._journeys.by_key:
            tally.not_taken("once")
        else:
            self._start(found.once_key, now, happening, event.id)

    def _enter_at(self, trigger: Timed | SegmentTrigger, turn: Turn, now: datetime) -> None:
        """Enter the customer at a turn of the clock, or as they come into a segment, where the flow takes them."""
        flow, tally, placed = self._plan.flow, self._play.tally, self._past.counted
        order = its_order(trigger, placed)
        known = self._facts(now, order)
        if flow.when is not None and not self._plan.reading.holds(flow.when, known):
            tally.not_taken("when")
            return
        wall = self._plan.zone
        if not isinstance(trigger, SegmentTrigger):
            wall = self._play.calendar.wall(trigger, known.customer.timezone)
        latest = order if order is not None else placed[-1] if placed else None
        own = self._journeys.by_key
        key = key_at(flow, trigger, turn, latest, own, wall)
        if key is None or key in own:
            tally.not_taken("once")
            return
        self._start(key, now, None, None, order, turn)

    def _start(
        self,
        key: str,
        now: datetime,
        happening: Happening | None,
        event_id: int | None,
        order: Order | None = None,
        turn: Turn | None = None,
    ) -> None:
        flow, tally = self._plan.flow, self._play.tally
        number = happening.order_number if happening is not None else order.number if order is not None else None
        request = happening.request if happening is not None else None
        current = self._journeys.standing(key, number, request)
        if current is not None and not flow.restarts:
            tally.not_taken("under way")
            return
        aside = flow.holdout > 0 and BY_HASH.sets_aside(flow.name, self._told.today.id, flow.holdout)
        journey = Journey(
            id=len(self._journeys.runs) + 1,
            flow=flow.name,
            version_id=0,
            customer_id=self._told.today.id,
            once_key=key,
            state=JourneyState.CONTROL if aside else JourneyState.WAITING,
            entered_at=now,
            event_id=event_id,
            order_number=number,
            request=request,
            day=turn.day if turn is not None else None,
        )
        if current is None:
            tally.entered += 1
            tally.set_aside += aside
            self._journeys.begin(journey, happening)
            return
        tally.restarted += 1
        of = current.journey
        spanned = key.startswith("after:")  # that key names the journey before, and this is the same one
        journey = replace(journey, id=of.id, turn=of.turn + 1, once_key=of.once_key if spanned else key)
        self._journeys.begin_again(current, journey, happening)
