"""What a process has in hand, in a file that survives it: so that a death tells which events or journeys it came of.

A transaction that its process does not survive leaves no trace in the database, and whoever takes the same rows next
may die of them too, one process after the other. So each thread writes, once it holds what it decides, which rows
those are, into a file that is locked for as long as the process lives; a free lock tells of a death. What was in hand
then counts one more try: it is taken alone from now on, so that nothing shares its fate, and is set aside after some.

The file is written over and not synced: it outlives the process, whatever ends it, and takes no more of a full disk.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import structlog

from worker.domain.journeys import TraceEntry, TraceKind
from worker.engine.failing import TRIES
from worker.storage import journeys, pending, traces
from worker.storage.database import Database

DIED = "the process that worked on it died"
_SUFFIX = ".hand"
_ROOM = 8_192  # bytes of a file, taken at once; more rows than fit are never in hand together, or the last go unnamed
_NOTHING = b"nothing \n"

_log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """What can be in hand."""

    EVENTS = "events"
    JOURNEYS = "journeys"


class InHand(Protocol):
    """Where a thread notes what it has in hand."""

    def hold(self, kind: Kind, ids: Sequence[int]) -> None:
        """Note these rows in place of what was noted before."""

    def free(self) -> None:
        """Note that nothing is in hand."""


class NothingKept:
    """For work that has no process to lose: rehearsals, and tests."""

    def hold(self, kind: Kind, ids: Sequence[int]) -> None:
        """Note nothing."""

    def free(self) -> None:
        """Note nothing."""


NOTHING_KEPT = NothingKept()


class Hands:
    """The notes of one process; each of its threads has a file of its own.

    Parameters:
        folder: made if it is missing; the same for all processes of this machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: list[tuple[Path, int]] = []

    def hold(self, kind: Kind, ids: Sequence[int]) -> None:
        """Note these rows; where the disk takes no file, the work goes on without."""
        self._write(b" ".join([kind.value.encode(), *(b"%d" % number for number in ids)]))

    def free(self) -> None:
        """Note that nothing is in hand."""
        if getattr(self._mine, "file", None) is not None:
            self._write(_NOTHING)

    def close(self) -> None:
        """Remove the files: this process ends with nothing in hand."""
        with self._lock:
            for path, file in self._open:
                path.unlink(missing_ok=True)
                os.close(file)
            self._open.clear()
        self._mine = threading.local()

    def _write(self, note: bytes) -> None:
        file = getattr(self._mine, "file", None)
        try:
            if file is None:
                file = self._mine.file = self._born()
            if len(note) >= _ROOM:
                note = note[: note.rindex(b" ", 0, _ROOM)]
            os.pwrite(file, note + b"\n", 0)
        except OSError as error:
            _log.warning("what is in hand cannot be noted", why=error.strerror)

    def _born(self) -> int:
        """Make a file that is locked, and has its room, from the first moment that others can see it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{uuid4().hex}{_SUFFIX}"
        unborn = path.with_suffix(".new")
        file = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            os.pwrite(file, _NOTHING.ljust(_ROOM), 0)
            unborn.rename(path)
        except OSError:
            unborn.unlink(missing_ok=True)
            os.close(file)
            raise
        with self._lock:
            self._open.append((path, file))
        return file


def blame_the_dead(database: Database, folder: Path, now: datetime) -> int:
    """Count one more try for what processes of this machine had in hand when they died; returns how many rows.

    What was tried too often is set aside: an event is refused, a journey has failed, and its trace says so.
    """
    rows = 0
    for kind, ids in _notes_of_the_dead(database, folder, now):
        rows += len(ids)
        _log.warning("a process died at work", of=kind.value, rows=ids[:10], more=max(0, len(ids) - 10))
    return rows


def _notes_of_the_dead(database: Database, folder: Path, now: datetime) -> Iterator[tuple[Kind, list[int]]]:
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        file = _lock_if_dead(path)
        if file is None:
            continue
        try:
            kind, ids = _read(file)
            if kind is not None and ids:
                _blame(database, kind, ids, now)
                yield kind, ids
            path.unlink(missing_ok=True)
        finally:
            os.close(file)


def _blame(database: Database, kind: Kind, ids: Sequence[int], now: datetime) -> None:
    with database.writing() as connection:
        if kind is Kind.EVENTS:
            aside = pending.count_deaths(connection, ids, DIED, TRIES)
        else:
            aside = journeys.count_deaths(connection, ids, DIED, now, TRIES)
            for number in aside:
                journeys.fail(connection, number, DIED, now)
                traces.append(connection, number, [TraceEntry(TraceKind.FAILED, None, {"reason": DIED})], now)
    if aside:
        _log.error("set aside, for processes died of it", of=kind.value, rows=aside)


def _lock_if_dead(path: Path) -> int | None:
    """Open and lock the file, unless its owner lives, another looks at it, or it is gone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(file)
    return None


def _read(file: int) -> tuple[Kind | None, list[int]]:
    """Return what was in hand; nothing where the note was torn by the death."""
    line = os.pread(file, _ROOM, 0).partition(b"\n")[0]
    word, _, rest = line.decode("ascii", "replace").partition(" ")
    numbers = rest.split()
    if word not in set(Kind) or not all(number.isdigit() for number in numbers):
        return None, []
    return Kind(word), [int(number) for number in numbers]
