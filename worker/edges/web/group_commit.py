"""Group commit: what many requests want written goes into one transaction, and each is told what became of its part.

One commit a request would be the limit of everything (a few hundred a second); so one thread takes whatever
waits, writes it together, and answers each only when it is durable. While it writes, the next group gathers.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from worker.domain.errors import PhinError, UnavailableError

Part = TypeVar("Part")
Answer = TypeVar("Answer")

GROUP = 2_000  # rows in one transaction
WAITING = 20_000  # rows that may wait; beyond it the writer is behind, and more would only wait longer

log = logging.getLogger(__name__)


class BusyError(PhinError):
    """So much waits to be written already that nothing more is taken; try again in a moment."""


@dataclass(slots=True)
class _Asked(Generic[Part, Answer]):
    part: Part
    weight: int
    answer: Future[Answer] = field(default_factory=Future)


class GroupCommit(Generic[Part, Answer]):
    """Writes the parts of many requests together, in a thread of its own.

    Parameters:
        name: what is written, for the thread and the log.
        write: writes several parts durably, all or none, and returns an answer for each.
        weigh: how many rows a part has.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[Part]], Sequence[Answer]],
        weigh: Callable[[Part], int] = lambda _part: 1,
    ) -> None:
        self._name = name
        self._write = write
        self._weigh = weigh
        self._asked: queue.SimpleQueue[_Asked[Part, Answer] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0  # rows
        self._writing_since: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, part: Part) -> Future[Answer]:
        """Have a part written; the future is done when it is durable, or failed when it is surely not.

        Raises:
            BusyError: too much waits, or the process is ending.
        """
        asked: _Asked[Part, Answer] = _Asked(part, self._weigh(part))
        with self._lock:
            if self._closed or self._waiting >= WAITING:
                raise BusyError(f"the writer of {self._name} is " + ("ending" if self._closed else "behind"))
            self._waiting += asked.weight
            self._asked.put(asked)
        return asked.answer

    def stalled(self, seconds: float) -> bool:
        """Say whether the transaction under way has taken longer than this: then the next will not be quick."""
        since = self._writing_since
        return since is not None and time.monotonic() - since > seconds

    def close(self, seconds: float) -> None:
        """Take nothing more, write what waits, and end; at most for so long."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._asked.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (first := self._asked.get()) is not None:
            group, last = self._gather(first)
            live = [asked for asked in group if asked.answer.set_running_or_notify_cancel()]
            if live:
                self._writing_since = time.monotonic()
                self._together(live)
                self._writing_since = None
            with self._lock:
                self._waiting -= sum(asked.weight for asked in group)
            if last:
                return

    def _gather(self, first: _Asked[Part, Answer]) -> tuple[list[_Asked[Part, Answer]], bool]:
        """Return what waits, up to a group, and whether the end was asked for."""
        group, rows = [first], first.weight
        while rows < GROUP:
            try:
                asked = self._asked.get_nowait()
            except queue.Empty:
                break
            if asked is None:
                return group, True
            group.append(asked)
            rows += asked.weight
        return group, False

    def _together(self, group: Sequence[_Asked[Part, Answer]]) -> None:
        try:
            answers = self._write([asked.part for asked in group])
        except UnavailableError as error:
            _fail(group, error)
        except Exception as error:
            if len(group) == 1:
                _fail(group, error)
                return
            log.warning("%d parts of %s are written one by one, for one of them fails", len(group), self._name)
            for asked in group:
                self._together([asked])
        else:
            for asked, answer in zip(group, answers, strict=True):
                asked.answer.set_result(answer)


def _fail(group: Sequence[_Asked[Part, Answer]], error: Exception) -> None:
    for asked in group:
        asked.answer.set_exception(error)
