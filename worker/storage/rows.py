"""Statements that both databases understand, though each has its own word for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.exc import DBAPIError

from worker.storage.arrays import texts

# PostgreSQL's advisory locks are numbers; each use of them has a space of its own.
CUSTOMER_LOCKS = 0x43
ORDER_LOCKS = 0x4F
ADDRESS_LOCKS = 0x41
_ALL = 0x100  # the space beside each, with the one lock that whoever holds some keys shares

# Always in the same order, so that two transactions cannot wait for each other.
_LOCK_KEYS = """
    SELECT pg_advisory_xact_lock_shared(%s, 0), count(pg_advisory_xact_lock(%s, number))
    FROM (SELECT DISTINCT hashtext(key) AS number FROM unnest(%s::text[]) AS key ORDER BY 1) AS numbers
"""
_CONFLICTS = {"40001", "40P01"}  # serialization_failure, deadlock_detected


def insert(connection: Connection, table: Table) -> PostgresInsert | SqliteInsert:
    """Return an INSERT that knows ON CONFLICT, in this connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


class Insertion:
    """An INSERT that is made once, in each dialect, and not for each row: making it costs more than running it.

    Parameters:
        finish: adds what follows on the values, such as ON CONFLICT and RETURNING.
    """

    def __init__(self, table: Table, finish: Callable[[Any], Any] = lambda statement: statement) -> None:
        self._made: dict[str, Executable] = {
            "postgresql": finish(postgresql.insert(table)),
            "sqlite": finish(sqlite.insert(table)),
        }

    def on(self, connection: Connection) -> Executable:
        """Return it in this connection's dialect."""
        return self._made[connection.dialect.name]


def lock_keys(connection: Connection, space: int, keys: Iterable[str]) -> None:
    """Hold the keys until the end of the transaction; waits for whoever holds one of them.

    SQLite has one writer at a time, and it is this transaction already.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_LOCK_KEYS, (space + _ALL, space, texts(keys)))


def lock_all(connection: Connection, space: int) -> None:
    """Hold all keys of this space, for so many that the database's table of locks would not take them."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, 0)", (space + _ALL,))


def in_each_others_way(error: BaseException) -> bool:
    """Whether the database gave a transaction up for another's sake (a deadlock), so that it may be tried at once."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CONFLICTS


def as_dict(row: Any) -> dict[str, Any]:
    """Return a row as a dictionary by column name."""
    return dict(row._mapping)
