"""Mails of journeys that have ended: an exit event that comes before such a mail has gone out takes it back."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog
from sqlalchemy import Connection

from worker.domain.exits import exit_event
from worker.domain.journeys import Journey
from worker.engine.entering import Occasion
from worker.engine.failing import apart
from worker.engine.surroundings import Surroundings
from worker.storage import facts, journeys, ledger, traces
from worker.storage.flowbook import FlowBook
from worker.storage.gathered import Has

_log = structlog.get_logger(__name__)


def withdraw(connection: Connection, flowbook: FlowBook, around: Surroundings, occasion: Occasion) -> None:
    """Take back the mails of ended journeys that this event would have ended; the journeys stay as they ended."""
    if Has.UNSENT not in occasion.has:
        return
    numbers = ledger.unsent_of_ended(connection, occasion.recorded.customer.id)
    for journey in journeys.by_id(connection, numbers).values():
        asked = partial(_withdraw, connection, flowbook, around, occasion, journey)
        apart(connection, occasion.careful, asked, partial(_failed, journey))


def _withdraw(
    connection: Connection, flowbook: FlowBook, around: Surroundings, occasion: Occasion, journey: Journey
) -> None:
    version = flowbook.version(connection, journey.version_id)
    if version is None or not any(rule.event == occasion.happening.type for rule in version.flow.exits):
        return
    asking = [(journey, occasion.recorded.customer, version.needs)]
    known = facts.for_journeys(connection, asking, around.shop, occasion.now)[journey.id]
    of_event = replace(known, event=occasion.happening, order=occasion.recorded.order or known.order)
    fired = exit_event(version.route, journey, of_event, around.reading)
    if fired is not None:
        reason, entry = fired
        ledger.withdraw(connection, journey.id, f"exit: {reason}", occasion.now)
        traces.append(connection, journey.id, [entry], occasion.now)


def _failed(journey: Journey, error: Exception) -> None:
    _log.error("an exit of an ended journey cannot be told", journey_id=journey.id, exc_info=error)
