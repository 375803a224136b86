"""The audience of a flow, counted beforehand: whom each of its triggers enters at its next turn, and who is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.domain.calendars.occurrences import Seasons, next_of, turn_on
from worker.domain.calendars.turns import Turn
from worker.domain.customers import Customer
from worker.domain.flows import Flow
from worker.domain.messages import Kind
from worker.domain.policy import Pending, SkipReason, skip
from worker.domain.triggers import DateTrigger, EventTrigger, SegmentTrigger, Timed, Trigger
from worker.engine.surroundings import Surroundings
from worker.storage import audience, customers, occurrences
from worker.storage.audience_counts import Counts, count_audience, some_of_audience
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.quantities import Condition
from worker.storage.conditions.words import words_of
from worker.storage.enrolment import Entrance
from worker.storage.tables import customer

_DAYS_AHEAD = 62  # in which the next day is looked for on which a date in the record has somebody


@dataclass(frozen=True, slots=True)
class Person:
    """One customer of an audience.

    Parameters:
        moment: when they would enter.
        zone: on whose wall that is read.
        skipped: why a mail to them would be, as things stand; None: it would go.
    """

    customer: Customer
    moment: datetime
    zone: str
    skipped: SkipReason | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The audience of one trigger on one day.

    Parameters:
        day: of the walls on which the turn comes; None where none comes, or the trigger is none of the clock.
        first, last: the moments of the first and the last zone in which somebody enters.
    """

    trigger: Trigger
    day: date | None = None
    first: datetime | None = None
    last: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    people: tuple[Person, ...] = ()


def preview(
    connection: Connection,
    around: Surroundings,
    flow: Flow,
    seasons: Seasons,
    now: datetime,
    day: date | None = None,
    most: int = 10,
    *,
    opt_out: bool = False,
) -> list[Preview]:
    """Return the audience of each trigger of a flow.

    Conditions are asked with the facts as they are now, and the time that it is at the turn.

    Parameters:
        day: of the turn, on each wall; by default that of the next (of a date in the record, the next that somebody
            has within two months).
        most: people to return of each trigger.
        opt_out: whether advertising goes to whoever did not say no (`policy.marketing_consent`).
    """
    zones = occurrences.zones(connection)
    counting = _Counting(connection, around, flow, seasons, zones, most, opt_out)
    return [
        Preview(trigger)
        if isinstance(trigger, (EventTrigger, SegmentTrigger))
        else counting.on(trigger, day)
        if day is not None
        else counting.next(trigger, now)
        for trigger in flow.triggers
    ]


@dataclass(frozen=True, slots=True)
class _Counting:
    connection: Connection
    around: Surroundings
    flow: Flow
    seasons: Seasons
    zones: Sequence[str]
    most: int
    opt_out: bool

    def next(self, trigger: Timed, now: datetime) -> Preview:
        wall = ZoneInfo(self.around.shop.timezone)
        turn = next_of(trigger, wall, now, self.seasons)
        if turn is None or turn.local is None:
            return Preview(trigger)
        found = self.on(trigger, turn.local[0])
        if not isinstance(trigger, DateTrigger):
            return found
        for ahead in range(1, _DAYS_AHEAD):
            if found.counts.customers:
                break
            found = self.on(trigger, turn.local[0] + timedelta(days=ahead))
        return found if found.counts.customers else self.on(trigger, turn.local[0])

    def on(self, trigger: Timed, day: date) -> Preview:
        counts, moments, people = Counts(), [], []
        comes = False
        for group in audience.groups(trigger, self.zones):
            wall = audience.wall_of(group, self.around.shop.timezone)
            turn = turn_on(trigger, wall, day, self.seasons)
            if turn is None:
                continue
            comes = True
            entrance, among = self._entrance(trigger, turn, group, wall)
            marketing = self.flow.kind is Kind.MARKETING
            counted = count_audience(
                self.connection, entrance, among, marketing=marketing, asks=marketing and not self.opt_out
            )
            if counted.customers:
                counts += counted
                moments.append(turn.moment)
                people += self._people(entrance, among, wall, turn.moment)
        return Preview(
            trigger,
            day if comes else None,
            min(moments, default=None),
            max(moments, default=None),
            counts,
            tuple(people[: self.most]),
        )

    def _entrance(self, trigger: Timed, turn: Turn, group: str, wall: ZoneInfo) -> tuple[Entrance, list[Condition]]:
        segments = self.around.reading.segments
        entrance = Entrance(self.flow, trigger, turn, wall, self.around.shop, turn.moment, segments)
        context = SqlContext(words_of(self.connection.dialect), turn.moment, self.around.shop, customer)
        whose = audience.whose_day(trigger, turn, wall, context)
        return entrance, [*audience.of_group(group), *audience.birthdays(trigger, turn), *whose]

    def _people(self, entrance: Entrance, among: list[Condition], wall: ZoneInfo, moment: datetime) -> list[Person]:
        ids = some_of_audience(self.connection, entrance, among, self.most)
        known = customers.by_id(self.connection, ids)
        found = [known[number] for number in ids if number in known]
        kind, opt_out = self.flow.kind, self.opt_out
        return [Person(one, moment, wall.key, skip(Pending(kind, one), moment, opt_out=opt_out)) for one in found]
