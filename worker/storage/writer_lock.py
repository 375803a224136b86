"""Whose turn it is to write to a SQLite file: one writer at a time, across threads and processes, woken by the kernel.

Most writers work in the background, with transactions of some tens of milliseconds, and more of them wait than one.
Whoever has somebody waiting for an answer goes before them: it waits for the one that writes, and for no other. The
next of those in the background writes after it, so that neither keeps the other out. A long piece of work asks now and
then whether it is `pressed`, and commits early.

Three locks do that, each on a file of its own. Writers in the background wait in line (`turn`), held until they have
written. The first in line lets those pass who are waited for (`first`), and then all wait for `writer`. It is the last
one alone that keeps two from writing at once.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Seconds that a transaction in the background may take although somebody is waited for. In less, a steady stream of
# requests would cut its work into pieces of two or three events, of which each costs half as much again.
SLICE = 0.015


class WriterLock:
    """The lock of one SQLite file.

    Parameters:
        path: of the file that is locked; others stand beside it.
        waited_for: whether somebody waits for the answer of each transaction of this process.
        monotonic: seconds that only grow.
    """

    def __init__(
        self, path: Path, *, waited_for: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._background = _Writers(path)
        self._urgent = _Writers(path)
        self._waited_for = waited_for
        self._monotonic = monotonic
        self._since: float | None = None  # when this process began to write in the background, where it does now

    @contextmanager
    def held(self, *, waited_for: bool = False) -> Iterator[None]:
        """Hold the lock; waits for it.

        Parameters:
            waited_for: whether somebody waits for this transaction, though not for all of this process.
        """
        if waited_for or self._waited_for:
            with self._urgent.first_of_all():
                yield
            return
        with self._background.in_line():
            self._since = self._monotonic()
            try:
                yield
            finally:
                self._since = None

    def pressed(self) -> bool:
        """Say whether who holds the lock in the background has had a slice, and somebody who is waited for wants it."""
        if self._since is None or self._monotonic() - self._since < SLICE:
            return False
        return self._background.somebody_is_first()


class _Writers:
    """The threads of one process that write in the same way, one at a time, with files of their own."""

    def __init__(self, path: Path) -> None:
        self._writer = _LockFile(path)
        self._turn = _LockFile(path.with_name(path.name + "-turn"))
        self._first = _LockFile(path.with_name(path.name + "-first"))
        self._thread = threading.Lock()

    @contextmanager
    def first_of_all(self) -> Iterator[None]:
        with self._thread:
            try:
                with self._first.locked():
                    self._writer.lock()
                yield
            finally:
                self._writer.unlock()

    @contextmanager
    def in_line(self) -> Iterator[None]:
        with self._thread, self._turn.locked():
            with self._first.locked(fcntl.LOCK_SH):
                pass
            with self._writer.locked():
                yield

    def somebody_is_first(self) -> bool:
        try:
            with self._first.locked(fcntl.LOCK_SH | fcntl.LOCK_NB):
                return False
        except BlockingIOError:
            return True


class _LockFile:
    """A file that is opened once in a process; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._process = 0
        self._locked = False

    def lock(self, how: int = fcntl.LOCK_EX) -> None:
        if self._process != os.getpid():  # what is open across a fork is one lock for both
            self._process, self._file = os.getpid(), os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            weakref.finalize(self, os.close, self._file).atexit = False
        fcntl.flock(self._file, how)
        self._locked = True

    def unlock(self) -> None:
        if self._locked:
            self._locked = False
            fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def locked(self, how: int = fcntl.LOCK_EX) -> Iterator[None]:
        self.lock(how)
        try:
            yield
        finally:
            self.unlock()
