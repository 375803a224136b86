"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Float, Integer, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from worker.domain.instants import instant

Reader = Callable[[Any], Any]
"""Makes a value of what the driver gives, or what the driver takes of a value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# A row's number: SQLite gives its fast rowid only to a column called INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")

# A JSON value: kept as written on SQLite, as JSONB on PostgreSQL.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def microseconds(moment: datetime) -> int:
    """Return whole microseconds since 1970 in UTC, the form in which SQLite keeps an instant."""
    return (instant(moment) - _EPOCH) // _MICROSECOND


def instant_of(number: int) -> datetime:
    """Return the moment that whole microseconds since 1970 mean."""
    return _EPOCH + timedelta(microseconds=number)


def amount(value: Decimal) -> int | float:
    """Return an amount as SQLite keeps it: a whole number where it is one."""
    return int(value) if value == value.to_integral_value() else float(value)


def json_of(text: str | bytes) -> Any:
    """Return what JSON means; most of what columns hold is empty, and not worth a parser."""
    if isinstance(text, bytes):
        text = text.decode()
    return {} if text == "{}" else [] if text == "[]" else json.loads(text)


class Instant(TypeDecorator[datetime]):
    """An aware datetime; whole microseconds since 1970 on SQLite, `timestamptz` on PostgreSQL.

    Raises:
        NaiveDatetimeError: a datetime without a zone was given.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type by dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn an aware datetime into what the column holds."""
        if value is None:
            return None
        return instant(value) if dialect.name == "postgresql" else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn what the column holds into a datetime in UTC."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return instant_of(int(value))


class Money(TypeDecorator[Decimal]):
    """An amount with up to four decimals; exact in NUMERIC, and within 15 digits on SQLite, where it is a number."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type by dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(20, 4))
        return dialect.type_descriptor(Numeric(20, 4, asdecimal=False))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Turn the amount into what the column holds."""
        return value if value is None or dialect.name == "postgresql" else amount(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Turn what the column holds into an exact amount, without zeros at its end."""
        if value is None:
            return None
        amount = value if isinstance(value, Decimal) else Decimal(repr(value))
        whole = amount.to_integral_value()
        return whole if amount == whole else amount.normalize()


def reader_of(type_: TypeEngine[Any], dialect: Dialect) -> Reader | None:
    """Return what makes a column's value of what the driver gives; it is not asked for NULL, which is none in any type.

    On SQLite instants and JSON are read here at once, which SQLAlchemy would do by way of two functions each.
    """
    if dialect.name == "sqlite" and isinstance(type_, Instant):
        return instant_of
    if dialect.name == "sqlite" and isinstance(type_.dialect_impl(dialect), JSON):
        return json_of
    if isinstance(type_, Instant | Money):
        return partial(type_.process_result_value, dialect=dialect)
    if dialect.name == "postgresql":
        return float if isinstance(type_, Float) else None  # psycopg reads all others itself
    return type_._cached_result_processor(dialect, None)
