"""Times, shares and titles as the staff's pages write them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from worker.delivery.formats import clock, long_date, number
from worker.domain.flows import Flow


class Clock(Protocol):
    """The shop's time."""

    def now(self) -> datetime:
        """Return it, aware."""


def moment(at: datetime, now: datetime, zone: ZoneInfo, language: str) -> str:
    """Write a time as short as can be understood: today the clock alone, else with the day, and the year if another."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    hour = clock(at, zone, language)
    if local.date() == today.date():
        return hour
    if local.year == today.year:
        return f"{hour} {local.day}/{local.month}" if language == "vi" else f"{local.day} {local:%b} {hour}"
    return f"{hour} {local.day}/{local.month}/{local.year}" if language == "vi" else f"{local.day} {local:%b %Y} {hour}"


def day(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Write a day: `1 thg 3, 2027`."""
    return long_date(at.astimezone(zone).date(), language, "medium")


def percent(part: float | None, language: str) -> str:
    """Write a share: `25 %`, `7,5 %` in vi; nothing where there is none."""
    return "" if part is None else f"{number(round(part * 100, 1), language)} %"


def title_of(flow: Flow, language: str) -> str:
    """Return a flow's title, in the language where it has one in it; its name where it has none."""
    return flow.title.within(language, "vi").written or flow.name
