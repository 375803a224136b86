"""Durations as a marketer writes them: `3 days`, `-21 days`, `2 hours`, `1 month`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
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
# What people write from habit, in English and Vietnamese.
_UNITS = {
    "m": "minutes", "min": "minutes", "mins": "minutes", "phút": "minutes",
    "h": "hours", "hr": "hours", "hrs": "hours", "giờ": "hours",
    "d": "days", "ngày": "days",
    "w": "weeks", "wk": "weeks", "tuần": "weeks",
    "mo": "months", "tháng": "months",
    "y": "years", "yr": "years", "năm": "years",
}  # fmt: skip
_NEAR = 0.6  # of the letters are as they should be: two of three, as in "dya"


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


def duration_meant(written: str) -> str | None:
    """Return the duration that somebody most likely meant by `3d`, `90 dayz` or `2 tuần`, as written, or None."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*([^\W\d]{0,20})\s*", written)
    if found is None:
        return None
    word = found[2].casefold()
    units = [form for unit in Unit for form in (unit.value, unit.value[:-1])]
    near = get_close_matches(word, units, 1, _NEAR)
    meant = _UNITS.get(word) or (near[0] if near else None)
    if meant is None:
        return None
    count, singular = int(found[1]), meant.rstrip("s")
    return f"{count} {singular if count == 1 else singular + 's'}"
