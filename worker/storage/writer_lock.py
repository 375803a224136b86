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
        self._writer = _LockFile(path)
        self._turn = _LockFile(path.with_name(path.name + "-turn"))
        self._first = _LockFile(path.with_name(path.name + "-first"))
        self._waited_for = waited_for
        self._monotonic = monotonic
        self._thread = threading.Lock()
        self._since = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waits for it."""
        with self._thread:
            try:
                if self._waited_for:
                    with self._first.locked():
                        self._writer.lock()
                else:
                    self._turn.lock()
                    with self._first.locked(fcntl.LOCK_SH):
                        pass
                    self._writer.lock()
                    self._since = self._monotonic()
                yield
            finally:
                self._writer.unlock()
                self._turn.unlock()

    def pressed(self) -> bool:
        """Say whether who holds the lock in the background has had a slice, and somebody who is waited for wants it."""
        if self._waited_for or self._monotonic() - self._since < SLICE:
            return False
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
