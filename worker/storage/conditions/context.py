"""Where a condition is asked in SQL: the tables that stand for customer, order, event and journey, and the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, literal_column, select

from worker.domain.conditions.tree import Expression
from worker.domain.facts import ShopFacts
from worker.storage.conditions.words import Words


@dataclass(frozen=True, slots=True)
class SqlContext:
    """What names of a condition stand for in a statement.

    Parameters:
        words: the database's (`worker.storage.conditions.words.words_of`).
        now: the moment, in UTC.
        customer, order, event, journey: tables (or aliases of them) in the statement's FROM; one that may have no
            row for a customer is joined by an outer join. What is None is missing.
        segments: the expressions of the segments that `in_segment()` may name.
        inside: the segments that are being read.
        few: whether some customers are asked for and not all: then PostgreSQL looks each one's past up by index, where
            it would otherwise gather the past of everybody first, for every slice anew.
    """

    words: Words
    now: datetime
    shop: ShopFacts
    customer: FromClause
    order: FromClause | None = None
    event: FromClause | None = None
    journey: FromClause | None = None
    segments: Mapping[str, Expression] = field(default_factory=dict)
    inside: frozenset[str] = frozenset()
    few: bool = False

    @property
    def outer(self) -> tuple[FromClause, ...]:
        """The tables of the statement around, which a subquery refers to."""
        return tuple(table for table in (self.customer, self.order, self.event, self.journey) if table is not None)

    def some(self, table: FromClause, *conditions: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return whether a table has a row for which all of these hold."""
        rows: Select[Any] = select(literal_column("1")).select_from(table).where(*conditions).correlate(*self.outer)
        # PostgreSQL makes no table of an EXISTS with an OFFSET (simplify_EXISTS_query), and no join.
        return (rows.offset(literal_column("0")) if self.few else rows).exists()

    def within(self, segment: str) -> SqlContext:
        """Return the context in which a segment is read: the customer alone."""
        return replace(self, order=None, event=None, journey=None, inside=self.inside | {segment})
