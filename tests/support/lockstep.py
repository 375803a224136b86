"""Work that stands still where it is told to, in a thread of its own: a test says who goes on, and with what.

One thread runs at a time, so what happens is the same each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

WITHIN = 120.0  # seconds that a step may take on a machine that does much else


class Lockstep:
    """One piece of work, begun at the first `go_on`.

    Parameters:
        work: calls `stand` wherever it can be made to stand still; that returns what it is told.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._told: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self.place: str | None = "at the start"  # None: it has ended
        self._thread.start()

    def go_on(self, told: Any = None) -> None:
        """Let it go on to its next place, or to its end; raises what it ended by."""
        assert self.place is not None
        self._told = told
        self._go.release()
        assert self._stands.acquire(timeout=WITHIN), f"it went on from {self.place} and never came to stand again"
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def stand(self, place: str) -> Any:
        """Stand still, in the work's own thread; returns what it is told."""
        self.place = place
        self._stands.release()
        self._go.acquire()
        return self._told

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self.place = None
            self._stands.release()
