"""The time on a wall: which moment a day and a time of day are in a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

MIDNIGHT = time(0, 0)


def on_the_wall(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC.

    A time that a change of clocks leaves out counts as that much later (of a day that a zone left out, so does the
    whole day); one that comes twice counts as the first: so each day has each time of day once.
    """
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
