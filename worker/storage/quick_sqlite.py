"""The short way to SQLite's driver, in a file as in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from worker.storage.quick import Kept, Known, QuickConnection, QuickResult, result_of
from worker.storage.quick_ways import Way, bound, text_of


class QuickSqlite(QuickConnection):
    """A connection to SQLite; what fails by the short way fails again by the usual one."""

    def __init__(self, engine: Engine, kept: Kept | None = None) -> None:
        super().__init__(engine, kept)
        self._run: Callable[[str, list[Any]], Any] = self._driver.execute

    def _run_text(self, text: str, parameters: Any) -> Any:
        run = self._driver.executemany if isinstance(parameters, list) and parameters else self._driver.execute
        try:
            cursor = run(text, parameters or ())
            rows = cursor.fetchall()
        except self.dialect.loaded_dbapi.Error as error:  # not run again: some of the rows may be there
            self._handle_dbapi_exception(error, text, None, None, None)
        return self._result_of_text(text, cursor, None if cursor.description is None else rows)

    def begin_nested(self) -> Any:
        """Return a savepoint for a `with`: released at its end, rolled back to at an error."""
        return _Nested(self._driver)

    def _each(self, statement: Any, rows: list[Any], execution_options: Any) -> Any:
        """Run a statement for one row of parameters after another; returns what all of them give back."""
        if execution_options or any(row.keys() != rows[0].keys() for row in rows):
            return super()._each(statement, rows, execution_options)
        results = [self.execute(statement, row) for row in rows]
        result = QuickResult(results[0]._metadata, iter([row for one in results for row in one._raw_row_iterator()]))
        result.rowcount = sum(one.rowcount for one in results)
        return result

    def _quickly(self, way: Way, statement: Any, parameters: Any, values: dict[str, Any]) -> Any:
        text = text_of(way, values)
        try:
            cursor = self._run(text.sql, [bound(values[name], at, make) for name, at, make in text.parameters])
            rows = cursor.fetchall()
        except Exception as error:
            return self._failed(error, text.sql, statement, parameters)
        return result_of(way, rows, cursor.rowcount)

    def _at_once(self, known: Known, text: str, statement: Any, parameters: Any) -> Any:
        """Run a statement whose text is known, and most of its values."""
        try:
            cursor = self._run(text, known.filled(parameters))
            rows = cursor.fetchall()
        except Exception as error:
            return self._failed(error, text, statement, parameters)
        return result_of(known.way, rows, cursor.rowcount)

    def _failed(self, error: Exception, text: str, statement: Any, parameters: Any) -> Any:
        """Have a statement that failed fail again by the usual way, in SQLAlchemy's own words.

        But where SQLite gave the whole transaction up, as on a full disk: run again, it would be a transaction of its
        own, and might be kept.
        """
        if not self._driver.in_transaction:
            self._handle_dbapi_exception(error, text, None, None, None)
        return super(QuickConnection, self).execute(statement, parameters)


class _Nested:
    """A savepoint."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __enter__(self) -> None:
        self._driver.execute("SAVEPOINT phin_nested")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if not self._driver.in_transaction:
            return  # SQLite has taken all of it back, savepoints too; the error says why
        if kind is not None:
            self._driver.execute("ROLLBACK TO phin_nested")
        self._driver.execute("RELEASE phin_nested")
