"""The short way to PostgreSQL's driver.

What fails is not run again, as the server has given the transaction up by then: it fails in SQLAlchemy's words at once.
"""

from __future__ import annotations

from typing import Any

from psycopg.pq import ExecStatus
from sqlalchemy import Connection, Engine

from worker.storage.quick import Kept, Known, QuickConnection, result_of
from worker.storage.quick_ways import Way, bound, text_of


class QuickPostgresql(QuickConnection):
    """A connection to PostgreSQL, whose statements go through one cursor."""

    def __init__(self, engine: Engine, kept: Kept | None = None) -> None:
        super().__init__(engine, kept)
        self._cursor: Any = self._driver.cursor()

    def _goes_the_usual_way(self) -> bool:
        """Say so too where the connection was lost, or was opened anew since."""
        held = self._dbapi_connection
        return held is None or held.dbapi_connection is not self._driver or super()._goes_the_usual_way()

    def _quickly(self, way: Way, statement: Any, parameters: Any, values: dict[str, Any]) -> Any:  # noqa: ARG002
        text = text_of(way, values)
        asked = {name: bound(values[name], at, make) for name, at, make in text.parameters}
        return self._run(way, text.sql, asked)

    def _at_once(self, known: Known, text: str, statement: Any, parameters: Any) -> Any:  # noqa: ARG002
        return self._run(known.way, text, dict(zip(known.names, known.filled(parameters), strict=True)))

    def _run_text(self, text: str, parameters: Any) -> Any:
        if isinstance(parameters, list):
            return Connection.exec_driver_sql(self, text, parameters)
        rows = self._rows(text, () if parameters is None else parameters)
        return self._result_of_text(text, self._cursor, rows)

    def _run(self, way: Way, text: str, asked: dict[str, Any]) -> Any:
        return result_of(way, self._rows(text, asked) or [], self._cursor.rowcount)

    def _rows(self, text: str, asked: Any) -> list[tuple[Any, ...]] | None:
        """Run a text; returns its rows, None where it gives none back."""
        cursor = self._cursor
        try:
            cursor.execute(text, asked)
            return cursor.fetchall() if cursor.pgresult.status == ExecStatus.TUPLES_OK else None
        except self.dialect.loaded_dbapi.Error as error:
            # without the cursor, which would be closed: after a savepoint it goes on
            self._handle_dbapi_exception(error, text, None, None, None)
