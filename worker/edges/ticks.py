"""The clock process: a scheduler that only ticks, and a watch on it.

APScheduler keeps nothing: what is due stands in the tables, each tick asks for it. A scheduler whose thread has
died still says that it runs, so this module looks at the thread and at the last sign of life.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from worker.domain.errors import UnavailableError

LOOK_EVERY = 0.25  # seconds between two looks whether the shop's time was moved
LOOK_WHILE_MOVED = 0.01  # while it is moved: whoever moves it does so again, and waits for what falls due
SET_FROM = 0.5  # seconds by which the machine's clock must have been set to matter
TOLD_EVERY = 60.0  # seconds between two lines of the log about what a tick waits for; the disk may be full
APART = 0.09  # seconds between the first calls of two ticks: together they would keep each other from Python's lock
STUCK_AFTER = 60.0  # seconds without a sign of life; a turn works for five, and waits thirty for a lock at most

_log = structlog.get_logger(__name__)


class Beat:
    """A sign of life: a file that is touched, for the supervisor, and a time, for the watch in this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        self()

    def __call__(self) -> None:
        """Give a sign of life."""
        self._last = time.monotonic()
        self.path.touch()

    def age(self) -> float:
        """Return the seconds since the last sign of life."""
        return time.monotonic() - self._last


@dataclass(slots=True)
class TickNote:
    """What is known of one tick since the process began.

    Parameters:
        every: seconds between two calls, as it was asked for.
        runs, failures: how often it was called, and how often that ended in an error.
        seconds: that the calls took in all.
        ended_at: when the last one ended, in seconds since 1970 by the machine's clock; 0 before the first.
    """

    every: float
    runs: int = 0
    failures: int = 0
    seconds: float = 0.0
    ended_at: float = 0.0


def beat_path(var: Path) -> Path:
    """Return the file that the clock of this `var` touches."""
    return var / "run" / "clock.beat"


class Ticks:
    """Calls each function again and again, never twice at a time, until it is stopped."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self.notes: dict[str, TickNote] = {}
        self._running: dict[str, threading.Event] = {}
        self._again: dict[str, threading.Event] = {}
        self._clock_set = ClockSet()
        self._moved: Moved | None = None
        self._when_moved: tuple[str, ...] = ()

    def every(self, seconds: float, name: str, action: Callable[[], object]) -> None:
        """Have this called so often, the first time at once; what was named before goes a moment before."""
        idle = threading.Event()
        idle.set()
        self._running[name] = idle
        self._again[name] = threading.Event()
        note = self.notes[name] = TickNote(seconds)
        self._scheduler.add_job(
            _guarded(name, action, idle, self._again[name], note),
            "interval",
            seconds=seconds,
            id=name,
            next_run_time=datetime.now(UTC) + timedelta(seconds=APART * (len(self.notes) - 1)),
        )

    def when_moved(self, path: Path, *names: str) -> None:
        """Have these ticks called at once whenever the shop's time is moved by this file; something may be due then."""
        self._moved, self._when_moved = Moved(path), names

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def look(self) -> float:
        """Look whether the time was moved, and return the seconds until one should look again."""
        if by := self._clock_set():
            # the scheduler goes by the machine's clock: set back by an hour, it would be silent for an hour
            _log.warning("the machine's clock was set", seconds=round(by, 1))
            for name in self._running:
                self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
        if self._moved is None:
            return 1.0
        if self._moved():
            for name in self._when_moved:
                self._again[name].set()  # for a call that is under way: it may have asked before the move
                if self._running[name].is_set():
                    self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
        return self._moved.pause()

    def healthy(self) -> bool:
        """Say whether the scheduler's thread lives and the sweep gave a sign of life lately."""
        ticking = any(thread.name == "APScheduler" and thread.is_alive() for thread in threading.enumerate())
        return ticking and self._beat.age() < STUCK_AFTER

    def stop(self, seconds: float) -> None:
        """Begin nothing more, and give what is in hand this long to finish."""
        self._scheduler.shutdown(wait=False)
        until = time.monotonic() + seconds
        for idle in self._running.values():
            idle.wait(max(0.0, until - time.monotonic()))


class ClockSet:
    """Says whether the machine's clock was set: whether it went on by another span than one that nobody sets.

    Parameters:
        wall, monotonic: the two clocks, in seconds.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = wall() - monotonic()

    def __call__(self) -> float:
        """Return the seconds by which it was set since the last time this was asked; 0 for less than some."""
        before, self._ahead = self._ahead, self._wall() - self._monotonic()
        by = self._ahead - before
        return by if abs(by) >= SET_FROM else 0.0


class Moved:
    """Says whether the shop's time was moved, by its file (`worker.edges.movable_clock`)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()

    def __call__(self) -> bool:
        """Say whether it was moved since the last time this was asked."""
        before, self._seen = self._seen, self._stamp()
        return self._seen != before

    def pause(self) -> float:
        """Return the seconds until one should ask again."""
        return LOOK_EVERY if self._seen is None else LOOK_WHILE_MOVED

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - half the time of Path.stat, a hundred times a second
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns


def run_clock(ticks: Ticks, stopped: threading.Event, seconds_to_finish: float) -> int:
    """Tick until `stopped` is set; returns the exit status, 1 where the clock stood still and should start anew."""
    ticks.start()
    asked_at = time.monotonic()
    while not stopped.wait(ticks.look()):
        if time.monotonic() - asked_at < 1.0:
            continue
        asked_at = time.monotonic()
        if not ticks.healthy():
            _log.critical("the clock stands still and ends, to be started anew")
            return 1
    ticks.stop(seconds_to_finish)
    return 0


def again_and_again(name: str, action: Callable[[], object], seconds: float, stopped: threading.Event) -> None:
    """Call this in this thread, now and every so many seconds, until `stopped` is set."""
    run = _guarded(name, action, threading.Event(), threading.Event(), TickNote(seconds))
    while not stopped.is_set():
        run()
        stopped.wait(seconds)


def _guarded(
    name: str, action: Callable[[], object], idle: threading.Event, again: threading.Event, note: TickNote
) -> Callable[[], None]:
    def run() -> None:
        idle.clear()
        again.set()
        began = time.monotonic()
        try:
            while again.is_set():
                again.clear()
                action()
        except UnavailableError as error:
            note.failures += 1
            _log.warning("a tick has to wait", tick=name, why=str(error))
        except Exception:
            note.failures += 1
            _log.exception("a tick failed, it is tried again", tick=name)
        finally:
            note.runs += 1
            note.seconds += time.monotonic() - began
            note.ended_at = time.time()
            idle.set()

    return run
