"""What was seen and decided: lines for each journey, one compact row for each event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from worker.domain.journeys import TraceEntry
from worker.storage import write_behind
from worker.storage.bulk import BulkInsert
from worker.storage.tables import trace

_LINES = BulkInsert(
    "trace",
    {"journey_id": "bigint", "at": "timestamptz", "kind": "text", "step": "text", "detail": "jsonb"},
    numbered="number",
)
_OF_EVENTS = BulkInsert(
    "event_trace",
    {"event_id": "bigint", "customer_id": "bigint", "at": "timestamptz", "flows": "jsonb"},
    finish="ON CONFLICT DO NOTHING",
)


def append(connection: Connection, journey_id: int, entries: Sequence[TraceEntry], now: datetime) -> None:
    """Add lines to a journey's trace, numbered on from the last."""
    lines = [(journey_id, now, entry.kind.value, entry.step, dict(entry.detail)) for entry in entries]
    if lines:
        write_behind.write(connection, _LINES.run, lines)


def of_event(
    connection: Connection, event_id: int, customer_id: int, flows: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Keep what each listening flow said of an event; done again it changes nothing."""
    write_behind.write(connection, _OF_EVENTS.run, [(event_id, customer_id, now, list(flows))])


def of_journeys(connection: Connection, ids: Sequence[int]) -> dict[int, list[Any]]:
    """Return the lines of each journey in their order: rows of at, kind, step, detail."""
    if not ids:
        return {}
    found: dict[int, list[Any]] = {}
    statement = select(trace).where(trace.c.journey_id.in_(list(ids))).order_by(trace.c.journey_id, trace.c.number)
    for row in connection.execute(statement):
        found.setdefault(row.journey_id, []).append(row)
    return found
