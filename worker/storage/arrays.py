"""Lists on PostgreSQL: each goes as one array, not as a parameter for every value.

A statement with `IN (%s, %s, …)` is another text for each length of its list. It is built, read and planned anew each
time, and two hundred parameters cost our side and the server's more than the rows that they find. With `= ANY (array)`
it is one text with one parameter, which the server keeps prepared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Dialect, Integer, String, Text
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.types import TypeEngine, UserDefinedType

from worker.domain.instants import instant

Writer = Callable[[Iterable[Any]], str]


def numbers(values: Iterable[int | None]) -> str:
    """Return numbers as PostgreSQL writes an array of them."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def amounts(values: Iterable[Decimal | None]) -> str:
    """Return amounts as PostgreSQL writes an array of them, each with all its digits."""
    return "{" + ",".join(["NULL" if value is None else format(value, "f") for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Return texts as PostgreSQL writes an array of them."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def flags(values: Iterable[bool | None]) -> str:
    """Return truth values as PostgreSQL writes an array of them."""
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


def documents(values: Iterable[Any]) -> str:
    """Return JSON values as PostgreSQL writes an array of them; None is no value."""
    return texts([None if value is None else json.dumps(value) for value in values])


def instants(values: Iterable[datetime | None]) -> str:
    """Return moments as PostgreSQL writes an array of them; most are the same one as before."""
    last, word = None, "NULL"
    words = []
    for value in values:
        if value is not last:
            last, word = value, "NULL" if value is None else instant(value).isoformat()
        words.append(word)
    return "{" + ",".join(words) + "}"


def _quoted(text: str) -> str:
    if type(text) is not str:  # a kind of text may write itself in ways of its own
        text = str.__str__(text)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


WRITERS: dict[str, Writer] = {
    "bigint": numbers,
    "integer": numbers,
    "numeric": amounts,
    "text": texts,
    "boolean": flags,
    "timestamptz": instants,
    "jsonb": documents,
}
"""What writes an array, by PostgreSQL's type of its elements."""


class _ArrayOf(UserDefinedType[Any]):
    """A list as the text of an array; the driver's own way asks each of its elements for its type."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, of: str) -> None:
        self.of = of

    def get_col_spec(self, **_options: Any) -> str:
        """Return the type's name."""
        return f"{self.of}[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:  # noqa: ARG002  # SQLAlchemy's
        """Return what writes the array."""
        return WRITERS[self.of]


_NUMBERS, _TEXTS = _ArrayOf("bigint"), _ArrayOf("text")


def _array_of(type_: TypeEngine[Any]) -> _ArrayOf | None:
    """Return the type of an array of such values; None: they go one by one."""
    if isinstance(type_, Integer):
        return _NUMBERS
    return _TEXTS if type(type_) in (String, Text) else None


class ArrayCompiler(PGCompiler_psycopg):
    """Writes `IN` with a list of numbers or texts as a comparison with an array."""

    def visit_in_op_binary(self, binary: BinaryExpression[Any], _operator: Any, **options: Any) -> str:
        """Write `IN`."""
        return self._compared(binary, "= ANY", **options) or self._generate_generic_binary(binary, " IN ", **options)

    def visit_not_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Write `NOT IN`."""
        return self._compared(binary, "<> ALL", **options) or self._one_by_one(binary, operator, **options)

    def _one_by_one(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        written: str = super().visit_not_in_op_binary(binary, operator, **options)  # type: ignore[no-untyped-call]
        return written

    def _compared(self, binary: BinaryExpression[Any], how: str, **options: Any) -> str | None:
        """Return the comparison with an array, or None where the list is no parameter of such values."""
        listed = binary.right
        if not isinstance(listed, BindParameter) or not listed.expanding or options.get("literal_binds"):
            return None
        array = _array_of(listed.type)
        if array is None:
            return None
        whole = listed._clone(maintain_key=True)  # as SQLAlchemy's own changes of a parameter are made
        whole.expanding, whole.type = False, array
        options["_in_operator_expression"] = True
        return f"{self.process(binary.left, **options)} {how} ({self.process(whole, **options)})"
