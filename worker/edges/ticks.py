"""The clock process: a scheduler that only ticks, and a watch on it.

APScheduler keeps nothing: what is due stands in the tables, each tick asks for it. A scheduler whose thread has
died still says that it runs, so this module looks at the thread and at the last sign of life.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from worker.domain.errors import UnavailableError

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
        self._running: list[threading.Event] = []

    def every(self, seconds: float, name: str, action: Callable[[], object]) -> None:
        """Have this called so often, the first time at once."""
        idle = threading.Event()
        idle.set()
        self._running.append(idle)
        self._scheduler.add_job(
            _guarded(name, action, idle),
            "interval",
            seconds=seconds,
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def healthy(self) -> bool:
        """Say whether the scheduler's thread lives and the sweep gave a sign of life lately."""
        ticking = any(thread.name == "APScheduler" and thread.is_alive() for thread in threading.enumerate())
        return ticking and self._beat.age() < STUCK_AFTER

    def stop(self, seconds: float) -> None:
        """Begin nothing more, and give what is in hand this long to finish."""
        self._scheduler.shutdown(wait=False)
        until = time.monotonic() + seconds
        for idle in self._running:
            idle.wait(max(0.0, until - time.monotonic()))


def run_clock(ticks: Ticks, stopped: threading.Event, seconds_to_finish: float) -> int:
    """Tick until `stopped` is set; returns the exit status, 1 where the clock stood still and should start anew."""
    ticks.start()
    while not stopped.wait(1.0):
        if not ticks.healthy():
            _log.critical("the clock stands still and ends, to be started anew")
            return 1
    ticks.stop(seconds_to_finish)
    return 0


def _guarded(name: str, action: Callable[[], object], idle: threading.Event) -> Callable[[], None]:
    def run() -> None:
        idle.clear()
        try:
            action()
        except UnavailableError as error:
            _log.warning("a tick has to wait", tick=name, why=str(error))
        except Exception:
            _log.exception("a tick failed, it is tried again", tick=name)
        finally:
            idle.set()

    return run
