"""A connection that is kept, for statements that are each a transaction of their own.

A transaction of the usual kind asks the server four times: whether it is there, to begin, for the work, to commit.
Where one statement is all of it, once is enough. For PostgreSQL; SQLite's one writer begins and ends as always.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from worker.storage.database import Database

T = TypeVar("T")


class KeptConnection:
    """The connection, opened at its first use and anew after each fault; for one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None

    def do(self, work: Callable[[Connection], T]) -> T:
        """Return what the work comes to; what its one statement changed is durable then.

        Raises:
            DBAPIError: the statement failed, or the server cannot be reached. Whether it is done is not known where
                the connection broke.
        """
        if self._connection is None:
            self._connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            return work(self._connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()
