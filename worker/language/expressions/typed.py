"""Values that must be of a declared type: what is written out, and what the one expression of a text comes to."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from worker.domain.conditions.check import type_of
from worker.domain.conditions.faults import Fault
from worker.domain.conditions.readings import LARGEST, date_of, time_of
from worker.domain.conditions.tree import Expression
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.texts import Text
from worker.language.yaml.scalars import is_number, number_meant
from worker.language.yaml.suggestions import did_you_mean

WORDS = ("true", "false", "yes", "no")
_FORM = {
    ValueType.NUMBER: "for example 450_000",
    ValueType.BOOLEAN: "write true or false",
    ValueType.DATE: "for example 2027-03-08",
    ValueType.TIME: 'for example "2027-03-08T14:00:00+07:00"',
}
# What has a form as a text that tells all of it.
_SHOWN = frozenset(
    (ValueType.TEXT, shown) for shown in (ValueType.NUMBER, ValueType.BOOLEAN, ValueType.DATE, ValueType.TIME)
)
_OTHER_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")


def value_faults(text: Text, what: str, kind: ValueType, vocabulary: Vocabulary, scope: Scope) -> tuple[Fault, ...]:
    """Return why a text is no value of the type; empty where it is one, or where only its values will tell.

    `{{ none }}` is one of every type: it clears what is there.

    Parameters:
        what: the field in quotes.
    """
    alone = text.parts[0] if len(text.parts) == 1 else None
    if isinstance(alone, Expression):
        found = type_of(alone, vocabulary, scope)
        if found in (kind, ValueType.ANY, ValueType.NOTHING) or (kind, found) in _SHOWN:
            return ()
        hint = "write {{ today }}" if alone.text.strip() == "now" and kind is ValueType.DATE else None
        return (_fault(text, f"{what} is {kind.described}, and '{alone.text.strip()}' is {found.described}", hint),)
    if all(isinstance(part, str) for part in text.parts):
        return () if _is_one(text.written, kind) else (_not_one(text, what, kind),)
    if kind in (ValueType.NUMBER, ValueType.BOOLEAN):
        message = f"{what} is {kind.described}, and this is put together to a text"
        return (_fault(text, message, "write one value, or one '{{ }}' with nothing around it"),)
    return ()


def kind_meant(written: str) -> str:
    """Return the type that a value which is written out looks like, to be proposed in a declaration."""
    text = written.strip()
    for kind in (ValueType.NUMBER, ValueType.BOOLEAN, ValueType.DATE, ValueType.TIME):
        if _is_one(text, kind):
            return kind.value
    return ValueType.TEXT.value


def _is_one(text: str, kind: ValueType) -> bool:
    match kind:
        case ValueType.NUMBER:
            return is_number(text.strip()) and abs(Decimal(text.strip().replace("_", ""))) <= LARGEST
        case ValueType.BOOLEAN:
            return text.strip().casefold() in WORDS
        case ValueType.DATE:
            return date_of(text) is not None
        case ValueType.TIME:
            return time_of(text) is not None
    return kind is not ValueType.LIST


def _not_one(text: Text, what: str, kind: ValueType) -> Fault:
    written = text.written.strip()
    message = f"{what} is {kind.described}, not '{written[:60]}'"
    match kind:
        case ValueType.NUMBER if (meant := number_meant(written)) is not None:
            return _fault(text, message, f"write: {meant}")
        case ValueType.BOOLEAN if (near := did_you_mean(written, WORDS)) is not None:
            return _fault(text, message, near)
        case ValueType.DATE | ValueType.TIME if (day := _day_meant(written)) is not None:
            return _fault(text, message, f"write: {day}" if kind is ValueType.DATE else _FORM[kind])
    return _fault(text, message, _FORM.get(kind))


def _day_meant(written: str) -> str | None:
    parts = _OTHER_DAY.fullmatch(written)
    if parts is None:
        return None
    try:
        return date(int(parts[3]), int(parts[2]), int(parts[1])).isoformat()
    except ValueError:
        return None


def _fault(text: Text, message: str, hint: str | None) -> Fault:
    return Fault(message, 0, max(len(text.written), 1), hint)
