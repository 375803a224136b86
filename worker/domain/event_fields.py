"""The kinds of values that an event's fields hold: lines of text, identifiers, amounts, days, moments, JSON.

Each is checked and brought to one form here, so that the same content, written otherwise, is the same; each error
is a sentence that goes on from the field's name: `order.total` "must not be negative".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from worker.domain.addresses import normalise_address
from worker.domain.errors import NaiveDatetimeError
from worker.domain.instants import known_zone, parse_instant

MONEY_LIMIT = Decimal(10) ** 11  # with four decimals that is 15 digits, which a number of SQLite keeps exactly
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MOST_TAGS = 50  # of one customer
FIRST_BIRTHDAY = date(1900, 1, 1)

# What no text may hold: NUL (PostgreSQL keeps none) and halves of characters (no encoding has them).
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
# What no single line may hold besides: controls, and Unicode's own line and paragraph breaks.
NO_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,4})?")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})([-_][A-Za-z0-9]{1,8})*")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_FINEST = Decimal("0.0001")
_NOISE = Decimal("0.0000001")  # what a sum of binary fractions may be off by


def fault(sentence: str) -> PydanticCustomError:
    """Return the error that pydantic collects; the sentence goes on from the field's name."""
    return PydanticCustomError("fault", "{sentence}", {"sentence": sentence})


def single_line(text: str) -> str:
    """Check that a text is one line that can be kept and put into a mail's header.

    Raises:
        PydanticCustomError: it holds a line break or another control character.
    """
    found = NO_LINE.search(text)
    if found is None:
        return text
    code = ord(found.group())
    if code in (0x0A, 0x0D, 0x2028, 0x2029):
        raise fault("must be one line, and holds a line break")
    raise fault(f"must not hold control characters, and holds U+{code:04X} at character {found.start() + 1}")


def _text(value: Any, most: int, *, lines: bool = False) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise fault("must be text; put it in quotes, so that it is kept as written")
        raise fault("must be text")
    text = value.strip()
    if len(text) > most:
        raise fault(f"must have at most {most:,} characters, and has {len(text):,}")
    if not lines:
        return single_line(text) or None
    if NO_TEXT.search(text):
        raise fault("must not hold NUL or half characters")
    return text or None


