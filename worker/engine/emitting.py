"""The step `emit`: an event of the shop's own, which comes in through the front door like any other.

It carries the flows behind it, so that flows which start each other in a circle are found out when one would be
entered (`worker.domain.matching.circle`), and what began it all, so that flows which multiply each other end.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection

from worker.domain.facts import Facts
from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.domain.own_fields import typed
from worker.domain.steps import Emit
from worker.domain.work import Work
from worker.engine.reporting import report
from worker.engine.surroundings import Surroundings
from worker.storage import events, traces
from worker.storage.events import Descent

MOST = 100  # events that steps bring forth from one beginning

_log = structlog.get_logger(__name__)


def emit(
    connection: Connection, around: Surroundings, journey: Journey, facts: Facts, step: Emit, now: datetime
) -> Work:
    """Report the event of a step, once for each turn of the journey; it is of the journey's order and request.

    Returns:
        The event to process.
    """
    descent = _descent(connection, journey)
    if events.brought_forth(connection, descent.root, MOST) >= MOST:
        flows = " → ".join(dict.fromkeys(descent.chain))
        why = f"not reported: {MOST} events came of {descent.root} already, by the flows {flows}"
        _log.error(
            "flows bring forth events without end", flow=journey.flow, step=step.name, journey=journey.id, why=why
        )
        return _not_reported(connection, journey, step, why, now)
    types = around.rules.events.get(step.event, {})
    data = {name: typed(text, types.get(name), facts, around.reading) for name, text in step.values}
    if journey.request is not None:
        data["request"] = journey.request
    id_ = f"journey:{journey.id}:{step.name}:{journey.turn}"
    told = report(
        connection, around.rules, id_, step.event, facts.customer, data, now, journey.order_number, descent=descent
    )
    if not told:
        return _not_reported(connection, journey, step, "not reported: it was not taken in", now)
    return Work(events=told)


def _descent(connection: Connection, journey: Journey) -> Descent:
    if journey.event_id is None:
        return Descent(f"journey:{journey.id}", (journey.flow,))
    before = events.descent(connection, journey.event_id)
    return Descent(before.root, (*before.chain, journey.flow))


def _not_reported(connection: Connection, journey: Journey, step: Emit, why: str, now: datetime) -> Work:
    entry = TraceEntry(TraceKind.EMITTED, step.name, {"event": step.event, "reason": why})
    traces.append(connection, journey.id, [entry], now)
    return Work()
