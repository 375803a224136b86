"""Entering: each flow that listens to an event takes the customer in or does not, and its word is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from worker.domain.facts import Facts, Happening, Need, Needs
from worker.domain.flows import OnceKind
from worker.domain.journeys import Journey, JourneyState, TraceEntry, TraceKind
from worker.domain.matching import circle, listening, match, under_way
from worker.domain.work import Work
from worker.engine.advancing import go_on, set_out
from worker.engine.failing import apart, set_back
from worker.engine.recording import Recorded
from worker.engine.surroundings import Surroundings
from worker.storage import again, circles, facts, journeys, traces
from worker.storage.database import told
from worker.storage.facts import Asking
from worker.storage.flowbook import Catalogue, Version
from worker.storage.gathered import ALL, Has

_log = structlog.get_logger(__name__)


Line = dict[str, Any]
"""What an event's trace says of a flow."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event that was recorded, as flows and journeys are told of it.

    Parameters:
        event_id: our own number of it.
        careful: whether each flow and journey is told apart, so that one that fails harms only itself.
        chain: the flows behind it, where a step brought it forth.
        has: what the customer may have that it concerns; what is not in it need not be looked for.
        held: whether the customer is as the row stands, and the transaction holds it.
    """

    event_id: int
    recorded: Recorded
    happening: Happening
    now: datetime
    careful: bool
    chain: tuple[str, ...] = ()
    has: frozenset[Has] = ALL
    held: bool = False


@dataclass(frozen=True, slots=True)
class _Taken:
    """A journey that a flow takes the customer into.

    Parameters:
        journey: with id 0 where it is a new one, which is written when it sets out.
        entered: the first line of a new one's trace; None where the journey was started over.
    """

    journey: Journey
    entered: TraceEntry | None = None


def enter(
    connection: Connection, around: Surroundings, catalogue: Catalogue, occasion: Occasion, starts_within: timedelta
) -> Work:
    """Enter the customer into the flows that listen and take them; returns what came of it for other processes.

    Parameters:
        starts_within: how old an event may be when it comes in that starts a flow which does not say otherwise.
    """
    kind, now, careful = occasion.happening.type, occasion.now, occasion.careful
    said = [_said(version, {"reason": "paused"}) for version in catalogue.pausing.get(kind, ())]
    work = Work()
    versions = catalogue.listening.get(kind, ())
    if versions:
        wanted = Needs().union(*(version.needs for version in versions))
        asking = Asking(occasion.recorded.customer, wanted, occasion.recorded.order, occasion.happening)
        known = facts.load(connection, asking, around.shop, now, new=occasion.recorded.before is None)
    held = occasion.held
    for version in versions:
        offer = partial(_offer, connection, around, version, occasion, starts_within, known)
        taken, line = apart(connection, careful, offer, partial(_failed, version, occasion))
        if taken is not None:
            begin = partial(_begin, connection, around, version, taken, known, held)
            line, came = apart(connection, careful, begin, partial(_stuck, connection, version, occasion, taken))
            work += came
            held = held and not version.writes
            if Need.FLOWS in wanted:
                known = facts.with_flows(connection, known)
        said.append(_said(version, line))
    if said:
        traces.of_event(connection, occasion.event_id, occasion.recorded.customer.id, said, now)
    return work


def _offer(
    connection: Connection,
    around: Surroundings,
    version: Version,
    occasion: Occasion,
    starts_within: timedelta,
    known: Facts,
) -> tuple[_Taken | None, Line]:
    """Say where the flow takes the customer; returns the journey, else a line for the event's trace."""
    flow, happening = version.flow, occasion.happening
    trigger = listening(flow, happening.type)
    assert trigger is not None, "the catalogue names only flows that listen"
    by_span = flow.once.kind is OnceKind.SPAN
    last = journeys.last_entry(connection, known.customer.id, flow.name) if by_span else None
    zone = around.zone_of(known.customer)
    found = match(flow, trigger, occasion.event_id, known, around.reading, zone, starts_within, last)
    if found.once_key is None:
        return None, {"reason": found.reason, **found.detail}
    going_round = circle(flow.name, occasion.chain)
    if going_round is not None:
        _log.error("flows start each other in a circle", circle=going_round, event_id=occasion.event_id)
        circles.keep(connection, occasion.event_id, flow.name, going_round, occasion.now)
        return None, {"reason": f"circle: {going_round}"}
    asked = Has.ENTRIES in occasion.has
    standing = again.standing(connection, known.customer.id, flow.name, found.once_key) if asked else []
    if any(one.once_key == found.once_key for one in standing):
        return None, {"reason": "once", "key": found.once_key}
    detail = {"event": happening.type, "order": happening.order_number, **found.detail}
    current = under_way(flow, standing, found.once_key, happening.order_number, happening.request)
    if current is not None:
        return _again(connection, version, occasion, current, found.once_key, detail)
    aside = flow.holdout > 0 and around.chance.sets_aside(flow.name, known.customer.id, flow.holdout)
    new = Journey(
        id=0,
        flow=flow.name,
        version_id=version.id,
        customer_id=known.customer.id,
        once_key=found.once_key,
        state=JourneyState.CONTROL if aside else JourneyState.WAITING,
        entered_at=occasion.now,
        event_id=occasion.event_id,
        order_number=happening.order_number,
        request=happening.request,
    )
    if not aside:
        return _Taken(new, TraceEntry(TraceKind.ENTERED, None, detail)), {}
    control = TraceEntry(TraceKind.ENTERED, None, detail | {"control": True})
    journey, line = _enter(connection, new, control, occasion.now)
    return None, line if journey is None else line | {"control": True}


