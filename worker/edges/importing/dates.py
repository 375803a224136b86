"""Days and times as spreadsheets write them; which number is the day is told by the column, or asked, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.edges.importing.faults import CellError, ImportingError

_DAY = r"(?P<a>\d{1,4})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?|SA|CH)?"
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)"
_FORMS = (
    re.compile(rf"{_DAY}(?:(?:[T,]|\s)\s*{_TIME}\s*{_ZONE}?)?"),
    re.compile(rf"{_TIME},?\s+{_DAY}"),  # 14:05 01/03/2026, as Vietnamese programs write it
)
_AFTERNOON = ("p", "ch")
_SERIAL = re.compile(r"[2-5]\d{4}([.,]\d+)?")  # days since 1899-12-30, which a spreadsheet shows as a date


class DayOrder(StrEnum):
    """How a column writes days where the year does not come first."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


ORDER_TITLES = {DayOrder.DMY: "day/month/year", DayOrder.MDY: "month/day/year", DayOrder.YMD: "year-month-day"}


@dataclass(frozen=True, slots=True)
class DateEvidence:
    """What a column's values say of the order of day and month.

    Parameters:
        day_first, month_first: how many can only be read so.
        either: how many could be read both ways, with different results.
        example: one of those.
    """

    day_first: int = 0
    month_first: int = 0
    either: int = 0
    example: str = ""

    def __add__(self, other: DateEvidence) -> DateEvidence:
        return DateEvidence(
            self.day_first + other.day_first,
            self.month_first + other.month_first,
            self.either + other.either,
            self.example or other.example,
        )


def date_evidence(text: str) -> DateEvidence:
    """Return what one value says."""
    found = _match(text)
    if found is None or len(found["a"]) == 4:
        return DateEvidence()
    first, second = int(found["a"]), int(found["b"])
    if first == second:
        return DateEvidence()
    if 12 < first <= 31 and second <= 12:
        return DateEvidence(day_first=1)
    if first <= 12 < second <= 31:
        return DateEvidence(month_first=1)
    return DateEvidence(either=1, example=text.strip()) if first <= 12 and second <= 12 else DateEvidence()


def settle_order(column: str, evidence: DateEvidence, said: DayOrder | None) -> DayOrder:
    """Decide how a column writes its days.

    Raises:
        ImportingError: its values do not say, or contradict each other.
    """
    if said is not None:
        return said
    if evidence.day_first and evidence.month_first:
        raise ImportingError(
            f"column '{column}' has days before months ({evidence.day_first:,} times) and months before days "
            f"({evidence.month_first:,} times); say --dates dmy or --dates mdy, and the others are refused"
        )
    if evidence.month_first:
        return DayOrder.MDY
    if evidence.either and not evidence.day_first:
        raise ImportingError(
            f"column '{column}' does not say whether '{evidence.example}' is day/month or month/day; "
            "say --dates dmy (day first, as in Vietnam) or --dates mdy"
        )
    return DayOrder.DMY if evidence.day_first else DayOrder.YMD


def read_day(text: str, order: DayOrder) -> date:
    """Read a day; a time beside it is left out.

    Raises:
        CellError: it is none.
    """
    return _day(_found(text), order)


def read_moment(text: str, order: DayOrder, zone: ZoneInfo) -> datetime:
    """Read a time; without a zone it is in `zone`, without a time of day at the day's beginning.

    Raises:
        CellError: it is none.
    """
    found = _found(text)
    moment = datetime.combine(_day(found, order), _time(found))
    offset = _offset(found.groupdict().get("zone"))
    return moment.replace(tzinfo=offset or zone)


def _match(text: str) -> re.Match[str] | None:
    text = text.strip()
    return next((found for form in _FORMS if (found := form.fullmatch(text))), None)


def _found(text: str) -> re.Match[str]:
    found = _match(text)
    if found is not None:
        return found
    if _SERIAL.fullmatch(text.strip()):
        raise CellError("is a spreadsheet's number of a day; give the column the format of a date and export it again")
    raise CellError("is no date; write 2026-03-01, 01/03/2026, or with a time 2026-03-01 14:05")


def _day(found: re.Match[str], order: DayOrder) -> date:
    a, b, c = found["a"], found["b"], found["c"]
    if len(a) == 4:
        year, month, day = a, b, c
    elif len(c) != 4:
        raise CellError("has a year of two digits; write it with four")
    elif order is DayOrder.DMY or (order is DayOrder.YMD and a == b):
        year, month, day = c, b, a
    elif order is DayOrder.MDY:
        year, month, day = c, a, b
    else:
        raise CellError("does not begin with the year, as --dates ymd says")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise CellError(f"is no day of the calendar, read as {ORDER_TITLES[order]}") from None


def _time(found: re.Match[str]) -> time:
    if found["hour"] is None:
        return time()
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise CellError("has an hour beyond 12 beside AM or PM")
        hour = hour % 12 + (12 if half.startswith(_AFTERNOON) else 0)
    try:
        return time(hour, int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        raise CellError("has a time that no day has") from None


def _offset(written: str | None) -> tzinfo | None:
    if not written:
        return None
    if written[0] not in "+-":
        return UTC
    span = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    try:
        return timezone(-span if written[0] == "-" else span)
    except ValueError:
        raise CellError("has an offset from UTC that no place has") from None
