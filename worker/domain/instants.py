"""Instants: aware datetimes, always; a naive one is refused where it is made."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from worker.domain.errors import NaiveDatetimeError


def instant(moment: datetime) -> datetime:
    """Return the moment in UTC.

    Raises:
        NaiveDatetimeError: the datetime has no time zone.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise NaiveDatetimeError(f"{moment.isoformat()} has no time zone; give it one, for example +07:00")
    return moment.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 time with an offset (`2027-03-01T14:00:00+07:00`, `…Z`) into UTC.

    Raises:
        ValueError: it is not such a time (a NaiveDatetimeError, a PhinError, where only the offset is missing).
    """
    return instant(datetime.fromisoformat(text))


def known_zone(name: str) -> bool:
    """Say whether the name is an IANA time zone (`Asia/Ho_Chi_Minh`)."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
