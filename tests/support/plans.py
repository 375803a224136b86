"""How a database would run the statements that a piece of work executes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import event as on_event

from worker.storage.database import Database


def count_rows(database: Database) -> None:
    """Have the database count what it has, as PostgreSQL does by itself and SQLite only when asked."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def statements_of(database: Database, work: Callable[[Connection], object]) -> list[tuple[str, Any]]:
    """Do the work, undo it, and return its statements with their parameters."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    class _Undo(Exception):
        pass

    on_event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.writing() as connection:
            work(connection)
            raise _Undo
    except _Undo:
        pass
    finally:
        on_event.remove(database.engine, "before_cursor_execute", note)
    return [one for one in statements if one[0].lstrip().startswith(("SELECT", "UPDATE", "WITH"))]


def plan(database: Database, statement: str, parameters: Any) -> list[str]:
    """Return the lines of the plan; of a statement for many rows, that for the first."""
    first = parameters[0] if isinstance(parameters, list) else parameters
    word = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.reading() as connection:
        return [row[-1] for row in connection.exec_driver_sql(f"{word} {statement}", first)]
