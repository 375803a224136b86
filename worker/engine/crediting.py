"""Crediting: an event that is a flow's goal is credited to the mail that went before it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.facts import Happening
from worker.domain.flows import Goal
from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.engine.advancing import Surroundings
from worker.engine.recording import Recorded
from worker.storage import facts, goals, journeys, traces
from worker.storage.facts import Asking
from worker.storage.flowbook import Catalogue, FlowBook, Version
from worker.storage.pending import PendingEvent


def credit(
    connection: Connection,
    flowbook: FlowBook,
    around: Surroundings,
    catalogue: Catalogue,
    event: PendingEvent,
    recorded: Recorded,
    happening: Happening,
    now: datetime,
) -> None:
    """Credit the event to the last send before it of each journey whose goal it is."""
    aims = {v.flow.name: v.flow.goal for v in catalogue.goals.get(event.type, ()) if v.flow.goal is not None}
    if not aims:
        return
    since = event.at - max(goal.within.span() for goal in aims.values())
    for journey, message_id, sent_at in journeys.sent_since(connection, recorded.customer.id, list(aims), since):
        version = flowbook.version(connection, journey.version_id)
        goal = version.flow.goal if version else None
        if version is None or goal is None or goal.event != event.type:
            continue
        if not sent_at <= event.at <= sent_at + goal.within.span() or _is_its_own(journey, happening):
            continue
        seen = _seen(connection, around, version, journey, goal, recorded, happening, now)
        if seen is None:
            continue
        order = recorded.order if event.order else None
        if goals.reach(connection, journey.id, message_id, event.id, order, now):
            detail = {"event": event.type, "order": happening.order_number, "message": message_id, "seen": seen}
            traces.append(connection, journey.id, [TraceEntry(TraceKind.GOAL, None, detail)], now)


def _seen(
    connection: Connection,
    around: Surroundings,
    version: Version,
    journey: Journey,
    goal: Goal,
    recorded: Recorded,
    happening: Happening,
    now: datetime,
) -> list[Any] | None:
    """Return what the goal's condition saw where it holds, else None."""
    if goal.when is None:
        return []
    asking = Asking(recorded.customer, version.needs, recorded.order, happening, journey)
    known = facts.load(connection, asking, around.shop, now)
    return around.reading.explain(goal.when, known) if around.reading.holds(goal.when, known) else None


def _is_its_own(journey: Journey, happening: Happening) -> bool:
    """Whether a purchase is the one that began the journey, which is nobody's success."""
    same = journey.order_number is not None and journey.order_number == happening.order_number
    return happening.type == "purchase" and same
