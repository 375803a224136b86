"""Where a condition is asked in SQL: the tables that stand for customer, order, event and journey, and the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import FromClause

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

    @property
    def outer(self) -> tuple[FromClause, ...]:
        """The tables of the statement around, which a subquery refers to."""
        return tuple(table for table in (self.customer, self.order, self.event, self.journey) if table is not None)

    def within(self, segment: str) -> SqlContext:
        """Return the context in which a segment is read: the customer alone."""
        return replace(self, order=None, event=None, journey=None, inside=self.inside | {segment})
