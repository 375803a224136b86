"""Durations as a marketer writes them: `3 days`, `-21 days`, `2 hours`, `1 month`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dateutil.relativedelta import relativedelta


class Unit(StrEnum):
    """A unit of time; minutes and hours are exact, the others follow the calendar."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


_WRITTEN = re.compile(r"\s*(-?\d+)\s*(minute|hour|day|week|month|year)s?\s*")


@dataclass(frozen=True, slots=True)
class Duration:
    """A count of one unit; negative for a time before."""

    count: int
    unit: Unit

    @property
    def by_calendar(self) -> bool:
        """Whether it is counted in days of the calendar (days, weeks, months, years), not in exact time."""
        return self.unit not in (Unit.MINUTES, Unit.HOURS)

    def after(self, local: datetime) -> datetime:
        """Return the wall-clock moment this long after `local`, by the calendar (31 January + 1 month: 28 February)."""
        return local + relativedelta(**{self.unit.value: self.count})  # type: ignore[arg-type]

    def span(self) -> timedelta:
        """Return its length, a month counted as 30 days and a year as 365: for windows, not for the calendar."""
        days = {Unit.DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 30, Unit.YEARS: 365}
        if self.unit is Unit.MINUTES:
            return timedelta(minutes=self.count)
        if self.unit is Unit.HOURS:
            return timedelta(hours=self.count)
        return timedelta(days=self.count * days[self.unit])

    def __str__(self) -> str:
        unit = self.unit.value[:-1] if abs(self.count) == 1 else self.unit.value
        return f"{self.count} {unit}"


def parse_duration(text: str) -> Duration:
    """Read `3 days` and the like.

    Raises:
        ValueError: the text is no duration; the message says what one looks like.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no duration; write a whole number and a unit, for example '3 days' or '2 hours'")
    return Duration(int(match.group(1)), Unit(match.group(2) + "s"))
