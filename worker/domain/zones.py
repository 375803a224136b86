"""Time zones: a customer's own where it is known, else the shop's."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Return the IANA names that a customer's zone may have."""
    return frozenset(available_timezones())


def zone_of(name: str | None, shop: str) -> ZoneInfo:
    """Return the zone of this name, or the shop's where there is none or it is not known."""
    return ZoneInfo(name if name is not None and name in zone_names() else shop)


@lru_cache(maxsize=4)  # one moment is asked for again and again, and reading all zones takes a while
def days_by_zone(now: datetime) -> dict[date, frozenset[str]]:
    """Return which day it is at `now`, and in which zones: at most three days, all zones together."""
    found: dict[date, set[str]] = {}
    for name in zone_names():
        found.setdefault(now.astimezone(ZoneInfo(name)).date(), set()).add(name)
    return {day: frozenset(names) for day, names in found.items()}
