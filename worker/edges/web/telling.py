"""Telling the workers, beside the requests: what was committed is enqueued by a thread of its own.

Nobody who waits for an answer waits for the queue. What comes close together is told together; what is told too
soon to be done is held back a moment. All of it may be lost: the sweep finds the rows.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable

from worker.domain.work import Work


class Teller:
    """Enqueues work, now or in a moment.

    Parameters:
        enqueue: hands work, put together from so many parts, to the queue; never raises.
    """

    def __init__(self, enqueue: Callable[[Work, int], object]) -> None:
        self._enqueue = enqueue
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Work]] = []
        self._number = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="telling", daemon=True)
        self._thread.start()

    def tell(self, work: Work, after: float = 0.0) -> None:
        """Have this work enqueued, after so many seconds."""
        if work:
            with self._changed:
                self._number += 1
                heapq.heappush(self._waiting, (time.monotonic() + after, self._number, work))
                self._changed.notify()

    def close(self, seconds: float) -> None:
        """Tell what is due, and end; at most for so long."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due() and not self._closed:
                    self._changed.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
                work, parts = Work(), 0
                while self._due():
                    work += heapq.heappop(self._waiting)[2]
                    parts += 1
                closed = self._closed
            if work:
                self._enqueue(work, parts)
            if closed:
                return

    def _due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= time.monotonic()
