"""Whether the database takes what is written, as far as this process knows: a full disk still lets it read."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from worker.domain.errors import UnavailableError
from worker.storage.database import told

Part = TypeVar("Part")
Answer = TypeVar("Answer")

PROBED_EVERY = 10.0  # seconds between two probes while nothing else is written
DOUBTED_FOR = 15.0  # seconds after a failure in which a probe is not believed: it is small, and may still fit

log = logging.getLogger(__name__)


class Writable:
    """Remembers how the last write fared, and probes where there was none lately; safe to share between threads.

    Parameters:
        probe: writes a little; raises where that fails.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, probe: Callable[[], None], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._probe = probe
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed_at: float | None = None
        self._probe_from = monotonic()

    def watched(
        self, write: Callable[[Sequence[Part]], Sequence[Answer]]
    ) -> Callable[[Sequence[Part]], Sequence[Answer]]:
        """Return the function, with an eye on whether the database takes what it writes."""

        def watching(parts: Sequence[Part]) -> Sequence[Answer]:
            try:
                answers = write(parts)
            except (OperationalError, UnavailableError):
                self._note(failed=True)
                raise
            self._note(failed=False)
            return answers

        return watching

    def fault(self) -> str | None:
        """Return what keeps the database from being written, or None; may take as long as a write."""
        now = self._monotonic()
        with self._lock:
            doubted = self._failed_at is not None and now - self._failed_at < DOUBTED_FOR
            due = not doubted and now >= self._probe_from
        if due:
            try:
                self._probe()
            except Exception as error:
                log.warning("nothing can be written: %s", told(error))
                self._note(failed=True)
            else:
                self._note(failed=False)
        return None if self._failed_at is None else "the database takes nothing that is written; is its disk full?"

    def _note(self, *, failed: bool) -> None:
        now = self._monotonic()
        with self._lock:
            self._failed_at = now if failed else None
            self._probe_from = now if failed else now + PROBED_EVERY
