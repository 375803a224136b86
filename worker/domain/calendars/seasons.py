"""Seasons: a day of each year, told by a rule of the solar, the church or the Vietnamese lunar calendar."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.easter import easter

from worker.domain.calendars.lunar import lunar_days

FIRST_YEAR, LAST_YEAR = 1970, 2099  # years for which every rule is known to be right


@dataclass(frozen=True, slots=True)
class FixedDay:
    """The same day each year; 29 February falls on the 28th in common years."""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """The nth such weekday of a month, 0 = Monday; -1 is the last."""

    nth: int
    weekday: int
    month: int


@dataclass(frozen=True, slots=True)
class Easter:
    """Easter Sunday of the western churches (Gregorian computus)."""


@dataclass(frozen=True, slots=True)
class LunarDay:
    """A day of the Vietnamese lunar calendar; in a year with that month twice, the first of the two."""

    day: int
    month: int


@dataclass(frozen=True, slots=True)
class ListedDays:
    """Days that are written down one by one."""

    days: tuple[date, ...]


Rule = FixedDay | NthWeekday | Easter | LunarDay | ListedDays


@dataclass(frozen=True, slots=True)
class Season:
    """A season of the shop.

    Parameters:
        title: by language.
        shift: days that it falls after the rule's day; negative for before (Giao thừa is the day before Tết).
    """

    name: str
    title: Mapping[str, str]
    rule: Rule
    shift: int = 0

    def days(self, year: int) -> tuple[date, ...]:
        """Return the days on which the season falls in a year of our calendar: mostly one, sometimes none or two.

        Raises:
            ValueError: the year is not between 1970 and 2099.
        """
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueError(f"seasons are known from {FIRST_YEAR} to {LAST_YEAR}, not for {year}")
        shifted = timedelta(days=self.shift)
        around = (day + shifted for near in (year - 1, year, year + 1) for day in _days(self.rule, near))
        return tuple(sorted({day for day in around if day.year == year}))


def _days(rule: Rule, year: int) -> tuple[date, ...]:
    match rule:
        case FixedDay(month, day):
            return (date(year, month, min(day, monthrange(year, month)[1])),)
        case NthWeekday(nth, weekday, month):
            found = _nth(nth, weekday, month, year)
            return (found,) if found else ()
        case Easter():
            return (easter(year),)
        case LunarDay(day, month):
            return lunar_days(day, month, year)
        case ListedDays(days):
            return tuple(day for day in days if day.year == year)


def _nth(nth: int, weekday: int, month: int, year: int) -> date | None:
    last = monthrange(year, month)[1]
    days = [day for day in range(1, last + 1) if date(year, month, day).weekday() == weekday]
    try:
        return date(year, month, days[nth - 1 if nth > 0 else nth])
    except IndexError:
        return None
