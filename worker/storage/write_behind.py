"""Rows that nobody reads in the transaction that writes them: gathered, and written at its end in few statements.

What a journey's trace says and why a flow did not take somebody is read by people, not by the next step. In a batch
of twenty-five purchases that is a hundred and fifty statements, each a trip to PostgreSQL, which so are four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

Row = tuple[Any, ...]
Writer = Callable[[Connection, Sequence[Row]], None]
"""Writes rows of one kind, in their order."""

_gathered: WeakKeyDictionary[Connection, dict[Writer, list[Row]]] = WeakKeyDictionary()


@contextmanager
def gathering(connection: Connection) -> Iterator[None]:
    """Gather within this block what is written behind; at its end it is written, at an error it is gone.

    Not for a transaction of which pieces may be undone by a savepoint: what they wrote would stay.
    """
    assert connection not in _gathered, "one block of a transaction gathers"
    _gathered[connection] = {}
    try:
        yield
        catch_up(connection)
    finally:
        del _gathered[connection]


def write(connection: Connection, writer: Writer, rows: Sequence[Row]) -> None:
    """Write rows: at the end of the block that gathers, or now where none does."""
    behind = _gathered.get(connection)
    if behind is None:
        writer(connection, rows)
    else:
        behind.setdefault(writer, []).extend(rows)


def catch_up(connection: Connection) -> None:
    """Write what was gathered so far, since what comes next reads or changes it."""
    behind = _gathered.get(connection)
    if behind:
        for writer, rows in behind.items():
            writer(connection, rows)
        behind.clear()
