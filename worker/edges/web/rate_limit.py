"""How many requests a key may make: a bucket of tokens for each, filled evenly, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimit:
    """Lets so many requests of one key through in a second; a second's worth may come at once.

    Parameters:
        per_second: requests of one key.
        clock: seconds that only go forward.
    """

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: str) -> float:
        """Return 0 for a request that may go on, else the seconds until one may."""
        now = self._clock()
        tokens, at = self._buckets.get(key, (float(self._per_second), now))
        tokens = min(float(self._per_second), tokens + (now - at) * self._per_second)
        allowed = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if allowed else tokens, now)
        return 0.0 if allowed else (1.0 - tokens) / self._per_second
