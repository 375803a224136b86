"""Statements that both databases understand, though each has its own word for them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

# PostgreSQL's advisory locks are numbers; each use of them has a space of its own.
CUSTOMER_LOCKS = 0x43


def insert(connection: Connection, table: Table) -> PostgresInsert | SqliteInsert:
    """Return an INSERT that knows ON CONFLICT, in this connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def lock_keys(connection: Connection, space: int, keys: list[str]) -> None:
    """Hold the keys until the end of the transaction; waits for whoever holds one of them.

    SQLite has one writer at a time, and it is this transaction already.
    """
    if connection.dialect.name == "postgresql":
        for key in sorted(set(keys)):  # always in the same order, so that two transactions cannot wait for each other
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (space, key))


def as_dict(row: Any) -> dict[str, Any]:
    """Return a row as a dictionary by column name."""
    return dict(row._mapping)
