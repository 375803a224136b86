"""Many rows written or changed at once, each to values of its own.

On PostgreSQL it is one statement over arrays, which costs the server a third of a statement for each row. On SQLite
fifty rows go in one: it lays out, for each statement anew, the words that checks and partial indexes know a state by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from worker.storage.arrays import WRITERS
from worker.storage.types import amount, microseconds

MANY = 50  # rows of a statement on SQLite; what is left over goes row by row
# For SQLite.
_MAKERS: Mapping[str, Callable[[Any], Any]] = {"timestamptz": microseconds, "jsonb": json.dumps, "numeric": amount}
_NUMBER = " RETURNING id"


class BulkInsert:
    """An INSERT of many rows into one table.

    Parameters:
        table: name of the table.
        values: PostgreSQL's type of each column that is given for a row, by its name.
        finish: what follows on the values, such as ON CONFLICT DO NOTHING.
        numbered: a column that counts on from the highest that rows with the same first value have.
    """

    def __init__(self, table: str, values: Mapping[str, str], finish: str = "", numbered: str | None = None) -> None:
        self._makers = tuple((at, _MAKERS[type_]) for at, type_ in enumerate(values.values()) if type_ in _MAKERS)
        self._writers = [(name, WRITERS[type_]) for name, type_ in values.items()]
        names, places = [f'"{name}"' for name in values], [f"?{at}" for at in range(1, len(values) + 1)]
        given = [f"given.{name}" for name in names]
        quoted = tuple(names)
        if numbered is not None:
            last = f"(SELECT coalesce(max({numbered}), 0) FROM {table} AS before WHERE before.{names[0]} = %s)"
            count = f"row_number() OVER (PARTITION BY {given[0]} ORDER BY given.place)"
            names, places = [*names, numbered], [*places, f"{last % places[0]} + 1"]
            given.append(f"{last % given[0]} + {count}")
        arrays = ", ".join(f"%({name})s::{type_}[]" for name, type_ in values.items())
        into = f"INSERT INTO {table} ({', '.join(names)})"
        self._sqlite = f"{into} VALUES ({', '.join(places)}) {finish}"
        self._postgresql = (
            f"{into} SELECT {', '.join(given)} FROM unnest({arrays}) WITH ORDINALITY"
            f" AS given ({', '.join(quoted)}, place) ORDER BY given.place {finish}"
        )

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write these rows, in their order.

        Parameters:
            rows: of each the values in the order of `values`.
        """
        if not rows:
            return
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(self._postgresql, self._arrays(rows))
        else:
            connection.exec_driver_sql(self._sqlite, [_made(row, self._makers) for row in rows])

    def run_numbered(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[int]:
        """Do the same, and return our numbers of those that were written, in their order."""
        if not rows:
            return []
        if connection.dialect.name == "postgresql":
            return sorted(connection.exec_driver_sql(f"{self._postgresql}{_NUMBER}", self._arrays(rows)).scalars())
        made = (_made(row, self._makers) for row in rows)
        found = [connection.exec_driver_sql(f"{self._sqlite}{_NUMBER}", row).scalar() for row in made]
        return [number for number in found if number is not None]

    def _arrays(self, rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
        columns = zip(*rows, strict=True)
        return {name: write(column) for (name, write), column in zip(self._writers, columns, strict=True)}


class BulkUpdate:
    """An UPDATE of many rows of one table, found by their numbers.

    Parameters:
        table: name of the table.
        values: PostgreSQL's type of each value that is given for a row, by its name; `number` is the row's own.
        assign: what each column is set to, with `{name}` where a value stands; columns are named with their table.
        only: what has to be true of a row that is changed; columns are named with their table.
    """

    def __init__(self, table: str, values: Mapping[str, str], assign: Mapping[str, str], only: str = "true") -> None:
        self._values = {"number": "bigint", **values}
        types = enumerate(self._values.values())
        self._makers = tuple((at, _MAKERS[type_]) for at, type_ in types if type_ in _MAKERS)
        numbered = {name: f"?{at}" for at, name in enumerate(self._values, 1)}
        given = {name: f"given.{name}" for name in self._values}
        arrays = ", ".join(f"%({name})s::{type_}[]" for name, type_ in self._values.items())
        names = ", ".join(self._values)
        self._writers = [(name, WRITERS[type_]) for name, type_ in self._values.items()]
        columns = {name: f"given.column{at}" for at, name in enumerate(self._values, 1)}
        fifty = ", ".join([f"({', '.join('?' * len(columns))})"] * MANY)
        self._sqlite = f"UPDATE {table} SET {_set(assign, numbered)} WHERE id = {numbered['number']} AND {only}"
        self._sqlite_many = (
            f"UPDATE {table} SET {_set(assign, columns)} FROM (VALUES {fifty}) AS given"
            f" WHERE {table}.id = {columns['number']} AND {only}"
        )
        self._postgresql = (
            f"UPDATE {table} SET {_set(assign, given)} FROM unnest({arrays}) AS given ({names})"
            f" WHERE {table}.id = given.number AND {only}"
        )
        self._number = f" RETURNING {table}.id"

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Change these rows; returns how many were changed.

        Parameters:
            rows: of each its number, and the values in the order of `values`.
        """
        if not rows:
            return 0
        if connection.dialect.name == "postgresql":
            return connection.exec_driver_sql(self._postgresql, self._arrays(rows)).rowcount
        made, changed = [_made(row, self._makers) for row in rows], 0
        while len(made) >= MANY:
            changed += connection.exec_driver_sql(self._sqlite_many, tuple(chain.from_iterable(made[:MANY]))).rowcount
            made = made[MANY:]
        return changed + (connection.exec_driver_sql(self._sqlite, made).rowcount if made else 0)

    def run_where(
        self, connection: Connection, rows: Sequence[tuple[Any, ...]], only: str, asked: Mapping[str, Any]
    ) -> set[int]:
        """Change those of these rows that a condition is true of, in the order given; returns their numbers.

        For PostgreSQL, where it spares the statement that would look first, and that statement's locks.

        Parameters:
            only: the condition, with `%(name)s` for what is `asked`; the table's columns are named with it.
        """
        if not rows:
            return set()
        statement = f"{self._postgresql} AND {only}{self._number}"
        return set(connection.exec_driver_sql(statement, {**self._arrays(rows), **asked}).scalars())

    def _arrays(self, rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
        columns = zip(*rows, strict=True)
        return {name: write(column) for (name, write), column in zip(self._writers, columns, strict=True)}


def _made(row: tuple[Any, ...], makers: Sequence[tuple[int, Callable[[Any], Any]]]) -> tuple[Any, ...]:
    """Return a row as SQLite's driver takes it."""
    values = list(row)
    for at, make in makers:
        if values[at] is not None:
            values[at] = make(values[at])
    return tuple(values)


def _set(assign: Mapping[str, str], places: Mapping[str, str]) -> str:
    return ", ".join(f"{column} = {value.format_map(places)}" for column, value in assign.items())
