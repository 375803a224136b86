"""When a wait ends: by the calendar of the customer's zone, or after an exact time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.steps import Wait


def wait_ends(wait: Wait, start: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which a wait that began at `start` is over.

    Days, weeks and months are counted on the calendar of the zone; with `at` the wait ends at that time of day.
    Minutes and hours are exact; with `at` it ends at the first such time of day not before they are over.
    With `on` it ends on the first such weekday from then on. A time of day that a change of clocks leaves out
    counts as that much later; one that comes twice counts as the first.
    """
    if wait.duration.by_calendar:
        local = wait.duration.after(start.astimezone(zone).replace(tzinfo=None))
        day, clock = local.date(), wait.at or local.time()
        return _on_the_clock(_allowed(day, wait.on), clock, zone)
    end = start + wait.duration.span()
    if wait.at is None and not wait.on:
        return end.astimezone(UTC)
    local = end.astimezone(zone)
    clock = wait.at or local.time().replace(tzinfo=None)
    day = _allowed(local.date(), wait.on)
    ends = _on_the_clock(day, clock, zone)
    if ends < end:
        ends = _on_the_clock(_allowed(day + timedelta(days=1), wait.on), clock, zone)
    return ends


def _allowed(day: date, on: frozenset[int]) -> date:
    while on and day.weekday() not in on:
        day += timedelta(days=1)
    return day


def _on_the_clock(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
