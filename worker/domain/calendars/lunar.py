"""Days of the Vietnamese lunar calendar (UTC+7), by the `lunar-vn` package with its gaps closed.

The package follows Hồ Ngọc Đức's algorithm, which agrees with an astronomical reference for 1968 to 2099 (see
`tests/domain/test_seasons.py`). It takes a day that a month does not have without a word: so each answer is converted
back and compared.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from lunar_vn import convert_lunar_to_solar, convert_solar_to_lunar

UTC_PLUS_7 = 7.0  # hours; the calendar's own zone, whatever the customer's


@lru_cache(4_096)
def lunar_days(day: int, month: int, year: int) -> tuple[date, ...]:
    """Return the days of our calendar's `year` on which this lunar day falls: one, none or two.

    Of a month that comes twice (a leap month) the first counts. Which lunar year a day belongs to does not matter:
    the 23rd of month 12 falls in the January or February after.
    """
    found = (_solar(day, month, lunar_year) for lunar_year in (year - 1, year))
    return tuple(sorted(one for one in found if one is not None and one.year == year))


def _solar(day: int, month: int, lunar_year: int) -> date | None:
    try:
        solar = convert_lunar_to_solar(day, month, lunar_year, 0, UTC_PLUS_7)
    except ValueError:
        return None
    back = convert_solar_to_lunar(solar.day, solar.month, solar.year, UTC_PLUS_7)
    return solar if (back.day, back.month, back.year) == (day, month, lunar_year) else None
