"""What starts a flow's journeys: an event, or a moment or a segment by which Phin finds the customers itself.

`str()` of a trigger says in words what it is: it is shown, and it is the key by which its turns are remembered, so
that a flow published anew with the same trigger does not begin it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

from worker.domain.durations import Duration, Unit

USUAL_TIME = time(9, 0)  # of a day trigger that does not say `at`
NO_OFFSET = Duration(0, Unit.DAYS)
# Moments of an order: a journey that one of them starts is about that order.
ORDER_DATES = frozenset({"customer.first_order_at", "customer.last_order_at", "customer.predicted_next_order_at"})


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """Starts a journey at an event of this type, if the event is at most `within` old (default: a setting)."""

    event: str
    within: Duration | None = None

    def __str__(self) -> str:
        return self.event


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """Around a date in the customer's record.

    Parameters:
        field: its name in conditions, `customer.birthday`.
        offset: days, weeks, months or years before (negative) or after.
        yearly: at each return of the day, 29 February on the 28th in common years; else once, on the day itself.
        at: wall-clock time, in the customer's own zone, or the shop's with `by_shop`.
    """

    field: str
    offset: Duration = NO_OFFSET
    yearly: bool = False
    at: time = USUAL_TIME
    by_shop: bool = False

    def __str__(self) -> str:
        turns = "every year" if self.yearly else ""
        return _said(_around(self.offset, self.field), turns, f"at {self.at:%H:%M}", _zone(self.by_shop))


@dataclass(frozen=True, slots=True)
class CampaignTrigger:
    """Once, on a day."""

    day: date
    at: time = USUAL_TIME
    by_shop: bool = False

    def __str__(self) -> str:
        return _said(self.day.isoformat(), f"at {self.at:%H:%M}", _zone(self.by_shop))


@dataclass(frozen=True, slots=True)
class SeasonTrigger:
    """Around each coming of a season."""

    season: str
    offset: Duration = NO_OFFSET
    at: time = USUAL_TIME
    by_shop: bool = False

    def __str__(self) -> str:
        return _said(_around(self.offset, f"season {self.season}"), f"at {self.at:%H:%M}", _zone(self.by_shop))


@dataclass(frozen=True, slots=True)
class SegmentTrigger:
    """When a customer comes into the segment."""

    segment: str

    def __str__(self) -> str:
        return f"segment {self.segment}"


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """At each turn of a crontab line (five fields)."""

    crontab: str
    by_shop: bool = False

    def __str__(self) -> str:
        return _said(f"schedule {self.crontab}", _zone(self.by_shop))


ZONE = "customer.timezone"
Timed = DateTrigger | CampaignTrigger | SeasonTrigger | ScheduleTrigger
"""Triggers of the clock: at a moment they find the customers for whom `when` holds."""
Trigger = EventTrigger | Timed | SegmentTrigger


def goes_by(trigger: Trigger) -> frozenset[str]:
    """Return what of the customer's record moves the moment of a trigger: its date, and the zone."""
    if isinstance(trigger, (EventTrigger, SegmentTrigger)):
        return frozenset()
    dates = {trigger.field} if isinstance(trigger, DateTrigger) else set()
    return frozenset(dates if trigger.by_shop else {*dates, ZONE})


def _around(offset: Duration, what: str) -> str:
    if not offset.count:
        return what
    length = Duration(abs(offset.count), offset.unit)
    return f"{length} {'before' if offset.count < 0 else 'after'} {what}"


def _zone(by_shop: bool) -> str:
    return "in the shop's zone" if by_shop else ""


def _said(*parts: str) -> str:
    return " ".join(part for part in parts if part)
