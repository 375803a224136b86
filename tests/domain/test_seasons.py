"""On which days seasons fall, for every year from 1970 to 2099."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lunar_vn import convert_solar_to_lunar

from worker.domain.calendars.seasons import (
    FIRST_YEAR,
    LAST_YEAR,
    Easter,
    FixedDay,
    ListedDays,
    LunarDay,
    NthWeekday,
    Rule,
    Season,
)

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
TET = Season("tet", {}, LunarDay(1, 1))


def _on(rule: Rule, year: int, shift: int = 0) -> list[str]:
    return [day.isoformat() for day in Season("s", {}, rule, shift).days(year)]


@pytest.mark.parametrize(
    "day",
    [
        "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2030-02-02",
        "1985-01-21", "2007-02-17", "2053-02-18",  # where calendars of China differ by a day or a month
    ],
)  # fmt: skip
def test_tet(day: str) -> None:
    """Given a year, when Tết is asked for, then it is Vietnam's, not China's."""
    assert _on(LunarDay(1, 1), int(day[:4])) == [day]


def test_each_lunar_season_comes_once_a_year() -> None:
    """Given the lunar days that shops keep, when every year is asked, then each falls once, where it belongs."""
    for year in YEARS:
        (tet,) = TET.days(year)
        assert date(year, 1, 20) <= tet <= date(year, 2, 21)
        for day, month, first, last in ((23, 12, (1, 12), (2, 13)), (10, 3, (3, 29), (5, 2)), (15, 8, (9, 6), (10, 7))):
            (falls,) = Season("s", {}, LunarDay(day, month)).days(year)
            assert date(year, *first) <= falls <= date(year, *last), (year, day, month, falls)


def test_new_years_eve_is_the_day_before_tet_though_month_12_has_29_days() -> None:
    """Given years whose month 12 has 29 days, when Giao thừa is asked for, then it is the day before Tết."""
    for year in YEARS:
        (eve,) = Season("giao-thua", {}, LunarDay(1, 1), -1).days(year)
        assert eve + timedelta(days=1) == TET.days(year)[0]


def test_of_a_month_that_comes_twice_the_first_counts() -> None:
    """Given 2025 with its second month 6, when a day of month 6 is asked for, then it is the first month's."""
    assert _on(LunarDay(15, 6), 2025) == ["2025-07-09"]


@given(year=st.sampled_from(YEARS), day=st.integers(1, 29), month=st.integers(1, 12))
def test_a_lunar_day_is_that_lunar_day(year: int, day: int, month: int) -> None:
    """Given any lunar day, when it falls in a year, then converting back gives the day that was asked for."""
    for falls in Season("s", {}, LunarDay(day, month)).days(year):
        back = convert_solar_to_lunar(falls.day, falls.month, falls.year)
        assert (falls.year, back.day, back.month, back.leap) == (year, day, month, False)


def test_days_of_the_solar_calendar() -> None:
    """Given the rules of our own calendar, when they are asked, then they give the day that is known."""
    assert _on(FixedDay(12, 25), 2026) == ["2026-12-25"]
    assert _on(FixedDay(2, 29), 2028) == ["2028-02-29"]
    assert _on(FixedDay(2, 29), 2027) == ["2027-02-28"]
    assert _on(NthWeekday(4, 3, 11), 2026, 1) == ["2026-11-27"]  # Black Friday
    assert _on(NthWeekday(-1, 4, 5), 2027) == ["2027-05-28"]
    assert _on(NthWeekday(5, 0, 2), 2027) == []
    assert _on(Easter(), 2027) == ["2027-03-28"]
    assert _on(ListedDays((date(2027, 3, 8), date(2028, 3, 7))), 2028) == ["2028-03-07"]


def test_a_shift_over_new_year_is_kept_in_its_year() -> None:
    """Given 1 January shifted a day back, when a year is asked, then the day falls at its end."""
    assert _on(FixedDay(1, 1), 2027, -1) == ["2027-12-31"]


def test_a_year_that_is_not_known_is_refused() -> None:
    """Given a year beyond the known ones, when it is asked, then the error says which are known."""
    with pytest.raises(ValueError, match="1970 to 2099"):
        TET.days(2100)
