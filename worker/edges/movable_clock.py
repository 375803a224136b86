"""The clock of the house: the machine's time, moved by what `var/clock` says.

A shop that is played, or a person who wants to see next week's mails today, moves the file; every process
follows at its next look. Leases are counted in the machine's own time, which nobody moves.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from worker.domain.errors import SettingError

FURTHEST = timedelta(days=366 * 50)  # far enough for any test of seasons, and no date overflows


class Clock:
    """Tells the shop's time, aware, in UTC.

    Parameters:
        path: the file that holds the offset in seconds (`86400` is tomorrow); no file, no offset.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """Return the shop's time: the machine's, and the offset.

        Raises:
            SettingError: the file holds no number of seconds.
        """
        return self.machine() + self.offset()

    def machine(self) -> datetime:
        """Return the machine's own time."""
        return datetime.now(UTC)

    def offset(self) -> timedelta:
        """Return by how much the shop's time is ahead of the machine's; a look costs one stat(2).

        An empty file is one that is being written: what it said last holds until it says something.

        Raises:
            SettingError: the file holds no number of seconds.
        """
        try:
            status = os.stat(self.path)  # noqa: PTH116 - half the time of Path.stat, and every decision asks
        except FileNotFoundError:
            self._seen, self._offset = None, timedelta(0)
            return self._offset
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            text = self.path.read_text().strip()
            if not text:  # somebody is just writing it: `echo 3600 > var/clock` empties it first
                return self._offset
            self._offset = _offset(text, self.path)
            self._seen = seen
        return self._offset

    def move(self, by: timedelta) -> datetime:
        """Move the time of every process that reads this file, and return the new time."""
        return self.stand_off(self.offset() + by)

    def stand_off(self, total: timedelta) -> datetime:
        """Have the time of every process that reads this file differ by so much from the machine's; returns it."""
        if abs(total) > FURTHEST:
            raise SettingError(f"the clock cannot be moved by {total.days} days; at most {FURTHEST.days}")
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        fresh.write_text(f"{total.total_seconds():.3f}\n")
        fresh.replace(self.path)
        return self.now()

    def restore(self) -> None:
        """Go back to the machine's time."""
        self.path.unlink(missing_ok=True)


def _offset(text: str, path: Path) -> timedelta:
    try:
        offset = timedelta(seconds=float(text))
    except (ValueError, OverflowError) as error:
        raise SettingError(f"{path} holds '{text[:40]}'; write a number of seconds, or remove the file") from error
    if abs(offset) > FURTHEST:
        raise SettingError(f"{path} moves the clock by {offset.days} days; at most {FURTHEST.days}")
    return offset
