"""Rows that are read by their numbers again and again, such as for a mail and then for the rules of its sending.

What a row means depends on the row alone. So each is asked of the database every time, as the driver gives it, and is
made into a value only where it is not the row that it was: most of a read's cost is that making.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Connection, Dialect, FromClause, select, text

from worker.storage.types import Reader, reader_of

T = TypeVar("T")
Row = Sequence[Any]

MOST = 2_000  # rows that are remembered; more than all senders of a process have in hand
_AMONG = {"sqlite": "IN (SELECT value FROM json_each(:numbers))", "postgresql": "= ANY(:numbers)"}


@dataclass(frozen=True, slots=True)
class _Way:
    """A statement in the driver's words, and what makes a column's value of what the driver gives."""

    sql: str
    readers: tuple[tuple[int, Reader], ...]


class ReadAgain(Generic[T]):
    """Reads the rows of these columns, and remembers what each of the last was read as. Threads may share one.

    Parameters:
        columns: the first is the number.
        of: table, or tables joined.
        make: what the values of a row mean; it must depend on nothing else.
    """

    def __init__(self, columns: Sequence[Column[Any]], of: FromClause, make: Callable[[Row], T]) -> None:
        self._columns = columns
        self._of = of
        self._make = make
        self._ways: dict[str, _Way] = {}
        self._known: dict[int, tuple[Row, T]] = {}

    def by_id(self, connection: Connection, numbers: Collection[int]) -> dict[int, T]:
        """Return what is read by its number; what is not there is left out."""
        if not numbers:
            return {}
        dialect = connection.dialect
        way = self._ways.get(dialect.name)
        if way is None:
            way = self._ways[dialect.name] = self._way(dialect)
        if dialect.name == "sqlite":
            found = connection.exec_driver_sql(way.sql, (json.dumps(list(numbers)),))
        else:
            found = connection.exec_driver_sql(way.sql, {"numbers": list(numbers)})
        rows: list[Row] = found._fetchall_impl()  # the driver's own, which are compared quickly
        if len(self._known) > MOST:
            self._known.clear()
        return {row[0]: self._meaning(way, row) for row in rows}

    def _meaning(self, way: _Way, row: Row) -> T:
        known = self._known.get(row[0])
        if known is not None and known[0] == row:
            return known[1]
        values = list(row)
        for at, read in way.readers:
            if values[at] is not None:
                values[at] = read(values[at])
        made = self._make(values)
        self._known[row[0]] = (row, made)
        return made

    def _way(self, dialect: Dialect) -> _Way:
        asked = text(f"{self._columns[0].table.name}.{self._columns[0].name} {_AMONG[dialect.name]}")
        sql = str(select(*self._columns).select_from(self._of).where(asked).compile(dialect=dialect))
        readers = ((at, reader_of(column.type, dialect)) for at, column in enumerate(self._columns))
        return _Way(sql, tuple((at, read) for at, read in readers if read is not None))
