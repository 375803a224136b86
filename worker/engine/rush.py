"""A rush: more events come in than this machine can process, so that taking them in goes before processing them.

Where the database is a server beside Phin, its own processes and the workers that ask them have the same few cores as
the web process, and each request waits for a core six times. With SQLite the lock says who goes first
(`storage/writer_lock.py`); here the web process counts what it takes in, and marks a rush by the time of a file. Who
processes events looks before each transaction: in a rush they share few slots, on two cores one, and rest in it. Three
fifths of what they process are left then. Threads that wait for a slot do no other work meanwhile; without a rush they
would process what came before it.

All of it holds on one machine. The web process waits for nothing here, and who processes waits for nobody for ever: one
that was stopped in its slot keeps the others for a few seconds.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import structlog

PROCESSED = 175  # events a second that a core is thought to process at most: two came to 320 with large batches
BEHIND = 0.4  # seconds of such work that come in beyond what is processed: from then on it is a rush
LASTS = 0.5  # seconds that a rush goes on after it was marked
FRONT = 2  # cores that taking in has work for: the web process, and the server's process that it asks
REST = 2.0  # times as long as it had a slot that a worker rests in it, where there are no more cores than those
RESTS = 0.25  # seconds at most
SLOT_WITHIN = 5.0  # seconds that a worker waits for a slot before it goes on without
LOOK_EVERY = 0.01  # seconds
LOGGED_EVERY = 60.0  # seconds

_log = structlog.get_logger(__name__)


class Precedence(Protocol):
    """Is told of what is taken in, and lets processing make way for it."""

    def taking_in(self, events: int) -> None:
        """Count events that are about to be written."""

    def processing(self) -> AbstractContextManager[None]:
        """Process events; in a rush, once a slot is free."""

    def leave(self) -> None:
        """Wait no more, as this process is to end."""


class NoRush:
    """Where nobody is in anybody's way, or another lock says who goes first."""

    def taking_in(self, events: int) -> None:
        """Count nothing."""

    def processing(self) -> AbstractContextManager[None]:
        """Process at once."""
        return nullcontext()

    def leave(self) -> None:
        """Wait no more than before."""


NO_RUSH = NoRush()


class Rush:
    """What the processes of one machine know of a rush.

    Parameters:
        folder: made where a rush is first marked; the same for all processes of this machine.
        cores: of the machine, for this process; None: as it has. The more there are, the more come in before it is a
            rush, the more may process at once, and the less they rest.
        now, sleep: seconds by the clock of the machine, which times of files are of too; and what lets them pass.
    """

    def __init__(
        self,
        folder: Path,
        cores: int | None = None,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        cores = cores or _cores()
        slots = max(1, cores - FRONT)
        self._mark = folder / "rush"
        self._slots = [folder / f"slot-{number}" for number in range(1, slots + 1)]
        self._rest = REST / slots
        self._processed = PROCESSED * cores
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._leaving = False
        self._told = -LOGGED_EVERY  # when a rush was last logged
        self._waiting, self._counted = 0.0, now()  # events that came beyond what could be processed, and up to when

    def taking_in(self, events: int) -> None:
        """Count events that are about to be written, and mark a rush where they are too many."""
        most = self._processed * BEHIND
        with self._lock:
            now = self._now()
            done = self._processed * max(0.0, now - self._counted)
            # at most twice as many, so that a long rush does not outlast itself
            self._waiting, self._counted = min(2 * most, max(0.0, self._waiting - done) + events), now
            rush = self._waiting > most
        if rush:
            self._tell(now)

    @contextmanager
    def processing(self) -> Iterator[None]:
        """Process events: at once, or in a rush once a slot is free, with a rest in it afterwards."""
        slot = self._slot()
        began = self._now()
        try:
            yield
        finally:
            if slot is not None:
                try:
                    self._wait(min(RESTS, self._rest * (self._now() - began)))
                finally:
                    os.close(slot)
                self._wait(2 * LOOK_EVERY)  # those who wait look now; without this, none of them would ever be first

    def leave(self) -> None:
        """Wait no more, as this process is to end."""
        self._leaving = True

    def _tell(self, now: float) -> None:
        """Mark a rush; where that fails, all processes go on as if there were none."""
        if now - self._told >= LOGGED_EVERY or now < self._told:
            self._told = now
            _log.info("more events come in than are processed: workers make way", thought_processed=self._processed)
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
            os.utime(self._mark, (now, now))
        except OSError as error:
            if self._told == now:
                _log.warning("workers cannot be told to make way", file=str(self._mark), why=error.strerror)

    def _slot(self) -> int | None:
        """Return a slot once one is free; None where there is no rush, it takes too long, or slots cannot be had."""
        left = SLOT_WITHIN
        while left > 0 and self._goes_on():
            for path in self._slots:
                try:
                    return _locked(path)
                except BlockingIOError:
                    continue
                except OSError:
                    return None
            self._sleep(LOOK_EVERY)
            left -= LOOK_EVERY
        return None

    def _wait(self, seconds: float) -> None:
        while seconds > 0 and self._goes_on():
            self._sleep(min(LOOK_EVERY, seconds))
            seconds -= LOOK_EVERY

    def _goes_on(self) -> bool:
        if self._leaving:
            return False
        try:
            marked = self._mark.stat().st_mtime
        except OSError:
            return False
        return 0 <= self._now() - marked < LASTS  # a clock may be put back


def _locked(path: Path) -> int:
    """Return a file that is locked for as long as it is open.

    Raises:
        BlockingIOError: another holds it.
        OSError: it cannot be opened.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
