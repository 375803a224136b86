"""Rows that hardly anybody reads in the transaction that writes them: gathered, written at its end in few statements.

What a journey's trace says and why a flow did not take somebody is read by people, not by the next step; which events
are processed, what the lines of their orders are and which mails wait, only by what later events concern. In a batch of
twenty-five purchases that is more than two hundred statements, each a trip to PostgreSQL, which so are seven. Whoever
reads or changes such rows catches up first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

Row = tuple[Any, ...]
Writer = Callable[[Connection, Sequence[Row]], Sequence[int] | None]
"""Writes rows of one kind, in their order; returns numbers that whoever ends the transaction wants to know."""


@dataclass(slots=True)
class _Behind:
    rows: dict[Writer, list[Row]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)


_gathered: WeakKeyDictionary[Connection, _Behind] = WeakKeyDictionary()


@contextmanager
def gathering(connection: Connection) -> Iterator[list[int]]:
    """Gather within this block what is written behind; at its end it is written, at an error it is gone.

    Not for a transaction of which pieces may be undone by a savepoint: what they wrote would stay.

    Yields:
        The numbers that writers return, all of them once the block has ended.
    """
    assert connection not in _gathered, "one block of a transaction gathers"
    behind = _gathered[connection] = _Behind()
    try:
        yield behind.numbers
        catch_up(connection)
    finally:
        del _gathered[connection]


def write(connection: Connection, writer: Writer, rows: Sequence[Row]) -> Sequence[int]:
    """Write rows: at the end of the block that gathers, or now where none does; returns the writer's numbers then."""
    behind = _gathered.get(connection)
    if behind is None:
        return writer(connection, rows) or ()
    behind.rows.setdefault(writer, []).extend(rows)
    return ()


def catch_up(connection: Connection) -> None:
    """Write what was gathered so far, since what comes next reads or changes it."""
    behind = _gathered.get(connection)
    if behind is not None:
        gathered, behind.rows = behind.rows, {}
        for writer, rows in gathered.items():
            behind.numbers += writer(connection, rows) or ()
