"""The supervisor: children that are started again when they end, and ended in order when it is time.

One that ends again and again is started after longer and longer pauses. None outlives this process: each is tied
to it by the kernel (`worker.edges.lifeline`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from worker.edges.offspring import Process

PAUSES = (0.2, 1.0, 3.0, 10.0)  # seconds before the next start, after the first, second … end in a row
STEADY = 30.0  # seconds after which a child counts as running well, and its earlier ends are forgotten
LOOK_EVERY = 2.0  # seconds; the end of a child is noticed at once, a beat that stops is not
HEAD_START = 1.0  # seconds that the first to end have before the next are told
RESERVED = 1.5  # seconds kept for the last to end
SILENT_FOR = 90.0  # seconds without a beat, after which a child is killed and started anew

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Role:
    """A child to keep running.

    Parameters:
        name: what a person calls it: `web`, `worker 1`.
        start: starts it, tied to this process and in a session of its own.
        beat: a file that it touches as a sign of life; None where its own end says enough.
        turn: children of a lower turn are ended first.
    """

    name: str
    start: Callable[[], Process]
    beat: Path | None = None
    turn: int = 0


class Child:
    """One role's process, and how it fared.

    Parameters:
        process: the first one, where it runs already.
    """

    def __init__(self, role: Role, process: Process | None = None) -> None:
        self.role = role
        self.process = process
        self._ends = 0
        self._began = time.monotonic()
        self._not_before = 0.0
        self._heard: int | None = None
        self._heard_at = self._began

    def tend(self) -> None:
        """Start it where it does not run and may be started; end it where it has fallen silent."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._not_before:
                self.process = self.role.start()
                self._began = now
            return
        status = self.process.poll()
        if status is None:
            self._listen(now)
            return
        if now - self._began > STEADY:
            self._ends = 0
        pause = PAUSES[min(self._ends, len(PAUSES) - 1)]
        self._ends += 1
        self._not_before = now + pause
        self.process = None
        _log.warning("a process ended and is started again", of=self.role.name, status=told(status), after=pause)

    def due_in(self) -> float:
        """Return the seconds until it should be tended again, if nothing happens before."""
        if self.process is not None:
            return LOOK_EVERY
        return max(0.0, self._not_before - time.monotonic())

    def _listen(self, now: float) -> None:
        """Kill it where its beat has not changed for long; by a clock that nobody sets, unlike the file's time."""
        beat = self.role.beat
        if beat is None or self.process is None:
            return
        heard: int | None = None  # there may be no file yet
        with suppress(FileNotFoundError):
            heard = beat.stat().st_mtime_ns
        if heard != self._heard:
            self._heard, self._heard_at = heard, now
        silent = now - max(self._heard_at, self._began)
        if silent > SILENT_FOR:
            _log.error("a process has fallen silent and is killed", of=self.role.name, seconds=int(silent))
            self.process.kill()


class Supervisor:
    """Keeps children running until it is told to stop.

    Parameters:
        roles: what to keep running.
        woken: set by whoever learns that a child may have ended.
    """

    def __init__(self, roles: Sequence[Role], woken: threading.Event) -> None:
        self.children = [Child(role) for role in roles]
        self._woken = woken

    def tend(self) -> None:
        """Start what does not run."""
        for child in self.children:
            child.tend()

    def tend_until(self, leaving: threading.Event) -> None:
        """Keep the children running until `leaving` is set (and `woken` with it)."""
        while not leaving.is_set():
            self._woken.clear()
            self.tend()
            if not leaving.is_set():
                self._woken.wait(min((child.due_in() for child in self.children), default=LOOK_EVERY))

    def stop(self, seconds: float, hurry: threading.Event) -> None:
        """End the children, those of a lower turn first; kill what is left after so many seconds, or on `hurry`."""
        until = time.monotonic() + seconds
        left = [child.process for child in self.children if child.process is not None]
        turns = sorted({child.role.turn for child in self.children})
        for turn in turns:
            ending = [c.process for c in self.children if c.role.turn == turn and c.process is not None]
            for process in ending:
                process.terminate()
            if turn != turns[-1]:
                # the first are given a head start, whom the others need is ended when those are gone
                wait_until = time.monotonic() + HEAD_START if turn == turns[0] else until - RESERVED
                self._wait(ending, min(until, wait_until), hurry)
        self._wait(left, until, hurry)
        for process in left:
            if process.poll() is None:
                process.kill()
        for process in left:
            process.wait()

    def _wait(self, processes: Sequence[Process], until: float, hurry: threading.Event) -> None:
        while any(process.poll() is None for process in processes):
            left = until - time.monotonic()
            if left <= 0 or hurry.is_set():
                return
            self._woken.clear()
            self._woken.wait(min(left, 0.05))


def told(status: int) -> str:
    """Say in words how a process ended."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
