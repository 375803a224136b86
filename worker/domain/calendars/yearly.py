"""Days that return each year, and days that lie an offset away from others."""

from __future__ import annotations

from calendar import isleap
from datetime import date, datetime, time, timedelta

from worker.domain.durations import Duration

_CLAMPED = 3  # days by which the end of a month may be shorter than another


def moved(day: date, offset: Duration) -> date:
    """Return the day that lies the offset after: by the calendar, 31 January and a month is the end of February.

    Raises:
        OverflowError: there is no such day (ValueError where the year is not one).
    """
    return offset.after(datetime.combine(day, time())).date()


def days_before(day: date, offset: Duration) -> tuple[date, ...]:
    """Return the days from which the offset leads to `day`: mostly one, up to four at the end of a month, or none."""
    if not offset.count:
        return (day,)
    back = moved(day, Duration(-offset.count, offset.unit))
    near = (back + timedelta(days=days) for days in range(-_CLAMPED, _CLAMPED + 1))
    return tuple(one for one in near if moved(one, offset) == day)


def returning(day: date) -> tuple[tuple[int, int], ...]:
    """Return the months and days that are kept on `day`: of 28 February in a common year, 29 February too."""
    if (day.month, day.day) == (2, 28) and not isleap(day.year):
        return ((2, 28), (2, 29))
    return ((day.month, day.day),)
