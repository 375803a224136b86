"""A connection to SQLite that spends less on each statement, in a file as in memory.

SQLAlchemy compiles a statement once and keeps what came of it. What it does beside that at each execution (a context,
a cursor's metadata, events) costs several times what SQLite itself needs for a row or two. Here plain statements go
from what was compiled straight to the driver, and their rows back through SQLAlchemy's own result. Everything else,
whatever fails, and all statements while somebody listens to the engine's events take the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.ddl import ExecutableDDLElement
from sqlalchemy.sql.elements import ClauseElement

from worker.storage.quick_ways import Way, bound, read_rows, text_of, way_of
from worker.storage.types import Reader

MOST = 4_000  # statements that are kept; beyond it all are forgotten, and kept anew


class QuickResult(IteratorResult[Any]):
    """The rows of a statement, and how many it changed."""

    rowcount = -1


@dataclass(frozen=True, slots=True)
class _Known:
    """A statement that is made once and run again and again, such as one that a module holds.

    Parameters:
        given: names of the parameters that it was run with.
        constants: values of the others.
        text: what it always is, where it has no lists; then `values` are those of the driver, with a gap at each of
            `gaps` (place, name, and what makes it the driver's).
    """

    statement: object
    given: frozenset[str]
    way: Way
    constants: dict[str, Any]
    text: str | None = None
    values: tuple[Any, ...] = ()
    gaps: tuple[tuple[int, str, Reader | None], ...] = ()


class Kept:
    """What is kept of statements, for all connections of one engine, in whichever thread.

    Attributes:
        known: by the number of a statement that `_Known` holds, so that nothing else gets this number.
        ways: by the number of what was compiled, which stands beside for the same reason.
    """

    def __init__(self) -> None:
        self.known: dict[int, _Known] = {}
        self.ways: dict[int, tuple[object, Way | None]] = {}

    def way(self, compiled: object, connection: Connection) -> Way | None:
        """Return how a compiled statement is run by the short way; None where it is not plain."""
        found = self.ways.get(id(compiled))
        if found is None:
            self._make_room()
            found = self.ways[id(compiled)] = compiled, way_of(compiled, connection)
        return found[1]

    def know(self, known: _Known) -> None:
        """Keep a statement that was run a second time."""
        self._make_room()
        self.known[id(known.statement)] = known

    def _make_room(self) -> None:
        if len(self.known) + len(self.ways) >= MOST:
            self.known, self.ways = {}, {}


class QuickConnection(Connection):
    """Runs plain statements by a short way, the others by the usual one.

    Parameters:
        kept: what the engine's connections share.
    """

    def __init__(self, engine: Engine, kept: Kept | None = None) -> None:
        super().__init__(engine)
        self._kept = kept or Kept()
        driver: Any = self.connection.driver_connection
        self._driver = driver
        self._run: Callable[[str, list[Any]], Any] = driver.execute

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """Run a statement and return its result, as SQLAlchemy does."""
        if self._execution_options or self._has_events or self.engine._has_events:
            return super().execute(statement, parameters, execution_options=execution_options)
        if isinstance(parameters, list) and parameters:
            return self._each(statement, parameters, execution_options)
        if self._transaction is None:
            self._autobegin()
        known = self._kept.known.get(id(statement))
        if known is not None and not execution_options and known.given == (parameters or {}).keys():
            if known.text is not None:
                return self._at_once(known, known.text, statement, parameters)
            values: dict[str, Any] = {**known.constants, **parameters} if parameters else known.constants
            return self._quickly(known.way, statement, parameters, values)
        plain = (
            isinstance(statement, ClauseElement)
            and not isinstance(statement, ExecutableDDLElement)
            and (parameters is None or isinstance(parameters, dict))
        )
        if execution_options or not plain or getattr(statement, "_execution_options", None):
            return super().execute(statement, parameters, execution_options=execution_options)
        run_before = _KEY in statement.__dict__
        compiled, extracted, collected, _ = statement._compile_w_cache(
            self.dialect,
            compiled_cache=self.engine._compiled_cache,
            column_keys=sorted(parameters) if parameters else [],
            for_executemany=False,
            schema_translate_map=None,
        )
        if extracted is None:  # it is compiled anew each time
            return super().execute(statement, parameters)
        way = self._kept.way(compiled, self)
        if way is None:
            return super().execute(statement, parameters)
        made = way.compiled.construct_params(
            parameters, extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        values = dict(made)
        if run_before and not any(bind.callable for bind in way.compiled.binds.values()):
            given = frozenset(parameters or ())
            constants = {name: value for name, value in values.items() if name not in given}
            self._kept.know(_known(statement, given, way, constants))
        return self._quickly(way, statement, parameters, values)

    def begin_nested(self) -> Any:
        """Return a savepoint for a `with`: released at its end, rolled back to at an error."""
        return _Nested(self._driver)

    def _each(self, statement: Any, rows: list[Any], execution_options: Any) -> Any:
        """Run a statement for one row of parameters after another; returns what all of them give back."""
        if execution_options or any(row.keys() != rows[0].keys() for row in rows):
            return super().execute(statement, rows, execution_options=execution_options)
        if len(rows) == 1:
            return self.execute(statement, rows[0])
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
        return _result(way, cursor, rows)

    def _at_once(self, known: _Known, text: str, statement: Any, parameters: Any) -> Any:
        """Run a statement whose text is known, and most of its values."""
        values = list(known.values)
        try:
            for at, name, make in known.gaps:
                value = parameters[name]
                values[at] = value if make is None else make(value)
            cursor = self._run(text, values)
            rows = cursor.fetchall()
        except Exception as error:
            return self._failed(error, text, statement, parameters)
        return _result(known.way, cursor, rows)

    def _failed(self, error: Exception, text: str, statement: Any, parameters: Any) -> Any:
        """Have a statement that failed fail again by the usual way, in SQLAlchemy's own words.

        But where SQLite gave the whole transaction up, as on a full disk: run again, it would be a transaction of its
        own, and might be kept.
        """
        if not self._driver.in_transaction:
            self._handle_dbapi_exception(error, text, None, None, None)
        return super().execute(statement, parameters)


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


_NO_COLUMNS = SimpleResultMetaData(())
_KEY = "_generate_cache_key"  # under which SQLAlchemy keeps, in a statement that was run, by what it is found again


def _result(way: Way, cursor: Any, rows: list[tuple[Any, ...]]) -> QuickResult:
    if way.columns is None:
        result = QuickResult(_NO_COLUMNS, iter(()))
    else:
        result = QuickResult(way.columns, iter(read_rows(rows, way.readers) if way.readers else rows))
    result.rowcount = cursor.rowcount
    return result


def _known(statement: object, given: frozenset[str], way: Way, constants: dict[str, Any]) -> _Known:
    if way.lists:
        return _Known(statement, given, way, constants)
    text = text_of(way, constants)
    gaps = tuple((at, name, make) for at, (name, _, make) in enumerate(text.parameters) if name in given)
    fixed = tuple(None if name in given else bound(constants[name], None, make) for name, _, make in text.parameters)
    return _Known(statement, given, way, constants, text.sql, fixed, gaps)
