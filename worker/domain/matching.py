"""Who enters: does this event start a journey in this flow, and under which once-key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.calendars.turns import Turn
from worker.domain.calendars.walls import MIDNIGHT, on_the_wall
from worker.domain.conditions.values import Reading
from worker.domain.durations import Duration
from worker.domain.facts import Facts
from worker.domain.flows import Flow, Once, OnceKind
from worker.domain.journeys import Journey, JourneyState
from worker.domain.steps import TaskStep, Wait, walk
from worker.domain.triggers import (
    CampaignTrigger,
    DateTrigger,
    EventTrigger,
    SeasonTrigger,
    SegmentTrigger,
    Trigger,
)

YEARLY_APART = timedelta(days=183)  # that two entries by a yearly date lie apart at least, whatever year they count for
CIRCLES = 3  # times that a flow may be entered, by what it brought forth itself, in one chain of events
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LastEntry:
    """The customer's latest journey in a flow."""

    journey_id: int
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Match:
    """Whether the customer enters, and why (not).

    Parameters:
        once_key: the key to enter under, or None: the customer does not enter.
        reason: why not; None where the customer enters.
        detail: what was seen (JSON), for the trace.
    """

    once_key: str | None
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def listening(flow: Flow, event: str) -> EventTrigger | None:
    """Return the trigger that listens to events of this type, or None."""
    events = (trigger for trigger in flow.triggers if isinstance(trigger, EventTrigger))
    return next((trigger for trigger in events if trigger.event == event), None)


def circle(flow: str, chain: Sequence[str]) -> str | None:
    """Return the circle in which flows start each other (`a → b → a`) where this flow would go on in it for ever.

    A flow may be entered by what it brought forth itself, as where a customer climbs from level to level: `CIRCLES`
    times in one chain, waits or no waits between.

    Parameters:
        chain: the flows behind the event, the first one first, each whose step `emit` brought forth the next event.
    """
    if chain.count(flow) < CIRCLES:
        return None
    last = len(chain) - 1 - chain[::-1].index(flow)
    return " → ".join([*chain[last:], flow])


def stands(flow: Flow) -> bool:
    """Whether journeys of a flow may stand still; those of another are through it at once, and never under way."""
    return any(isinstance(step, Wait) or (isinstance(step, TaskStep) and step.hold) for step in walk(flow.steps))


def under_way(
    flow: Flow, standing: Sequence[Journey], once_key: str, order_number: str | None, request: str | None
) -> Journey | None:
    """Return the journey of a flow that an entry under this key would come on top of, or None where there is none.

    It is of the same request where both have one, or else of the same order where both have one.

    Parameters:
        standing: the customer's journeys in the flow, the latest first.
    """
    if not stands(flow):
        return None
    for one in standing:
        if one.state is not JourneyState.WAITING or one.once_key == once_key:
            continue
        if one.request and request:  # of one order there may be several
            same = one.request == request
        else:
            same = not (one.order_number and order_number) or one.order_number == order_number
        if same:
            return one
    return None


def usual_once(trigger: Trigger) -> OnceKind:
    """Return how often a customer may enter by a trigger, where the flow does not say it."""
    match trigger:
        case EventTrigger(event="purchase"):
            return OnceKind.ORDER
        case DateTrigger(yearly=True):
            return OnceKind.YEAR
        case DateTrigger():
            return OnceKind.ORDER
        case CampaignTrigger() | SegmentTrigger():
            return OnceKind.EVER
        case SeasonTrigger():
            return OnceKind.SEASON
    return OnceKind.EVENT


def once_of(flow: Flow, trigger: Trigger) -> Once:
    """Return the rule of entry by this trigger."""
    return Once(usual_once(trigger)) if flow.once.kind is OnceKind.EACH else flow.once


def match(
    flow: Flow,
    trigger: EventTrigger,
    event_id: int,
    facts: Facts,
    reading: Reading,
    zone: ZoneInfo,
    starts_within: timedelta,
    last: LastEntry | None,
) -> Match:
    """Decide whether the event in `facts` starts a journey.

    Parameters:
        starts_within: how old an event may be, when it comes in, that starts a flow which does not say otherwise.
        last: the customer's latest entry, read only for `once: per 30 days` and the like.
    """
    happening = facts.event
    assert happening is not None, "only an event can be matched to an event trigger"
    limit = trigger.within.span() if trigger.within else starts_within
    age = (happening.received_at or facts.now) - happening.at  # a delay of ours makes no event too old
    if age > limit:
        return Match(None, "event too old", {"hours": round(age / timedelta(hours=1), 1), "limit": str(limit)})
    holds, seen = (True, []) if flow.when is None else reading.judge(flow.when, facts)
    if flow.when is not None and not holds:
        return Match(None, "when", {"when": flow.when.text, "seen": seen})
    once = once_of(flow, trigger)
    if once.kind is OnceKind.SPAN:
        assert once.span is not None
        if last is not None and _over(once.span, last.entered_at, zone) > facts.now:
            return Match(None, "once", {"once": f"per {once.span}", "entered": last.entered_at.isoformat()})
        return Match(f"after:{last.journey_id if last else 0}", None, {"seen": seen})
    return Match(_once_key(once.kind, event_id, facts, zone), None, {"seen": seen})


def _once_key(kind: OnceKind, event_id: int, facts: Facts, zone: ZoneInfo) -> str:
    happening = facts.event
    assert happening is not None
    if kind is OnceKind.EVER:
        return "ever"
    if kind is OnceKind.YEAR:
        return f"year:{facts.now.astimezone(zone).year}"
    if kind is OnceKind.ORDER and happening.order_number:
        return f"order:{happening.order_number}"
    return f"event:{event_id}"


def waits_since(span: Duration, turn: Turn, zone: ZoneInfo) -> datetime:
    """Return the moment before which an entry is at least the span before a turn: who came in then or later waits.

    Whom the clock finds is counted from turn to turn, so that no second by which it was late moves anything: in days
    of the calendar from day to day (5 February + 3 months is any time of 5 May), in hours from moment to moment.
    """
    if not span.by_calendar:
        return turn.moment - span.span() + _INSTANT
    today = turn.local[0] if turn.local is not None else turn.moment.astimezone(zone).date()
    midnight = datetime.combine(today, MIDNIGHT)
    day = Duration(-span.count, span.unit).after(midnight)
    while span.after(day + _DAY) <= midnight:  # the ends of months: + 1 month, 28 to 31 January are 28 February
        day += _DAY
    return on_the_wall((day + _DAY).date(), MIDNIGHT, zone)


def of_dates_alone(flow: Flow) -> bool:
    """Whether only dates that return each year, such as birthdays, enter this flow by the year."""
    by_year = [trigger for trigger in flow.triggers if once_of(flow, trigger).kind is OnceKind.YEAR]
    return all(isinstance(trigger, DateTrigger) and trigger.yearly for trigger in by_year)


def _over(span: Duration, since: datetime, zone: ZoneInfo) -> datetime:
    if not span.by_calendar:
        return since + span.span()
    return span.after(since.astimezone(zone))
