"""What was seen and decided: lines for each journey, one compact row for each event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from worker.domain.journeys import TraceEntry
from worker.storage.rows import Insertion
from worker.storage.tables import event_trace, trace

_NEXT = select(func.coalesce(func.max(trace.c.number), 0) + 1).where(trace.c.journey_id == bindparam("of"))
_APPEND = insert(trace).values(journey_id=bindparam("of"), number=_NEXT.scalar_subquery())
# Several lines in one trip to the server.
_APPEND_TOGETHER = """
    INSERT INTO trace (journey_id, number, at, kind, step, detail)
    SELECT %(of)s, coalesce((SELECT max(number) FROM trace WHERE journey_id = %(of)s), 0) + ordinality,
        %(at)s, kind, step, detail
    FROM ROWS FROM (jsonb_to_recordset(%(lines)s::jsonb) AS (kind text, step text, detail jsonb)) WITH ORDINALITY
"""
_OF_EVENT = Insertion(event_trace, lambda new: new.on_conflict_do_nothing())


def append(connection: Connection, journey_id: int, entries: Sequence[TraceEntry], now: datetime) -> None:
    """Add lines to a journey's trace, numbered on from the last."""
    lines = [{"kind": entry.kind.value, "step": entry.step, "detail": dict(entry.detail)} for entry in entries]
    if len(lines) > 1 and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_APPEND_TOGETHER, {"of": journey_id, "at": now, "lines": json.dumps(lines)})
    else:
        for line in lines:
            connection.execute(_APPEND, {"of": journey_id, "at": now, **line})


def of_event(
    connection: Connection, event_id: int, customer_id: int, flows: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Keep what each listening flow said of an event; done again it changes nothing."""
    values = {"event_id": event_id, "customer_id": customer_id, "at": now, "flows": list(flows)}
    connection.execute(_OF_EVENT.on(connection), values)


def of_journeys(connection: Connection, ids: Sequence[int]) -> dict[int, list[Any]]:
    """Return the lines of each journey in their order: rows of at, kind, step, detail."""
    if not ids:
        return {}
    found: dict[int, list[Any]] = {}
    statement = select(trace).where(trace.c.journey_id.in_(list(ids))).order_by(trace.c.journey_id, trace.c.number)
    for row in connection.execute(statement):
        found.setdefault(row.journey_id, []).append(row)
    return found
