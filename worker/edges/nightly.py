"""When the clock has customers foretold anew: once a day, from three in the morning on the shop's own clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import structlog

from worker.domain.calendars.walls import on_the_wall
from worker.edges.lifeline import tied
from worker.storage import predictions
from worker.storage.database import Database

AT = time_of_day(3, 0)
COMMAND = (sys.executable, "-m", "worker.edges.foretelling", "--quiet")
STOPS_WITHIN = 5.0  # seconds
NOT_BEFORE = 120.0  # seconds after the clock has started: what was just started has better to do

_log = structlog.get_logger(__name__)


def is_due(last: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
    """Say whether customers should be foretold anew.

    Parameters:
        last: when they last were, None for never.
    """
    today = now.astimezone(zone).date()
    begins = on_the_wall(today, AT, zone)
    if begins > now:
        begins = on_the_wall(today - timedelta(days=1), AT, zone)
    return last is None or last < begins


class Nightly:
    """Starts the process where it is due and none runs; a tick of the clock.

    Parameters:
        now: tells the shop's time.
        environment: of the process.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], zone: ZoneInfo, environment: dict[str, str] | None = None
    ) -> None:
        self._database = database
        self._now = now
        self._zone = zone
        self._environment = environment
        self._begun = time.monotonic()
        self._child: subprocess.Popen[bytes] | None = None
        self._tried: datetime | None = None

    def __call__(self) -> None:
        """Start it, or see what became of it."""
        if self._child is not None:
            status = self._child.poll()
            if status is None:
                return
            if status:
                _log.warning("foretelling customers failed, it is tried again tomorrow", status=status)
            self._child = None
        if time.monotonic() - self._begun < NOT_BEFORE:
            return
        now = self._now()
        with self._database.reading() as connection:
            fitted = predictions.fitted(connection)
        known = (None if fitted is None else fitted.at, self._tried)
        last = max((at for at in known if at is not None), default=None)
        if is_due(last, now, self._zone):
            self._tried = now
            environment = {**(self._environment or os.environ), "PHIN_NAME": "foretelling"}
            self._child = subprocess.Popen(tied(COMMAND), env=environment, stdin=subprocess.DEVNULL)

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """End the process where it runs; what it has not done it does the next time."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
