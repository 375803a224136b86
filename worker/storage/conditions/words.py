"""What SQLite and PostgreSQL have different words for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Dialect,
    Double,
    FromClause,
    Function,
    Integer,
    Numeric,
    Text,
    and_,
    case,
    cast,
    collate,
    extract,
    func,
    literal,
    literal_column,
    or_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from worker.domain.conditions.readings import DATE_PATTERN, LARGEST, SMALLEST, TIME_PATTERN
from worker.storage.conditions.quantities import Condition, Items, Quantity, Sql
from worker.storage.conditions.sqlite_functions import DATE, TIME
from worker.storage.types import Instant, microseconds

_DAY = 86_400
_ZERO: Sql = literal_column("0")
_SMALLEST: Sql = literal_column(repr(SMALLEST))
_LARGEST: Sql = literal_column(repr(LARGEST))


class Words(Protocol):
    """One database's words."""

    def field(self, document: Sql, path: Sequence[str], outer: tuple[FromClause, ...]) -> Quantity:
        """Return what stands under a path of a JSON document: a text, a number, true or false, or a list of those."""
        ...

    def in_order(self, text: Sql) -> Sql:
        """Return a text that is compared by code points."""
        ...

    def part_of(self, text: Sql, part: Sql) -> Condition:
        """Whether a text holds another."""
        ...

    def date_of(self, text: Sql) -> Sql:
        """Return the day that a text means, else NULL."""
        ...

    def time_of(self, text: Sql) -> Sql:
        """Return the moment that a text means, else NULL."""
        ...

    def days_between(self, later: Sql, earlier: Sql) -> Sql:
        """Return the days from one date to the other, as a double."""
        ...

    def days_passed(self, now: datetime, moment: Sql) -> Sql:
        """Return whole periods of 24 hours from a moment to now, cut toward zero, as a double."""
        ...


def words_of(dialect: Dialect) -> Words:
    """Return the words of the database that a connection or an engine speaks to (its `.dialect`)."""
    return _PostgresWords() if dialect.name == "postgresql" else _SqliteWords()


class _SqliteWords:
    """SQLite: JSON functions on paths, dates as text, moments as microseconds."""

    def field(self, document: Sql, path: Sequence[str], outer: tuple[FromClause, ...]) -> Quantity:
        route = literal("$" + "".join(f'."{part}"' for part in path), Text())
        kind = func.json_type(document, route)
        rows = func.json_each(document, route).table_valued("value", "type")
        is_list = kind == literal_column("'array'")
        items = Items(rows, is_list, self._scalars(rows.c.value, rows.c.type), is_list, outer)
        return self._scalars(func.json_extract(document, route), kind, items)

    def in_order(self, text: Sql) -> Sql:
        return text

    def part_of(self, text: Sql, part: Sql) -> Condition:
        return func.instr(text, part) > _ZERO

    def date_of(self, text: Sql) -> Sql:
        return Function(DATE, text, type_=Date())

    def time_of(self, text: Sql) -> Sql:
        return Function(TIME, text, type_=Instant())

    def days_between(self, later: Sql, earlier: Sql) -> Sql:
        return func.julianday(later, type_=Double()) - func.julianday(earlier, type_=Double())

    def days_passed(self, now: datetime, moment: Sql) -> Sql:
        passed = literal(microseconds(now), BigInteger()) - cast(moment, BigInteger())
        return cast(passed // literal_column(str(_DAY * 1_000_000), BigInteger()), Double())  # whole numbers: cut

    def _scalars(self, value: Sql, kind: Sql, items: Items | None = None) -> Quantity:
        number: Sql = cast(value, Double())
        fits = or_(number == _ZERO, func.abs(number).between(_SMALLEST, _LARGEST))
        return Quantity(
            number=case((and_(kind.in_(_names("integer", "real")), fits), number)),
            text=case((kind == literal_column("'text'"), value)),
            boolean=case((kind.in_(_names("true", "false")), kind == literal_column("'true'"))),
            items=items,
        )


class _PostgresWords:
    """PostgreSQL: JSONB, dates and moments of their own types, texts cast only where that cannot fail."""

    def field(self, document: Sql, path: Sequence[str], outer: tuple[FromClause, ...]) -> Quantity:
        value = func.jsonb_extract_path(document, *path, type_=JSONB()) if path else document
        kind = func.jsonb_typeof(value)
        is_list = kind == literal_column("'array'")
        elements = case((is_list, value), else_=literal_column("'[]'::jsonb", JSONB()))
        rows = func.jsonb_array_elements(elements).table_valued("value")
        element = self._scalars(rows.c.value, func.jsonb_typeof(rows.c.value))
        return self._scalars(value, kind, Items(rows, None, element, is_list, outer))

    def in_order(self, text: Sql) -> Sql:
        return collate(text, "C")

    def part_of(self, text: Sql, part: Sql) -> Condition:
        return func.strpos(text, part) > _ZERO

    def date_of(self, text: Sql) -> Sql:
        return case((text.op("~")(literal(f"^(?:{DATE_PATTERN})$", Text())), cast(text, Date())))

    def time_of(self, text: Sql) -> Sql:
        moment = cast(text, DateTime(timezone=True))
        return type_coerce(case((text.op("~")(literal(f"^(?:{TIME_PATTERN})$", Text())), moment)), Instant())

    def days_between(self, later: Sql, earlier: Sql) -> Sql:
        return cast(type_coerce(later - earlier, Integer()), Double())

    def days_passed(self, now: datetime, moment: Sql) -> Sql:
        passed = literal(now, DateTime(timezone=True)) - type_coerce(moment, DateTime(timezone=True))
        seconds = cast(extract("epoch", passed), Numeric())
        return cast(func.trunc(seconds / literal_column(str(_DAY), Numeric())), Double())

    def _scalars(self, value: Sql, kind: Sql, items: Items | None = None) -> Quantity:
        text: Sql = value.op("#>>", return_type=Text())(literal_column("'{}'"))
        number: Sql = cast(text, Double())
        fits = or_(number == _ZERO, func.abs(number).between(_SMALLEST, _LARGEST))
        # One case within the other: PostgreSQL may cast what stands in one `and` before it asks for the kind.
        finite = case((func.abs(cast(text, Numeric())) < literal_column("1e300"), case((fits, number))))
        return Quantity(
            number=case((kind == literal_column("'number'"), finite)),
            text=case((kind == literal_column("'string'"), text)),
            boolean=case((kind == literal_column("'boolean'"), text == literal_column("'true'"))),
            items=items,
        )


def _names(*names: str) -> list[ColumnElement[Any]]:
    return [literal_column(f"'{name}'") for name in names]
