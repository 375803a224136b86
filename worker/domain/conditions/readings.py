"""How a value is read: what counts as a number, and which texts are a date or a time beside one.

Both readers of conditions, on values and in SQL, keep to what is said here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Scalar = str | float | bool | date | datetime
Value = Scalar | tuple[Scalar, ...] | None

# Numbers of data that are larger or (but for 0) smaller are missing: within these, and with few operators in one
# calculation (worker.language.expressions.expressions), no result leaves the range of a double in either database.
LARGEST = 1e18
SMALLEST = 1e-18

_YEAR = "[12][0-9]{3}"
_LEAP = "([12][0-9](0[48]|[2468][048]|[13579][26])|(12|16|20|24|28)00)"
# Years 1000 to 2999, and only days that the calendar has; understood alike by Python and PostgreSQL.
DATE_PATTERN = (
    f"({_YEAR}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|{_YEAR}-(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|{_YEAR}-02-(0[1-9]|1[0-9]|2[0-8])|{_LEAP}-02-29)"
)
# ISO 8601 with an offset, to the microsecond.
TIME_PATTERN = (
    DATE_PATTERN + r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
_DATE = re.compile(DATE_PATTERN)
_TIME = re.compile(TIME_PATTERN)


def date_of(text: str) -> date | None:
    """Return the day that a text such as `2027-03-01` means, or None where it is no such text."""
    return date.fromisoformat(text) if _DATE.fullmatch(text) else None


def time_of(text: str) -> datetime | None:
    """Return the moment, in UTC, of a text such as `2027-03-01T14:00:00+07:00`, or None where it is no such text."""
    return datetime.fromisoformat(text).astimezone(UTC) if _TIME.fullmatch(text) else None


def written_time(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the moment of a text that stands in an expression: a date alone is its midnight in the shop's zone."""
    day = date_of(text)
    if day is not None:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    return time_of(text)


def number_of(value: int | float | Decimal) -> float | None:
    """Return a number as the double that both readers count with, or None where it is too large or too small."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number == 0 or SMALLEST <= abs(number) <= LARGEST else None


def plain(value: Any) -> Value:
    """Return what was kept of an own field or an event's field: text, number, true or false, or a list of those.

    Anything else, an object or null, is missing.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(read for item in value if (read := _scalar(item)) is not None)
    return _scalar(value)


def within(data: Mapping[str, Any], path: Sequence[str]) -> Value:
    """Return a field of nested data, or None where it is missing."""
    found: Any = data
    for part in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return plain(found)


def _scalar(value: Any) -> Scalar | None:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float | Decimal):
        return number_of(value)
    return None
