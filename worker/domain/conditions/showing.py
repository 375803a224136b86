"""Values of conditions as a person or a machine sees them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from worker.domain.conditions.readings import Scalar, Value

Json = str | int | float | bool | None | list[str | int | float | bool]


def as_text(value: Value, zone: ZoneInfo) -> str:
    """Return a value as it is put into a text: a number without needless digits, a time in the zone.

    A missing value is empty. How a sum or a day is written in a language is the template's affair.
    """
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(as_text(item, zone) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return value.isoformat() if isinstance(value, date) else value


def as_json(value: Value) -> Json:
    """Return a value as JSON: a whole number without a point, a date or a time in ISO 8601."""
    if isinstance(value, tuple):
        return [_scalar(item) for item in value]
    return None if value is None else _scalar(value)


def _scalar(value: Scalar) -> str | int | float | bool:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value.isoformat()


def _number(value: float) -> str:
    if value.is_integer():
        return str(int(value))
    short = format(value, ".15g")  # what a double surely knows: 0.1 + 0.2 is 0.3
    return format(Decimal(short), "f")
