"""The short way of a statement to the driver: its text, and what makes values the driver's and rows ours.

`worker.storage.quick` goes this way; what is not plain has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Boolean, Connection, Date, Float, Integer, LargeBinary, String
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

from worker.storage.types import Instant, Money, Reader, microseconds, reader_of

# What `reader_of` reads, and what psycopg gives as it is; numbers of other kinds SQLAlchemy looks at one by one.
_AS_READ = (Instant, Money, Integer, String, Boolean, JSON, LargeBinary, Date, Float)
FILLED_UP = 512  # values of a list up to which it is filled up; the texts of longer ones are not kept


@dataclass(frozen=True, slots=True)
class Text:
    """A statement's text, and what stands for each of its parameters.

    Parameters:
        parameters: name, place in a list of values (None: it is one value), and what makes it the driver's.
    """

    sql: str
    parameters: tuple[tuple[str, int | None, Reader | None], ...]


@dataclass(frozen=True, slots=True)
class Way:
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
    readers: tuple[tuple[int, Reader], ...]
    texts: dict[tuple[int, ...], Text] = field(default_factory=dict)


def way_of(compiled: object, connection: Connection) -> Way | None:
    """Return how a compiled statement is run by the short way; None where it is not plain."""
    if not isinstance(compiled, SQLCompiler) or compiled.isplaintext or compiled.literal_execute_params:
        return None
    if compiled.insert_prefetch or compiled.update_prefetch or compiled._ad_hoc_textual or compiled.escaped_bind_names:
        return None
    lists = tuple(sorted({compiled.bind_names[one] for one in compiled.post_compile_params}))
    if any(one.type._is_tuple_type for one in compiled.post_compile_params) or (lists and not compiled.positional):
        return None
    statement = compiled.compile_state.statement if compiled.compile_state is not None else None
    if isinstance(statement, UpdateBase) and not statement._returning:
        return Way(compiled, lists, None, ())
    found = compiled._result_columns
    if connection.dialect.name == "postgresql" and not all(isinstance(one.type, _AS_READ) for one in found):
        return None
    types = ((at, reader_of(one.type, connection.dialect)) for at, one in enumerate(found))
    readers = tuple((at, read) for at, read in types if read is not None)
    return Way(compiled, lists, SimpleResultMetaData([one.keyname for one in found]), readers)


def text_of(way: Way, values: dict[str, Any]) -> Text:
    """Return the text of a statement for as many values as its lists have.

    A list is filled up with its last value to a power of two: it is asked whether something is in it, and so there are
    few texts of each statement, here and in the driver.
    """
    for name in way.lists:
        given = values[name]
        more = (1 << (len(given) - 1).bit_length()) - len(given) if given else 0
        if more and len(given) <= FILLED_UP:
            values[name] = [*given, *[given[-1]] * more]
    lengths = tuple(len(values[name]) for name in way.lists)
    text = way.texts.get(lengths)
    if text is None:
        text = _made(way, dict(values))
        if all(length <= FILLED_UP for length in lengths):
            way.texts[lengths] = text
    return text


def _made(way: Way, values: dict[str, Any]) -> Text:
    compiled, makes = way.compiled, dict(cast(Mapping[str, Reader], way.compiled._bind_processors))
    if compiled.dialect.name == "sqlite":
        makes |= {name: _moment for name, one in compiled.binds.items() if isinstance(one.type, Instant)}
    if not way.lists:
        names = compiled.positiontup or () if compiled.positional else compiled.bind_names.values()
        return Text(compiled.string, tuple((name, None, makes.get(name)) for name in names))
    expanded = compiled._process_parameters_for_postcompile(values)
    places = {one: (name, at) for name, all_ in expanded.parameter_expansion.items() for at, one in enumerate(all_)}
    parameters = []
    for one in expanded.positiontup or ():
        name, at = places.get(one, (one, None))
        parameters.append((name, at, makes.get(name)))
    return Text(expanded.statement, tuple(parameters))


def _moment(value: datetime | None) -> int | None:
    return None if value is None else microseconds(value)


def bound(value: Any, at: int | None, make: Reader | None) -> Any:
    """Return a value, or the one at a place of a list, as the driver takes it."""
    one = value if at is None else value[at]
    return one if make is None else make(one)


def read_rows(rows: Iterable[tuple[Any, ...]], readers: tuple[tuple[int, Reader], ...]) -> Iterable[tuple[Any, ...]]:
    """Make the values of rows ours; NULL is none in any type, and is not asked for."""
    for row in rows:
        values = list(row)
        for at, read in readers:
            if (value := values[at]) is not None:
                values[at] = read(value)
        yield tuple(values)
