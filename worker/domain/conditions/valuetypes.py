"""The types that a value of the condition language can have, as the check knows them before any value is there."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

FieldType = Literal["text", "number", "boolean", "date", "time"]
"""The types that `config/phin.yaml` may give a field."""


class ValueType(StrEnum):
    """What kind of value a name, a call or a literal holds; each may be missing, lists never are."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"  # a day of the calendar
    TIME = "time"  # a moment
    LIST = "list"  # of texts
    ANY = "any"  # a field that nobody declared: whatever the shop sends
    NOTHING = "nothing"  # the literal `none`

    @property
    def described(self) -> str:
        """The type in a sentence: `is a number`."""
        return _DESCRIBED[self]


_DESCRIBED = {
    ValueType.TEXT: "a text",
    ValueType.NUMBER: "a number",
    ValueType.BOOLEAN: "true or false",
    ValueType.DATE: "a date",
    ValueType.TIME: "a time",
    ValueType.LIST: "a list",
    ValueType.ANY: "of any type",
    ValueType.NOTHING: "none",
}


def declared(kind: FieldType) -> ValueType:
    """Return the type of a field that `config/phin.yaml` declares."""
    return ValueType(kind)
