"""A clock that a test moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from worker.domain.instants import instant


class HandClock:
    """Stands still until it is moved; it begins on Monday 1 March 2027 at 14:00 in Saigon."""

    def __init__(self, now: datetime = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)) -> None:
        self._now = instant(now)

    def now(self) -> datetime:
        """Return the shop's time, aware, in UTC."""
        return self._now

    def machine(self) -> datetime:
        """Return the machine's time; for this clock the same."""
        return self._now

    def move(self, by: timedelta) -> datetime:
        """Go forward and return the new time."""
        self._now += by
        return self._now

    def set(self, to: datetime) -> datetime:
        """Go to this time and return it in UTC."""
        self._now = instant(to)
        return self._now
