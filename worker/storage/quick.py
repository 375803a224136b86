"""A connection to a database in memory that spends less on each statement, for rehearsals that make thousands a second.

SQLAlchemy compiles a statement once and keeps what came of it. What it does beside that at each execution (a context,
a cursor's metadata, events, a pool) costs several times what SQLite itself needs for a row or two. Here plain
statements go from what was compiled straight to the driver, and their rows back through SQLAlchemy's own result.
Everything else, and whatever fails, takes the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Connection, Dialect, Engine
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

from worker.storage.types import Instant, instant_of, json_of, microseconds

Processor = Callable[[Any], Any]


class QuickResult(IteratorResult[Any]):
    """The rows of a statement, and how many it changed."""

    rowcount = -1


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement's text, and what stands for each of its parameters.

    Parameters:
        parameters: name, place in a list of values (None: it is one value), and what makes it the driver's.
    """

    sql: str
    parameters: tuple[tuple[str, int | None, Processor | None], ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """What is kept of a compiled statement.

    Parameters:
        lists: the parameters that are lists; the text depends on how many values each has.
        texts: by the numbers of values.
        columns: of the rows that are given back; None where none are.
        readers: what makes a column's value of what the driver gives.
    """

    compiled: SQLCompiler
    lists: tuple[str, ...]
    columns: SimpleResultMetaData | None
    readers: tuple[tuple[int, Processor], ...]
    texts: dict[tuple[int, ...], _Text] = field(default_factory=dict)


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
    way: _Way
    constants: dict[str, Any]
    text: str | None = None
    values: tuple[Any, ...] = ()
    gaps: tuple[tuple[int, str, Processor | None], ...] = ()


class QuickConnection(Connection):
    """Runs plain statements by a short way, the others by the usual one."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._known: dict[int, _Known] = {}
        self._ways: dict[int, _Way | None] = {}
        self._kept: list[object] = []  # whose numbers are keys of `_ways`, so that nothing else gets these numbers
        driver: Any = self.connection.driver_connection
        self._run: Callable[[str, list[Any]], Any] = driver.execute

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """Run a statement and return its result, as SQLAlchemy does."""
        if isinstance(parameters, list) and parameters:
            return self._each(statement, parameters, execution_options)
        known = self._known.get(id(statement))
        if known is not None and not execution_options and known.given == (parameters or {}).keys():
            if known.text is not None:
                return self._at_once(known, known.text, statement, parameters)
            values: dict[str, Any] = {**known.constants, **parameters} if parameters else known.constants
            return self._quickly(known.way, statement, parameters, values)
        plain = isinstance(statement, ClauseElement) and (parameters is None or isinstance(parameters, dict))
        if execution_options or not plain:
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
        if id(compiled) not in self._ways:
            self._ways[id(compiled)] = _way(compiled, self)
            self._kept.append(compiled)
        way = self._ways[id(compiled)]
        if way is None:
            return super().execute(statement, parameters)
        made = way.compiled.construct_params(
            parameters, extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        values = dict(made)
        if run_before and not any(bind.callable for bind in way.compiled.binds.values()):
            given = frozenset(parameters or ())
            constants = {name: value for name, value in values.items() if name not in given}
            self._known[id(statement)] = _known(statement, given, way, constants)
        return self._quickly(way, statement, parameters, values)

    def begin_nested(self) -> Any:
        """Return a savepoint for a `with`: released at its end, rolled back to at an error."""
        return _Nested(self._run)

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

    def _quickly(self, way: _Way, statement: Any, parameters: Any, values: dict[str, Any]) -> Any:
        text = _text(way, values)
        try:
            cursor = self._run(text.sql, [_bound(values[name], at, make) for name, at, make in text.parameters])
            rows = cursor.fetchall()
        except Exception:
            return super().execute(statement, parameters)  # which fails too, in SQLAlchemy's own words
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
        except Exception:
            return super().execute(statement, parameters)
        return _result(known.way, cursor, rows)


class _Nested:
    """A savepoint."""

    def __init__(self, run: Callable[[str, list[Any]], Any]) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._run("SAVEPOINT phin_nested", [])

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._run("ROLLBACK TO phin_nested", [])
        self._run("RELEASE phin_nested", [])


_NO_COLUMNS = SimpleResultMetaData(())
_KEY = "_generate_cache_key"  # under which SQLAlchemy keeps, in a statement that was run, by what it is found again


def _result(way: _Way, cursor: Any, rows: list[tuple[Any, ...]]) -> QuickResult:
    if way.columns is None:
        result = QuickResult(_NO_COLUMNS, iter(()))
    else:
        result = QuickResult(way.columns, iter(_read(rows, way.readers) if way.readers else rows))
    result.rowcount = cursor.rowcount
    return result


def _known(statement: object, given: frozenset[str], way: _Way, constants: dict[str, Any]) -> _Known:
    if way.lists:
        return _Known(statement, given, way, constants)
    text = _text(way, constants)
    gaps = tuple((at, name, make) for at, (name, _, make) in enumerate(text.parameters) if name in given)
    bound = tuple(None if name in given else _bound(constants[name], None, make) for name, _, make in text.parameters)
    return _Known(statement, given, way, constants, text.sql, bound, gaps)


def _way(compiled: object, connection: Connection) -> _Way | None:
    """Return how a compiled statement is run by the short way; None where it is not plain."""
    if not isinstance(compiled, SQLCompiler) or compiled.isplaintext or compiled.literal_execute_params:
        return None
    if compiled.insert_prefetch or compiled.update_prefetch or compiled._ad_hoc_textual or not compiled.positional:
        return None
    lists = tuple(sorted({compiled.bind_names[one] for one in compiled.post_compile_params}))
    if any(one.type._is_tuple_type for one in compiled.post_compile_params):
        return None
    statement = compiled.compile_state.statement if compiled.compile_state is not None else None
    if isinstance(statement, UpdateBase) and not statement._returning:
        return _Way(compiled, lists, None, ())
    found = compiled._result_columns
    types = ((at, _reader(one.type, connection.dialect)) for at, one in enumerate(found))
    readers = tuple((at, read) for at, read in types if read is not None)
    return _Way(compiled, lists, SimpleResultMetaData([one.keyname for one in found]), readers)


def _text(way: _Way, values: Mapping[str, Any]) -> _Text:
    """Return the text of a statement for as many values as its lists have."""
    lengths = tuple(len(values[name]) for name in way.lists)
    text = way.texts.get(lengths)
    if text is None:
        text = way.texts[lengths] = _made(way, dict(values))
    return text


def _made(way: _Way, values: dict[str, Any]) -> _Text:
    compiled, makes = way.compiled, dict(cast(Mapping[str, Processor], way.compiled._bind_processors))
    makes |= {name: _moment for name, one in compiled.binds.items() if isinstance(one.type, Instant)}
    if not way.lists:
        return _Text(compiled.string, tuple((name, None, makes.get(name)) for name in compiled.positiontup or ()))
    expanded = compiled._process_parameters_for_postcompile(values)
    places = {one: (name, at) for name, all_ in expanded.parameter_expansion.items() for at, one in enumerate(all_)}
    parameters = []
    for one in expanded.positiontup or ():
        name, at = places.get(one, (one, None))
        parameters.append((name, at, makes.get(name)))
    return _Text(expanded.statement, tuple(parameters))


def _moment(value: datetime | None) -> int | None:
    return None if value is None else microseconds(value)


def _bound(value: Any, at: int | None, make: Processor | None) -> Any:
    one = value if at is None else value[at]
    return one if make is None else make(one)


def _reader(of: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    """Return what makes a value of what the driver gives; NULL is none in any type, and is not asked for."""
    if isinstance(of, Instant):
        return instant_of
    if isinstance(of.dialect_impl(dialect), JSON):
        return json_of
    return of._cached_result_processor(dialect, None)


def _read(rows: Iterable[tuple[Any, ...]], readers: tuple[tuple[int, Processor], ...]) -> Iterable[tuple[Any, ...]]:
    for row in rows:
        values = list(row)
        for at, read in readers:
            if (value := values[at]) is not None:
                values[at] = read(value)
        yield tuple(values)
