"""Crediting: an event that is a flow's goal is credited to the mail that went before it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.facts import Happening
from worker.domain.flows import Goal
from worker.domain.journeys import Journey, JourneyState, TraceEntry, TraceKind
from worker.domain.lift import compared_within
from worker.domain.orders import Order
from worker.engine.recording import Recorded
from worker.engine.surroundings import Surroundings
from worker.storage import facts, goals, journeys, outcomes, traces
from worker.storage.facts import Asking
from worker.storage.flowbook import Catalogue, FlowBook, Version
from worker.storage.gathered import ALL, Has
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
    has: frozenset[Has] = ALL,
) -> None:
    """Credit the event to the last mail before it of each flow whose goal it is.

    A journey's goal is the one of the version that it entered with. Of several journeys of a flow the one with the
    latest mail has the success, once: a further event is not passed on to an older one.

    Parameters:
        has: what the customer may have.
    """
    window = catalogue.goals.get(event.type)
    if window is None or Has.ENTRIES not in has:
        return
    if event.type in catalogue.compared:
        _compare(connection, flowbook, around, event, recorded, happening, now)
    sends = goals.sends(connection, recorded.customer.id, event.type, event.at - window, event.at)
    known = journeys.by_id(connection, [sent.journey for sent in sends])
    credited: set[str] = set()
    for sent in sends:
        journey = known[sent.journey]
        version = flowbook.version(connection, journey.version_id)
        goal = version.flow.goal if version else None
        if version is None or goal is None or journey.flow in credited:
            continue
        if event.at > sent.at + goal.within.span() or _is_its_own(journey, happening):
            continue
        seen = _seen(connection, around, version, journey, goal, recorded, happening, now)
        if seen is None:
            continue
        credited.add(journey.flow)
        if goals.reach(connection, journey, sent.message, event.id, _revenue(event, recorded), now):
            detail = {"event": event.type, "order": happening.order_number, "message": sent.message, "seen": seen}
            traces.append(connection, journey.id, [TraceEntry(TraceKind.GOAL, None, detail)], now)


def _compare(
    connection: Connection,
    flowbook: FlowBook,
    around: Surroundings,
    event: PendingEvent,
    recorded: Recorded,
    happening: Happening,
    now: datetime,
) -> None:
    """Note for flows with a holdout that their customer did what the flow is for, in whichever arm, mails or no mails.

    What counts is the time after the customer's first entry, in both arms alike: how often one enters again depends on
    what the flow does.
    """
    first: set[tuple[object, ...]] = set()
    for journey, began in outcomes.compared(connection, recorded.customer.id, event.type):
        version = flowbook.version(connection, journey.version_id)
        within = compared_within(version.flow) if version is not None else None
        if version is None or version.flow.goal is None or within is None:
            continue
        alike = (journey.flow, version.flow.holdout, within)
        if alike in first:
            continue
        first.add(alike)
        if not began <= event.at <= began + within or _is_its_own(journey, happening):
            continue
        seen = _seen(connection, around, version, journey, version.flow.goal, recorded, happening, now)
        if seen is None:
            continue
        new = outcomes.add(connection, journey, event.id, _revenue(event, recorded), now)
        if new and journey.state is JourneyState.CONTROL:  # the others' traces tell of what is credited to a mail
            detail = {"event": event.type, "order": happening.order_number, "control": True, "seen": seen}
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


def _revenue(event: PendingEvent, recorded: Recorded) -> Order | None:
    """Return the order that the event brought; another customer's order is not this one's doing."""
    order = recorded.order if event.order else None
    return order if order is not None and order.customer_id == recorded.customer.id else None
