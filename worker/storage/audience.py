"""Whom a turn of a trigger concerns: the customers of a zone, and those whose date it is, as conditions in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Date, and_, false, func, literal, or_, select

from worker.domain.calendars.occurrences import anniversaries
from worker.domain.calendars.turns import Turn
from worker.domain.calendars.walls import MIDNIGHT, on_the_wall
from worker.domain.calendars.yearly import returning
from worker.domain.conditions.tree import Name
from worker.domain.triggers import DateTrigger, Timed
from worker.domain.zones import zone_of
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.names import name_in
from worker.storage.conditions.quantities import Condition, Sql, either
from worker.storage.month_day import month_day
from worker.storage.tables import customer
from worker.storage.types import Instant

EVERYBODY = "*"  # the group of a trigger that comes at one moment for all
NO_ZONE = ""  # the group of those whose zone is not known
BIRTHDAY = "customer.birthday"
_FIRST_YEAR = 1970  # before which no shop recorded a moment
_DAY = timedelta(days=1)


def groups(trigger: Timed, zones: Sequence[str]) -> list[str]:
    """Return the groups of customers for whom a trigger comes at a moment of their own."""
    return [EVERYBODY] if trigger.by_shop else [NO_ZONE, *zones]


def wall_of(group: str, shop: str) -> ZoneInfo:
    """Return the zone on whose wall a group reads the time.

    Parameters:
        shop: the shop's zone, which counts for a zone that is not known.
    """
    return zone_of(None if group in (EVERYBODY, NO_ZONE) else group, shop)


def of_group(group: str) -> list[Condition]:
    """Return the condition of a group's customers."""
    if group == EVERYBODY:
        return []
    return [customer.c.timezone.is_(None) if group == NO_ZONE else customer.c.timezone == group]


def whose_day(trigger: Timed, turn: Turn, zone: ZoneInfo, context: SqlContext) -> list[Condition]:
    """Return the condition of those whose date comes at this turn; a value that is no date comes for nobody."""
    if not isinstance(trigger, DateTrigger):
        return []
    held = name_in(Name(tuple(trigger.field.split("."))), context)
    dates: list[Sql] = [one for one in (held.date,) if one is not None]
    moments: list[Sql] = [one for one in (held.time,) if one is not None]
    if held.text is not None:
        dates.append(context.words.date_of(held.text))
        moments.append(context.words.time_of(held.text))
    days = anniversaries(trigger, turn)
    found: list[Condition] = []
    for day in days:
        found += [_on(day, one) if not trigger.yearly else _returns(day, one) for one in dates]
        found += [_within(day, one, zone) if not trigger.yearly else _within_years(day, one, zone) for one in moments]
    return [either(*found) if found else false()]


def slice_end(connection: Connection, among: Sequence[Condition], reached: int, size: int, by_date: bool) -> int | None:
    """Return the number of the last customer of the next slice, or None where there is no further one.

    Parameters:
        among: conditions that an index serves.
        by_date: whether that is the index of birthdays: then the few are sorted, instead of walking over all.
    """
    order: Any = customer.c.id + 0 if by_date else customer.c.id
    ids = select(customer.c.id).where(*among, customer.c.id > reached).order_by(order).limit(size).subquery()
    return connection.execute(select(func.max(ids.c.id))).scalar()


def birthdays(trigger: Timed, turn: Turn) -> list[Condition]:
    """Return the condition that the index of birthdays serves, where the trigger goes by them."""
    if not isinstance(trigger, DateTrigger) or trigger.field != BIRTHDAY:
        return []
    numbers = {month * 100 + day for one in anniversaries(trigger, turn) for month, day in returning(one)}
    return [month_day(customer.c.birthday).in_(sorted(numbers))]


def _on(day: date, value: Sql) -> Condition:
    return value == literal(day, Date())


def _returns(day: date, value: Sql) -> Condition:
    numbers = [month * 100 + number for month, number in returning(day)]
    return and_(month_day(value).in_(numbers), value <= literal(day, Date()))


def _within(day: date, value: Sql, zone: ZoneInfo) -> Condition:
    """Whether a moment lies on a day of the wall."""
    begins, ends = on_the_wall(day, MIDNIGHT, zone), on_the_wall(day + _DAY, MIDNIGHT, zone)
    return and_(value >= literal(begins, Instant()), value < literal(ends, Instant()))


def _within_years(day: date, value: Sql, zone: ZoneInfo) -> Condition:
    """Whether a moment lies on that day in an earlier year."""
    days = [
        date(year, month, number)
        for month, number in returning(day)
        for year in range(_FIRST_YEAR, day.year)
        if (month, number) != (2, 29) or year % 4 == 0  # exact from 1901 to 2099
    ]
    return or_(*(_within(one, value, zone) for one in days)) if days else false()
