"""Why nobody enters a flow: what it said of events, and whom its triggers of the clock leave out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.domain.calendars.occurrences import Seasons, next_of
from worker.domain.flows import Flow
from worker.domain.refusals import Refused, gather
from worker.domain.triggers import EventTrigger, SegmentTrigger, Timed, Trigger
from worker.engine.surroundings import Surroundings
from worker.storage import refusals
from worker.storage.shortfall import Shortfall, shortfall


@dataclass(frozen=True, slots=True)
class OfEvents:
    """What became of the events of one type.

    Parameters:
        reported: how many came; `history` of them were loaded as the past, `unprocessed` wait or were set aside.
    """

    event: str
    reported: int
    history: int
    unprocessed: int
    refused: Refused


@dataclass(frozen=True, slots=True)
class OfClock:
    """Whom a trigger leaves out that finds customers in the database.

    Parameters:
        comes: when it next comes; None for a segment, and where it does not any more.
        segment: the same of the segment's own condition, for a trigger by a segment; `shortfall` is of `when` then.
    """

    trigger: Trigger
    comes: datetime | None
    shortfall: Shortfall
    segment: Shortfall | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Who entered a flow since a moment, and what kept the others out."""

    entered: int
    of_events: tuple[OfEvents, ...]
    of_clock: tuple[OfClock, ...]


def entries(
    connection: Connection, around: Surroundings, flow: Flow, seasons: Seasons, since: datetime, now: datetime
) -> Entries:
    """Return who entered a flow since a moment, and what kept the others out.

    Conditions of triggers of the clock are asked with the facts as they are now.
    """
    lines: dict[str, list[dict[str, object]]] = {}
    for kind, line in refusals.said_by(connection, flow.name, since):
        lines.setdefault(kind, []).append(dict(line))
    of_events = [
        OfEvents(
            trigger.event,
            *refusals.events_since(connection, trigger.event, since),
            gather(flow.when, lines.get(trigger.event, ())),
        )
        for trigger in flow.triggers
        if isinstance(trigger, EventTrigger)
    ]
    of_clock = [
        _of_clock(connection, around, flow, trigger, seasons, now)
        for trigger in flow.triggers
        if not isinstance(trigger, EventTrigger)
    ]
    return Entries(refusals.entered_since(connection, flow.name, since), tuple(of_events), tuple(of_clock))


def _of_clock(
    connection: Connection,
    around: Surroundings,
    flow: Flow,
    trigger: Timed | SegmentTrigger,
    seasons: Seasons,
    now: datetime,
) -> OfClock:
    segments = around.reading.segments
    if isinstance(trigger, SegmentTrigger):
        inside = segments.get(trigger.segment)
        of_segment = shortfall(connection, trigger, inside, around.shop, now, segments)
        return OfClock(trigger, None, shortfall(connection, trigger, flow.when, around.shop, now, segments), of_segment)
    turn = next_of(trigger, ZoneInfo(around.shop.timezone), now, seasons)
    comes = None if turn is None else turn.moment
    return OfClock(trigger, comes, shortfall(connection, trigger, flow.when, around.shop, comes or now, segments))