def _again(
    connection: Connection,
    version: Version,
    occasion: Occasion,
    current: Journey,
    once_key: str,
    detail: dict[str, Any],
) -> tuple[_Taken | None, Line]:
    """Start the journey over that is under way, where its flow says so; returns it, else a line for the trace."""
    flow, happening = version.flow, occasion.happening
    if not flow.restarts:
        return None, {"reason": "under way", "journey": current.id}
    by_span = flow.once.kind is OnceKind.SPAN  # its key names the journey before, and this is the same one
    begun = again.start_over(
        connection,
        current,
        version_id=version.id,
        once_key=current.once_key if by_span else once_key,
        now=occasion.now,
        event_id=occasion.event_id,
        order_number=happening.order_number,
        request=happening.request,
        detail=detail,
    )
    if begun is None:
        return None, {"reason": "under way", "journey": current.id}
    return _Taken(begun), {}


def _begin(
    connection: Connection, around: Surroundings, version: Version, taken: _Taken, known: Facts, held: bool
) -> tuple[Line, Work]:
    """Take a journey as far as it goes; returns a line for the event's trace, and what came of it."""
    begun = facts.begun(connection, known, taken.journey, version.needs)
    if taken.entered is None:
        return _started_over(taken), go_on(connection, around, version, taken.journey, begun) or Work()
    journey, work = set_out(connection, around, version, taken.journey, taken.entered, begun, held=held)
    return _entered(journey, taken.journey), work


def _stuck(
    connection: Connection, version: Version, occasion: Occasion, taken: _Taken, error: Exception
) -> tuple[Line, Work]:
    """Have a journey that cannot set out be there, and be tried again later."""
    now = occasion.now
    if taken.entered is None:
        return _started_over(taken), set_back(connection, taken.journey.id, now, error)
    enter_it = partial(_enter, connection, taken.journey, taken.entered, now)
    journey, line = apart(connection, True, enter_it, partial(_failed, version, occasion))
    return line, Work() if journey is None else set_back(connection, journey.id, now, error)


def _enter(connection: Connection, new: Journey, entered: TraceEntry, now: datetime) -> tuple[Journey | None, Line]:
    """Write a journey that stays at no step; returns it, and a line for the event's trace."""
    journey = journeys.enter(connection, new, None, now)
    if journey is not None:
        traces.append(connection, journey.id, [entered], now)
    return journey, _entered(journey, new)


def _entered(journey: Journey | None, new: Journey) -> Line:
    """Return what the event's trace says of a new journey; None: by a turn of the clock there is one since a moment."""
    return {"reason": "once", "key": new.once_key} if journey is None else {"journey": journey.id}


def _started_over(taken: _Taken) -> Line:
    return {"journey": taken.journey.id, "restarted": True}


def _failed(version: Version, occasion: Occasion, error: Exception) -> tuple[None, Line]:
    _log.error("a flow cannot be decided", flow=version.flow.name, event_id=occasion.event_id, exc_info=error)
    return None, {"reason": "failed", "error": told(error)}


def _said(version: Version, line: Line) -> Line:
    return {"flow": version.flow.name, "version": version.number, **line}
