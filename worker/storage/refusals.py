"""What the flows said of events: read back for one flow over a span of time, from the traces of the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from worker.storage.tables import event, event_trace, journey

AT_ONCE = 1_000  # rows fetched at a time


def said_by(connection: Connection, flow: str, since: datetime) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what a flow said of each event it was offered since then: the event's type, and the line of its trace."""
    statement = (
        select(event.c.type, event_trace.c.flows)
        .select_from(event_trace.join(event, event.c.id == event_trace.c.event_id))
        .where(event_trace.c.at >= since)
        .order_by(event_trace.c.at)
        .execution_options(yield_per=AT_ONCE)
    )
    for row in connection.execute(statement):
        for line in row.flows:
            if line.get("flow") == flow:
                yield row.type, line


def entered_since(connection: Connection, flow: str, since: datetime) -> int:
    """Return how many journeys of a flow were begun since then."""
    mine = select(func.count()).select_from(journey).where(journey.c.flow == flow, journey.c.entered_at >= since)
    return int(connection.execute(mine).scalar_one())


def events_since(connection: Connection, kind: str, since: datetime) -> tuple[int, int, int]:
    """Return how many events of a type came since then: all, those of them loaded as history, those not processed."""
    mine = event.c.type == kind, event.c.received_at >= since
    counts = select(
        func.count(),
        func.count().filter(event.c.history),
        func.count().filter(event.c.state != "processed"),
    ).where(*mine)
    total, history, waiting = connection.execute(counts).one()
    return int(total), int(history), int(waiting)
