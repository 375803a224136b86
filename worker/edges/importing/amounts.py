"""Amounts as spreadsheets write them: `450.000 ₫`, `450,000`, `1,234.50`; the decimal mark is told by the column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from babel.numbers import get_currency_precision

from worker.edges.importing.faults import CellError, ImportingError


class Mark(StrEnum):
    """What parts the decimals in a column."""

    POINT = "point"
    COMMA = "comma"
    NONE = "none"  # there are none: points and commas stand between thousands


class Reading(StrEnum):
    """How one number can be read."""

    PLAIN = "plain"  # digits only
    POINT = "point"  # the point can only be the decimal mark, or the comma only part thousands
    COMMA = "comma"
    OPEN_POINT = "open-point"  # 450.000: thousands, or three decimals
    OPEN_COMMA = "open-comma"


MARK_TITLES = {
    Mark.POINT: "the point parts decimals",
    Mark.COMMA: "the comma parts decimals",
    Mark.NONE: "no decimals; points and commas part thousands",
}
_CURRENCY = r"(?:[₫$€£¥₩฿₱]|VN[DĐ]|đồng|đ|USD|US\$|EUR|GBP|JPY|KRW|THB|SGD|AUD|CAD|CNY|TWD)"
_NUMBER = re.compile(
    rf"(?P<sign>[-−+]|\()?\s*{_CURRENCY}?\s*(?P<sign2>[-−])?(?P<body>\d[\d.,'’\s]*?)\s*{_CURRENCY}?\s*(?P<close>\))?",
    re.IGNORECASE,
)
_SPACED = re.compile(r"\d{1,3}(?:[\s'’]\d{3})+(?:[.,]\d+)?")
_POINT_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_COMMA_GROUPS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class AmountEvidence:
    """What a column's values say of its decimal mark: how many of each reading, with an example of an open one."""

    point: int = 0
    comma: int = 0
    either: int = 0
    example: str = ""

    def __add__(self, other: AmountEvidence) -> AmountEvidence:
        return AmountEvidence(
            self.point + other.point,
            self.comma + other.comma,
            self.either + other.either,
            self.example or other.example,
        )


def amount_evidence(text: str) -> AmountEvidence:
    """Return what one value says."""
    try:
        reading = _reading(_body(text)[0])
    except CellError:
        return AmountEvidence()
    match reading:
        case Reading.POINT:
            return AmountEvidence(point=1)
        case Reading.COMMA:
            return AmountEvidence(comma=1)
        case Reading.PLAIN:
            return AmountEvidence()
    return AmountEvidence(either=1, example=text.strip())


def without_decimals(currencies: Iterable[str]) -> bool:
    """Whether all these currencies (ISO 4217) are ones without decimals, as the đồng is."""
    found = list(currencies)
    return bool(found) and all(get_currency_precision(currency.upper()) == 0 for currency in found)


def settle_mark(column: str, evidence: AmountEvidence, said: Mark | None, whole: bool) -> Mark:
    """Decide what parts the decimals in a column.

    Parameters:
        whole: whether its currency has no decimals, which decides where the values do not.

    Raises:
        ImportingError: its values do not say, or contradict each other.
    """
    if said is not None:
        return said
    if evidence.point and evidence.comma:
        raise ImportingError(
            f"column '{column}' has decimal points ({evidence.point:,} times) and decimal commas "
            f"({evidence.comma:,} times); say --decimal point or --decimal comma, and the others are refused"
        )
    if evidence.point or evidence.comma:
        return Mark.POINT if evidence.point else Mark.COMMA
    if evidence.either and not whole:
        raise ImportingError(
            f"column '{column}' does not say whether '{evidence.example}' has thousands or decimals; "
            "say --decimal point or --decimal comma"
        )
    return Mark.NONE


def read_amount(text: str, mark: Mark, *, said: bool = False) -> Decimal:
    """Read an amount; a minus or parentheses make it negative.

    Parameters:
        said: whether a person said the mark; if not, a number that could be read otherwise is refused.

    Raises:
        CellError: it is none, or is written otherwise than its column.
    """
    body, negative = _body(text)
    reading = _reading(body)
    if reading is Reading.PLAIN:
        digits = _digits(body)
    elif mark is Mark.NONE:
        if reading in (Reading.OPEN_POINT, Reading.OPEN_COMMA) or not _has_decimals(body, reading):
            digits = _digits(body)
        else:
            raise CellError("has decimals, and the other values of its column have none")
    else:
        own = reading.value.removeprefix("open-")
        is_open = reading in (Reading.OPEN_POINT, Reading.OPEN_COMMA)
        if is_open and own == mark and not said:
            raise CellError(f"may be thousands or decimals; say --decimal {mark} if it is decimals")
        if not is_open and own != mark:
            raise CellError(f"is written as with a decimal {own}, and its column has a decimal {mark}")
        decimal = {Mark.POINT: ".", Mark.COMMA: ","}[mark] if own == mark else None
        digits = _digits(body, decimal)
    return -Decimal(digits) if negative else Decimal(digits)


def _body(text: str) -> tuple[str, bool]:
    text = text.strip()
    found = _NUMBER.fullmatch(text)
    if found is None or (found["sign"] == "(") != (found["close"] is not None):
        raise CellError("is no amount; write digits like 450000 or 12.50")
    return found["body"].strip(), (found["sign"] or "+") != "+" or found["sign2"] is not None


def _reading(body: str) -> Reading:
    """Tell how a number can be read.

    Raises:
        CellError: its separators make no number.
    """
    if body.isascii() and body.isdigit():
        return Reading.PLAIN
    if _SPACED.fullmatch(body):
        return Reading.POINT if "." in body else Reading.COMMA if "," in body else Reading.PLAIN
    point, comma = body.count("."), body.count(",")
    if _POINT_GROUPS.fullmatch(body) and (point > 1 or comma):
        return Reading.COMMA
    if _COMMA_GROUPS.fullmatch(body) and (comma > 1 or point):
        return Reading.POINT
    whole, mark, decimals = body.partition("." if point else ",")
    if not (whole.isdigit() and decimals.isdigit() and whole.isascii() and decimals.isascii()):
        raise CellError("has separators that part neither thousands nor decimals")
    if len(decimals) == 3 and len(whole) <= 3 and not whole.startswith("0"):
        return Reading.OPEN_POINT if mark == "." else Reading.OPEN_COMMA
    return Reading.POINT if mark == "." else Reading.COMMA


def _has_decimals(body: str, reading: Reading) -> bool:
    return ("." if reading is Reading.POINT else ",") in body


def _digits(body: str, mark: str | None = None) -> str:
    return "".join("." if letter == mark else letter for letter in body if letter.isdigit() or letter == mark)
