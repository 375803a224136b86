"""How often somebody may ask: one number kept for each of them, in this process, and never of more than so many.

Each has a place in time that a request moves on by its share of the window (GCRA, the leaky bucket as a meter): who is
quiet for the length of a window is as good as new, so nothing of them need be kept. That makes forgetting cheap: what
was asked in this window and in the last one stands in two dictionaries, and the older one is dropped as a whole. An
attacker with very many addresses only makes them be dropped sooner; the memory has an end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

REMEMBERED = 20_000  # of each of the two dictionaries: some 4 MB where both are full
_ROUNDING = 1e-9  # of a window: what sums of its shares may come to be off by


class RateLimit:
    """Lets so many requests of one through in a window; all of them may come at once. For one thread, or the loop.

    Parameters:
        count: requests of one in a window.
        seconds: length of the window.
        remembered: how many are remembered before the oldest are forgotten early.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        count: int,
        seconds: float = 1.0,
        *,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = seconds
        self._share = seconds / count
        self._slack = seconds * _ROUNDING
        self._remembered = remembered
        self._clock = clock
        self._young: dict[Hashable, float] = {}
        self._old: dict[Hashable, float] = {}
        self._ages_at = clock() + seconds

    def wait(self, key: Hashable) -> float:
        """Count a request and return 0 where it may go on; else the seconds until one may, and count nothing."""
        now = self._clock()
        if now >= self._ages_at or len(self._young) >= self._remembered:
            self._age(now)
        full_at = self._young.get(key) or self._old.get(key, 0.0)
        full_at = (full_at if full_at > now else now) + self._share
        over = full_at - now - self._window
        if over > self._slack:
            return over
        self._young[key] = full_at
        return 0.0

    def peek(self, key: Hashable) -> float:
        """Return what `wait` would, and count nothing."""
        now = self._clock()
        full_at = self._young.get(key) or self._old.get(key, 0.0)
        over = max(full_at, now) + self._share - now - self._window
        return over if over > self._slack else 0.0

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._young) + len(self._old)

    def _age(self, now: float) -> None:
        self._old = self._young if now < self._ages_at + self._window else {}
        self._young = {}
        self._ages_at = now + self._window


def retry_after(seconds: float) -> str:
    """Return what Retry-After says: whole seconds, at least one (RFC 9110, section 10.2.3)."""
    return str(max(1, math.ceil(seconds)))
