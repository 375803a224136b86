"""A database in memory, for rehearsals: one connection, one transaction that is never kept, and marks to go back to.

What runs on it are the same statements as on SQLite in a file. It costs less, since nothing is synced, nobody else is
waited for and no connection is taken from a pool; and all that a rehearsal wrote is gone again in one stroke.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from worker.storage.conditions import sqlite_functions
from worker.storage.database import Database, sqlite_module
from worker.storage.quick_sqlite import QuickSqlite
from worker.storage.tables import metadata


class MemoryDatabase(Database):
    """A database of this process alone, with all tables, empty; for one thread.

    A transaction is a mark in the one that goes on beneath all of them: taken back whole at an error, as in a file.
    """

    def __init__(self) -> None:
        self.engine = create_engine(
            "sqlite://",
            module=sqlite_module(),
            poolclass=StaticPool,
            query_cache_size=2_000,
            connect_args={"check_same_thread": False, "isolation_level": None, "cached_statements": 1_000},
        )

        @event.listens_for(self.engine, "connect")
        def _opened(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA journal_mode=MEMORY")
            connection.execute("PRAGMA temp_store=MEMORY")
            sqlite_functions.register(connection)

        metadata.create_all(self.engine)
        self._connection = QuickSqlite(self.engine)
        self._connection.begin()
        driver: Any = self._connection.connection.driver_connection
        self._execute = driver.execute
        self._depth = 0
        self._execute("BEGIN")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A short look; nothing is written."""
        yield self._connection

    @contextmanager
    def writing(self, *, waited_for: bool = False) -> Iterator[Connection]:  # noqa: ARG002 - nobody else is there
        """One transaction: rolled back whole at an error."""
        mark = f"phin_{self._depth}"
        self._execute(f"SAVEPOINT {mark}")
        self._depth += 1
        try:
            yield self._connection
        except BaseException:
            self._execute(f"ROLLBACK TO {mark}")
            raise
        finally:
            self._depth -= 1
            self._execute(f"RELEASE {mark}")

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take everything back at the end that is written within."""
        self._execute("SAVEPOINT phin_undone")
        try:
            yield
        finally:
            self._execute("ROLLBACK TO phin_undone")
            self._execute("RELEASE phin_undone")

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self.engine.dispose()
