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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SLICE = 0.005  # seconds that a transaction in the background may take although somebody is waited for


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
        self._writer = path
        self._turn = path.with_name(path.name + "-turn")
        self._first = path.with_name(path.name + "-first")
        self._waited_for = waited_for
        self._monotonic = monotonic
        self._thread = threading.Lock()
        self._since = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waits for it."""
        with self._thread, self._writer.open("ab") as writer:
            if self._waited_for:
                with self._first.open("ab") as first:
                    fcntl.flock(first, fcntl.LOCK_EX)
                    fcntl.flock(writer, fcntl.LOCK_EX)
                yield
                return
            with self._turn.open("ab") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                with self._first.open("ab") as first:
                    fcntl.flock(first, fcntl.LOCK_SH)
                fcntl.flock(writer, fcntl.LOCK_EX)
                self._since = self._monotonic()
                yield

    def pressed(self) -> bool:
        """Say whether who holds the lock in the background has had a slice, and somebody who is waited for wants it."""
        if self._waited_for or self._monotonic() - self._since < SLICE:
            return False
        with self._first.open("ab") as first:
            try:
                fcntl.flock(first, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