def _identifier(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else repr(float(value))
    text = _text(value, 200) if isinstance(value, str) else None
    if text is None:
        raise fault("must not be empty" if isinstance(value, str) else "must be text or a whole number")
    return text


def _amount(value: Any) -> Decimal:
    """Read an amount of money: a JSON number or a decimal text; at most four decimals, none of them zero at the end."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise fault("must be a number, or a number as text like '450000' or '12.50'")
    if isinstance(value, str) and not _AMOUNT.fullmatch(value.strip()):
        raise fault("must be a number with digits and a point only, like '450000' or '12.50'")
    if isinstance(value, float) and not math.isfinite(value):
        raise fault("must be a finite number")
    if not isinstance(value, Decimal) and not isinstance(value, str) and abs(value) >= MONEY_LIMIT:
        raise fault(f"must be less than {MONEY_LIMIT:,}")
    amount = Decimal(value.strip() if isinstance(value, str) else str(value))
    if amount < 0:
        raise fault("must not be negative")
    if amount >= MONEY_LIMIT:
        raise fault(f"must be less than {MONEY_LIMIT:,}")
    rounded = amount.quantize(_FINEST)
    if abs(rounded - amount) > _NOISE:
        raise fault("must have at most four decimals")
    whole = rounded.to_integral_value()
    return whole if whole == rounded else rounded.normalize()


def read_moment(value: Any) -> datetime:
    """Read an ISO 8601 time with an offset into UTC.

    Raises:
        PydanticCustomError: it is none, has no offset, or lies before 1970.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise fault("must be a time as text, like '2027-03-01T14:00:00+07:00'")
    try:
        moment = parse_instant(value.strip())
    except NaiveDatetimeError:
        raise fault("has no offset from UTC; write one, like '2027-03-01T14:00:00+07:00' or '…Z'") from None
    except (ValueError, OverflowError):
        raise fault("must be a time in ISO 8601 with an offset, like '2027-03-01T14:00:00+07:00'") from None
    if moment < EARLIEST:
        raise fault("lies before 1970")
    return moment


def read_day(value: Any) -> date:
    """Read a day of the calendar as `YYYY-MM-DD`.

    Raises:
        PydanticCustomError: it is none, or no such day exists.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip(), re.ASCII):
        raise fault("must be a day as text, like '1990-12-31'")
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise fault(f"is '{value.strip()}', a day that the calendar does not have") from None


def _email(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return normalise_address(value)
    except ValueError as error:
        raise fault(str(error).partition("' ")[2] or "is no e-mail address") from None


def _language(value: str | None) -> str | None:
    if value is None:
        return None
    found = _LANGUAGE.fullmatch(value)
    if found is None:
        raise fault("must be a language code like 'vi' or 'en'")
    return found.group(1).lower()


def _timezone(value: str | None) -> str | None:
    if value is not None and not known_zone(value):
        raise fault("must be an IANA time zone like 'Asia/Ho_Chi_Minh'")
    return value


def _currency(value: str | None) -> str | None:
    if value is None:
        return None
    if not _CURRENCY.fullmatch(value):
        raise fault("must be the three letters of a currency (ISO 4217), like 'VND'")
    return value.upper()


def _birthday(value: Any) -> date | None:
    if value is None or value == "":
        return None
    day = read_day(value)
    if day < FIRST_BIRTHDAY:
        raise fault("lies before 1900")
    return day


def _address(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise fault('must be an object of texts, like {"street": "…", "city": "…"}')
    if len(value) > 20:
        raise fault("must have at most 20 parts")
    parts: dict[str, str] = {}
    for key, part in value.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", key):
            raise fault("has a part whose name is not small letters, digits and '_', like 'district'")
        try:
            text = _text(str(part) if isinstance(part, int) and not isinstance(part, bool) else part, 300)
        except PydanticCustomError as error:
            raise fault(f"has a part '{key}' that {error.message()}") from None
        if text is not None:
            parts[key] = text
    return parts


def _tags(value: Any) -> tuple[str, ...] | None:
    """Read a list of short texts; one that stands there twice is kept once, an empty one not at all."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise fault('must be a list of texts, like ["coffee-club"]')
    if len(value) > MOST_TAGS:
        raise fault(f"must have at most {MOST_TAGS} tags, and has {len(value):,}")
    tags: dict[str, None] = {}
    for number, one in enumerate(value, 1):
        try:
            tag = _text("" if one is None else one, 50)
        except PydanticCustomError as error:
            raise fault(f"has a tag (number {number}) that {error.message()}") from None
        if tag is not None:
            tags[tag] = None
    return tuple(tags)


def _schema(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


def _optional(most: int, *, lines: bool = False) -> BeforeValidator:
    return BeforeValidator(lambda value: _text(value, most, lines=lines))


def _written(amount: Decimal) -> str:
    return format(amount, "f")


Identifier = Annotated[
    str, BeforeValidator(_identifier), WithJsonSchema({"type": ["string", "integer"], "maxLength": 200})
]
Line = Annotated[str | None, _optional(200), _schema(maxLength=200)]
ShortLine = Annotated[str | None, _optional(50), _schema(maxLength=50)]
Wording = Annotated[str | None, _optional(5_000, lines=True), _schema(maxLength=5_000)]
Email = Annotated[str | None, _optional(320), AfterValidator(_email), _schema(format="email")]
Language = Annotated[str | None, _optional(35), AfterValidator(_language), _schema(examples=["vi", "en"])]
Timezone = Annotated[str | None, _optional(64), AfterValidator(_timezone), _schema(examples=["Asia/Ho_Chi_Minh"])]
Currency = Annotated[str | None, _optional(10), AfterValidator(_currency), _schema(pattern="^[A-Za-z]{3}$")]
Birthday = Annotated[date | None, BeforeValidator(_birthday), _schema(format="date")]
Moment = Annotated[datetime, BeforeValidator(read_moment), _schema(format="date-time")]
Address = Annotated[
    dict[str, str],
    BeforeValidator(_address),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]
Tags = Annotated[
    tuple[str, ...] | None,
    BeforeValidator(_tags),
    WithJsonSchema({"type": "array", "items": {"type": "string", "maxLength": 50}, "maxItems": MOST_TAGS}),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    PlainSerializer(_written, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0}),
]
