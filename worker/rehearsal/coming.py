"""When the clock next has something to do for the one customer of a test: a turn of a trigger, a coming into a segment.

The engine itself finds and enters; here is only said at which moments it is worth while to let it look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from worker.domain.calendars.occurrences import Seasons, next_of, own_turn
from worker.domain.calendars.turns import Turn
from worker.domain.conditions.readings import date_of, time_of
from worker.domain.conditions.tree import Expression, Name
from worker.domain.conditions.values import needs
from worker.domain.customers import Customer
from worker.domain.facts import Facts, Needs
from worker.domain.triggers import DateTrigger, SegmentTrigger, Timed
from worker.domain.zones import zone_of
from worker.engine.segments import EVERY
from worker.engine.surroundings import Surroundings
from worker.rehearsal.backtest.moments import Moments
from worker.storage import facts
from worker.storage.facts import Asking
from worker.storage.tables import segment, segment_member

_HOUR = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)
FURTHEST = timedelta(days=1_100)  # after the last that is given; where it says no end, nothing is looked for beyond

_MEMBER = select(segment_member.c.since).where(
    segment_member.c.segment == bindparam("segment"), segment_member.c.customer_id == bindparam("customer")
)
_CHECKED = select(segment.c.checked_at).where(segment.c.name == bindparam("segment"))


class Coming:
    """Looks ahead for one customer.

    Parameters:
        seasons: the shop's.
    """

    def __init__(self, around: Surroundings, seasons: Seasons) -> None:
        self._around = around
        self._seasons = seasons

    def turn(self, connection: Connection, trigger: Timed, customer: Customer, now: datetime) -> Turn | None:
        """Return the next turn of a trigger for the customer, None where none comes."""
        zone = zone_of(None if trigger.by_shop else customer.timezone, self._around.shop.timezone)
        if not isinstance(trigger, DateTrigger):
            return next_of(trigger, zone, now, self._seasons)
        known = facts.load(connection, Asking(customer, Needs()), self._around.shop, now)
        value = self._around.reading.value(Name(tuple(trigger.field.split("."))), known)
        if isinstance(value, str):
            value = date_of(value) or time_of(value)
        if isinstance(value, datetime):
            value = value.astimezone(zone).date()
        return own_turn(trigger, value, zone, now) if isinstance(value, date) else None

    def changes_segment(
        self, connection: Connection, trigger: SegmentTrigger, whose: Customer, now: datetime, until: datetime
    ) -> datetime | None:
        """Return when the customer, as they are now, comes into a segment or leaves it; None: not until then.

        The clock looks once an hour who was brought there by time alone; in a test, at each full hour.
        """
        condition = self._around.reading.segments.get(trigger.segment)
        if condition is None:
            return None
        wanted = needs(condition.tree, self._around.reading.segments)
        known = facts.load(connection, Asking(whose, wanted), self._around.shop, now)
        kept = connection.execute(_MEMBER, {"segment": trigger.segment, "customer": whose.id}).first() is not None
        checked = connection.execute(_CHECKED, {"segment": trigger.segment}).scalar()
        first = now if checked is None else checked + EVERY
        if self._around.reading.holds(condition, known) != kept:
            return max(first, now + _INSTANT)
        for moment in self._changes(condition, known, until):
            if self._around.reading.holds(condition, replace(known, now=moment)) != kept:
                return max(first, moment)
        return None

    def _changes(self, condition: Expression, known: Facts, until: datetime) -> Iterator[datetime]:
        """Yield the full hours after each moment at which a condition may become another."""
        moment = known.now
        while True:
            found = Moments(self._around.reading, replace(known, now=moment), []).next_after(condition)
            if found is None or found > until:
                return
            hour = found.replace(minute=0, second=0, microsecond=0)
            moment = hour if hour >= found else hour + _HOUR
            yield moment
