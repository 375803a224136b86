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
from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.domain.matching import circle, listening, match, under_way
from worker.domain.work import Work
from worker.engine.advancing import go_on
from worker.engine.failing import apart, set_back
from worker.engine.recording import Recorded
from worker.engine.surroundings import Surroundings
from worker.storage import again, circles, facts, journeys, traces
from worker.storage.database import told
from worker.storage.facts import Asking
from worker.storage.flowbook import Catalogue, Version
from worker.storage.gathered import ALL, Has

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event that was recorded, as flows and journeys are told of it.

    Parameters:
        event_id: our own number of it.
        careful: whether each flow and journey is told apart, so that one that fails harms only itself.
        chain: the flows behind it, where a step brought it forth.
        has: what the customer may have that it concerns; what is not in it need not be looked for.
    """

    event_id: int
    recorded: Recorded
    happening: Happening
    now: datetime
    careful: bool
    chain: tuple[str, ...] = ()
    has: frozenset[Has] = ALL


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
    for version in versions:
        offer = partial(_offer, connection, around, version, occasion, starts_within, known)
        entered, line = apart(connection, careful, offer, partial(_failed, version, occasion))
        said.append(_said(version, line))
        if entered is not None:
            begin = partial(_begin, connection, around, version, entered, known)
            work += apart(connection, careful, begin, partial(set_back, connection, entered.id, now))
            if Need.FLOWS in wanted:
                known = facts.with_flows(connection, known)
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
) -> tuple[Journey | None, dict[str, Any]]:
    """Enter the customer where the flow takes them; returns the journey and a line for the event's trace."""
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
    entered = journeys.enter(
        connection,
        flow=flow.name,
        version_id=version.id,
        customer_id=known.customer.id,
        once_key=found.once_key,
        now=occasion.now,
        event_id=occasion.event_id,
        order_number=happening.order_number,
        request=happening.request,
        aside=aside,
    )
    if entered is None:  # by a turn of the clock that came in this moment
        return None, {"reason": "once", "key": found.once_key}
    control = {"control": True} if aside else {}
    traces.append(connection, entered.id, [TraceEntry(TraceKind.ENTERED, None, detail | control)], occasion.now)
    return None if aside else entered, {"journey": entered.id, **control}


def _again(
    connection: Connection,
    version: Version,
    occasion: Occasion,
    current: Journey,
    once_key: str,
    detail: dict[str, Any],
) -> tuple[Journey | None, dict[str, Any]]:
    """Start the journey over that is under way, where its flow says so; returns it and a line for the event's trace."""
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
    return begun, {"journey": begun.id, "restarted": True}


def _begin(connection: Connection, around: Surroundings, version: Version, entered: Journey, known: Facts) -> Work:
    begun = facts.begun(connection, known, entered, version.needs)
    return go_on(connection, around, version, entered, begun) or Work()


def _failed(version: Version, occasion: Occasion, error: Exception) -> tuple[None, dict[str, Any]]:
    _log.error("a flow cannot be decided", flow=version.flow.name, event_id=occasion.event_id, exc_info=error)
    return None, {"reason": "failed", "error": told(error)}


def _said(version: Version, line: dict[str, Any]) -> dict[str, Any]:
    return {"flow": version.flow.name, "version": version.number, **line}
