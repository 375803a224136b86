"""The clock's tick that keeps nothing longer than it should be: at night by the settings, and of erased people at once.

What is left over when a tick's time is up is taken on by the next, so that other work has its turn.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from worker.edges.house import House
from worker.edges.nightly import is_due
from worker.edges.people import empty_log, look_after_erased
from worker.engine.clearing import Clearing

STINT = 1.0  # seconds of one tick
LOOK_AFTER_EVERY = timedelta(hours=1)


class Keeping:
    """The tick."""

    def __init__(self, house: House) -> None:
        self._house = house
        zone = ZoneInfo(house.settings.shop.timezone)
        self._clearing = Clearing(house.database, house.settings, partial(_is_due, zone))
        self._looked_at: datetime | None = None

    def __call__(self) -> None:
        """Look after erased people once an hour, and clear for one stint what was kept long enough."""
        now = self._house.clock.now()
        if self._looked_at is None or abs(now - self._looked_at) >= LOOK_AFTER_EVERY:
            if look_after_erased(self._house):
                empty_log(self._house.database)
            self._looked_at = now
        until = time.monotonic() + STINT
        self._clearing.turn(now, lambda: time.monotonic() < until)


def _is_due(zone: ZoneInfo, last: datetime | None, now: datetime) -> bool:
    return is_due(last, now, zone)
