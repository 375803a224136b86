"""A cell's text as a value: text, day, time, amount, yes or no, an order's status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from worker.edges.importing.amounts import Mark, read_amount
from worker.edges.importing.columns import Column
from worker.edges.importing.dates import DayOrder, read_day, read_moment
from worker.edges.importing.faults import CellError
from worker.edges.importing.targets import Kind, squeezed

_UNREADABLE = re.compile("[\ud800-\udfff\ufffd]")
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
# what spreadsheets, and our own refused lines, put before a text
_MARKED_AS_TEXT = re.compile(r"'(?=[=+\-@＝＋－＠\d\t])")
_WHOLE = re.compile(r"(\d{1,7})(?:[.,]0+)?")
_SPACE = re.compile(r"\s+")

_YES = frozenset(
    {"yes", "y", "true", "t", "1", "on", "x", "v", "co", "dongy", "dung", "subscribed", "dangky", "✓", "☑"}
)
_NO = frozenset({"no", "n", "false", "f", "0", "off", "khong", "khongdongy", "sai", "unsubscribed", "notsubscribed"})
STATUSES: Mapping[str, tuple[str, ...]] = {
    "placed": ("placed", "new", "open", "pending", "processing", "onhold", "confirmed", "unfulfilled", "moi", "donmoi",
               "donhangmoi", "choxuly", "dangxuly", "choxacnhan", "daxacnhan", "dathang", "daduyet", "chuagiao",
               "chuagiaohang"),
    "packing": ("packing", "packed", "dangdonggoi", "donggoi", "dadonggoi", "cholayhang"),
    "shipped": ("shipped", "fulfilled", "intransit", "danggiao", "danggiaohang", "dangvanchuyen", "dagui"),
    "delivered": ("delivered", "completed", "complete", "hoanthanh", "hoantat", "dagiao", "dagiaohang",
                  "giaothanhcong", "thanhcong"),
    "cancelled": ("cancelled", "canceled", "voided", "huy", "dahuy", "huydon", "dahuydon"),
    "refunded": ("refunded", "hoantien", "dahoantien", "hoantientoanbo"),
}  # fmt: skip
KNOWNSTATUSES = {word: status for status, words in STATUSES.items() for word in words}
_PAID_BACK = {"refunded", "cancelled"}  # all that a status of payment says of an order


@dataclass(slots=True)
class Cells:
    """Reads the cells of a file, each by its column.

    Parameters:
        zone: zone of times that name none.
        orders, marks: how each column of days or amounts is written, by its index.
        marks_said: whether a person said the decimal mark.
        statuses: the shop's own words for an order's status, squeezed, and what they mean.
        unknown_statuses: collects statuses that are kept as they are, with the number of rows.
    """

    zone: ZoneInfo
    orders: Mapping[int, DayOrder]
    marks: Mapping[int, Mark]
    marks_said: bool = False
    statuses: Mapping[str, str] = field(default_factory=dict)
    unknown_statuses: dict[str, int] = field(default_factory=dict)

    def read(self, column: Column, text: str) -> Any:
        """Return a cell's value, as JSON has it; None for an empty one.

        Raises:
            CellError: it cannot be read.
        """
        text = plain(text)
        if not text:
            return None
        if _UNREADABLE.search(text):
            raise CellError("holds bytes that are not of the file's encoding; say --encoding, or mend the cell")
        match column.target.kind:
            case Kind.CODE:
                if _ROUNDED.fullmatch(text):
                    raise CellError("was rounded by a spreadsheet; give the column the format of text, export it again")
                return text
            case Kind.TEXT:
                return _SPACE.sub(" ", text)
            case Kind.LONG:
                return text
            case Kind.DAY:
                return read_day(text, self.orders[column.index]).isoformat()
            case Kind.MOMENT:
                return read_moment(text, self.orders[column.index], self.zone).isoformat()
            case Kind.MONEY:
                return format(read_amount(text, self.marks[column.index], said=self.marks_said), "f")
            case Kind.NUMBER:
                number = read_amount(text, self.marks[column.index], said=self.marks_said)
                return int(number) if number == number.to_integral_value() else float(number)
            case Kind.COUNT:
                return _count(text)
            case Kind.ANSWER:
                return _answer(text)
            case Kind.STATUS:
                return self._status(text)
        return self._payment(text)

    def _status(self, text: str) -> str:
        word = squeezed(text).removeprefix("wc")
        found = self.statuses.get(squeezed(text)) or KNOWNSTATUSES.get(word)
        if found is None:
            self.unknown_statuses[text] = self.unknown_statuses.get(text, 0) + 1
        return found or _SPACE.sub(" ", text)

    def _payment(self, text: str) -> str | None:
        found = self.statuses.get(squeezed(text)) or KNOWNSTATUSES.get(squeezed(text))
        return found if found in _PAID_BACK else None


def plain(text: str) -> str:
    """Return a cell's text without spaces around it, and without the apostrophe that marks it as text."""
    text = text.strip()
    return text[1:] if _MARKED_AS_TEXT.match(text) else text


def _count(text: str) -> int:
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise CellError("is no whole number")
    return int(found[1])


def _answer(text: str) -> bool:
    word = squeezed(text) or text
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError(
        "is neither yes nor no; write yes, no, có, không, true, false, 1 or 0, or nothing where it is not known"
    )
