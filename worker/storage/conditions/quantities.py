"""Values in SQL: an expression for each kind that a value may be of, NULL where it is missing or of another kind."""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Double,
    Exists,
    FromClause,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
)
from sqlalchemy.sql.elements import ColumnElement

from worker.domain.conditions.tree import Comparison

Sql = ColumnElement[Any]
Condition = ColumnElement[bool]

COMPARE: dict[Comparison, Callable[[Any, Any], Any]] = {
    "==": python.eq,
    "!=": python.ne,
    "<": python.lt,
    "<=": python.le,
    ">": python.gt,
    ">=": python.ge,
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in SQL, by the kinds that it may be of; a kind that it cannot be of is None.

    Parameters:
        fixed: the text, where it is known before the database is asked.
        written: whether that text stands in the expression itself.
    """

    number: Sql | None = None
    text: Sql | None = None
    boolean: Sql | None = None
    date: Sql | None = None
    time: Sql | None = None
    items: Items | None = None
    fixed: str | None = None
    written: bool = False

    @property
    def scalars(self) -> list[Sql]:
        """The kinds that are no list."""
        found = (self.number, self.text, self.boolean, self.date, self.time)
        return [one for one in found if one is not None]

    def there(self) -> Condition:
        """Whether there is a value, be it empty, zero or false."""
        lists = [] if self.items is None else [self.items.there]
        return either(*(one.is_not(None) for one in self.scalars), *lists)

    def one_there(self) -> Condition:
        """Whether there is a value that is no list."""
        return either(*(one.is_not(None) for one in self.scalars))

    def holds(self) -> Condition:
        """Whether there is a value that is not empty, zero or false."""
        found: list[Condition] = []
        if self.number is not None:
            found.append(self.number != literal_column("0"))
        if self.text is not None:
            found.append(self.text != literal_column("''"))
        if self.boolean is not None:
            found.append(self.boolean)
        found += [one.is_not(None) for one in (self.date, self.time) if one is not None]
        if self.items is not None:
            found.append(self.items.filled())
        return either(*found)


@dataclass(frozen=True, slots=True)
class Items:
    """A list in SQL: rows, each with one element.

    Parameters:
        rows: where the elements are.
        only: what chooses the rows of this list.
        element: the element of a row.
        there: whether there is a list at all; one that is empty is there.
        outer: the tables of the statement around, which `only` may name.
    """

    rows: FromClause
    only: Condition | None
    element: Quantity
    there: Condition
    outer: tuple[FromClause, ...]

    def filled(self) -> Condition:
        """Whether the list has an element."""
        return self._some(self.element.one_there())

    def hold(self, item: Quantity) -> Condition:
        """Whether an element is equal to the item: of the same kind, and the same."""
        return self._some(same(self.element, item))

    def any_of(self, texts: Select[Any]) -> Condition:
        """Whether an element is one of the texts that a query of its own finds."""
        return false() if self.element.text is None else self._some(self.element.text.in_(texts))

    def _some(self, condition: Condition) -> Condition:
        asked = condition if self.only is None else and_(self.only, condition)
        return exists(literal_column("1")).select_from(self.rows).where(asked).correlate(*self.outer)


def same(left: Quantity, right: Quantity) -> Condition:
    """Whether two values are of one kind (text, number, true or false) and equal."""
    sides = ((left.number, right.number), (left.text, right.text), (left.boolean, right.boolean))
    return either(*(one == other for one, other in sides if one is not None and other is not None))


def either(*conditions: Condition) -> Condition:
    """Whether any holds; false of none."""
    return or_(false(), *conditions)


def decided(condition: Condition) -> Condition:
    """Return the condition with false for NULL, so that its opposite can be asked for."""
    if isinstance(condition, Exists):
        return condition  # never NULL, and PostgreSQL makes a join of NOT EXISTS
    return func.coalesce(condition, false(), type_=Boolean())


def number(value: float) -> Sql:
    """Return a number of the expression as the database counts with it."""
    return literal(float(value), Double())
