"""A connection that spends less on each statement.

SQLAlchemy compiles a statement once and keeps what came of it. What it does beside that at each execution (a context,
a cursor's metadata, events) costs several times what SQLite itself needs for a row or two, and as much as psycopg and
PostgreSQL do. Here plain statements go from what was compiled straight to the driver, and their rows back through
SQLAlchemy's own result. Everything else, and all statements while somebody listens to the engine's events take the
usual way. `quick_sqlite` and `quick_postgresql` know their drivers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.ddl import ExecutableDDLElement
from sqlalchemy.sql.elements import ClauseElement

from worker.storage.quick_ways import Way, bound, read_rows, text_of, way_of
from worker.storage.types import Reader

MOST = 2_000  # statements that are kept; beyond it all are forgotten, and kept anew


class QuickResult(IteratorResult[Any]):
    """The rows of a statement, and how many it changed."""

    rowcount = -1


@dataclass(frozen=True, slots=True)
class Known:
    """A statement that is made once and run again and again, such as one that a module holds.

    Parameters:
        given: names of the parameters that it was run with.
        constants: values of the others.
        text: what it always is, where it has no lists; then `values` are those of the driver, one for each of
            `names`, with a gap at each of `gaps` (place, name, and what makes it the driver's).
    """

    statement: object
    given: frozenset[str]
    way: Way
    constants: dict[str, Any]
    text: str | None = None
    names: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    gaps: tuple[tuple[int, str, Reader | None], ...] = ()

    def filled(self, given: dict[str, Any]) -> list[Any]:
        """Return the driver's values with these in the gaps."""
        values = list(self.values)
        for at, name, make in self.gaps:
            value = given[name]
            values[at] = value if make is None else make(value)
        return values


class Kept:
    """What is kept of statements, for all connections of one engine, in whichever thread.

    Attributes:
        columns: names of what texts of the driver's give back.
        known: by the number of a statement that `Known` holds, so that nothing else gets this number.
        ways: by the number of what was compiled, which stands beside for the same reason.
    """

    def __init__(self) -> None:
        self.columns: dict[str, SimpleResultMetaData] = {}
        self.known: dict[int, Known] = {}
        self.ways: dict[int, tuple[object, Way | None]] = {}

    def way(self, compiled: object, connection: Connection) -> Way | None:
        """Return how a compiled statement is run by the short way; None where it is not plain."""
        found = self.ways.get(id(compiled))
        if found is None:
            self._make_room()
            found = self.ways[id(compiled)] = compiled, way_of(compiled, connection)
        return found[1]

    def know(self, known: Known) -> None:
        """Keep a statement that was run a second time."""
        self._make_room()
        self.known[id(known.statement)] = known

    def columns_of(self, text: str, cursor: Any) -> SimpleResultMetaData:
        """Return the names of what a text gives back; the cursor that ran it is asked once: psycopg takes long."""
        found = self.columns.get(text)
        if found is None:
            self._make_room()
            found = self.columns[text] = SimpleResultMetaData([column[0] for column in cursor.description])
        return found

    def _make_room(self) -> None:
        if len(self.known) + len(self.ways) + len(self.columns) >= MOST:
            self.known, self.ways, self.columns = {}, {}, {}


class QuickConnection(Connection, ABC):
    """Runs plain statements by a short way, the others by the usual one.

    Parameters:
        kept: what the engine's connections share.
    """

    def __init__(self, engine: Engine, kept: Kept | None = None) -> None:
        super().__init__(engine)
        self._kept = kept or Kept()
        self._driver: Any = self.connection.driver_connection

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """Run a statement and return its result, as SQLAlchemy does."""
        if self._goes_the_usual_way():
            return super().execute(statement, parameters, execution_options=execution_options)
        if isinstance(parameters, list) and parameters:
            if len(parameters) > 1:
                return self._each(statement, parameters, execution_options)
            parameters = parameters[0]
        if self._transaction is None:
            self._autobegin()
        known = self._kept.known.get(id(statement))
        if known is not None and not execution_options and known.given == (parameters or {}).keys():
            if known.text is not None:
                return self._at_once(known, known.text, statement, parameters or {})
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

    def exec_driver_sql(self, statement: str, parameters: Any = None, execution_options: Any = None) -> Any:
        """Run a text of the driver's; for each row of a list, which gives nothing back."""
        if execution_options or self._goes_the_usual_way():
            return super().exec_driver_sql(statement, parameters, execution_options)
        if self._transaction is None:
            self._autobegin()
        return self._run_text(statement, parameters)

    def _goes_the_usual_way(self) -> bool:
        return bool(self._execution_options or self._has_events or self.engine._has_events)

    def _each(self, statement: Any, rows: list[Any], execution_options: Any) -> Any:
        """Run a statement for each of several rows of parameters."""
        return super().execute(statement, rows, execution_options=execution_options)

    def _result_of_text(self, text: str, cursor: Any, rows: list[tuple[Any, ...]] | None) -> QuickResult:
        """Return what a text of the driver's gave back; None: it gives no rows."""
        columns = NO_ROWS if rows is None else self._kept.columns_of(text, cursor)
        return _result(columns, rows or (), cursor.rowcount)

    @abstractmethod
    def _quickly(self, way: Way, statement: Any, parameters: Any, values: dict[str, Any]) -> Any:
        """Run a statement, its parameters given by name."""

    @abstractmethod
    def _run_text(self, text: str, parameters: Any) -> Any:
        """Run a text of the driver's."""

    @abstractmethod
    def _at_once(self, known: Known, text: str, statement: Any, parameters: Any) -> Any:
        """Run a statement whose text is known, and most of its values."""


NO_ROWS = SimpleResultMetaData(())
_KEY = "_generate_cache_key"  # under which SQLAlchemy keeps, in a statement that was run, by what it is found again


def result_of(way: Way, rows: list[tuple[Any, ...]], rowcount: int) -> QuickResult:
    """Return what a statement gave back, and how many rows it changed."""
    if way.columns is None:
        return _result(NO_ROWS, (), rowcount)
    return _result(way.columns, read_rows(rows, way.readers) if way.readers else rows, rowcount)


def _result(columns: SimpleResultMetaData, rows: Iterable[tuple[Any, ...]], rowcount: int) -> QuickResult:
    result = QuickResult(columns, iter(rows))
    result.rowcount = rowcount
    return result


def _known(statement: object, given: frozenset[str], way: Way, constants: dict[str, Any]) -> Known:
    if way.lists:
        return Known(statement, given, way, constants)
    text = text_of(way, constants)
    gaps = tuple((at, name, make) for at, (name, _, make) in enumerate(text.parameters) if name in given)
    fixed = tuple(None if name in given else bound(constants[name], None, make) for name, _, make in text.parameters)
    names = tuple(name for name, _, _ in text.parameters)
    return Known(statement, given, way, constants, text.sql, names, fixed, gaps)
