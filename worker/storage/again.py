"""Journeys that are under way when their customer would enter the flow once more: found, and started over."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.storage import journeys, ledger, traces
from worker.storage.journeys import WAITING
from worker.storage.tables import journey

_STANDING = (
    select(journey)
    .where(
        journey.c.flow == bindparam("flow"),
        journey.c.customer_id == bindparam("customer"),
        or_(journey.c.once_key == bindparam("key"), WAITING),
    )
    .order_by(journey.c.id.desc())
)
_START_OVER = (
    update(journey)
    .where(journey.c.id == bindparam("of"), journey.c.turn == bindparam("stood_at"), WAITING)
    .values(first_at=func.coalesce(journey.c.first_at, journey.c.entered_at))
    .values(turn=journey.c.turn + 1, step=None, due_at=None, reason=None, look_again=False, attempts=0)
    .returning(*journey.c)
)


def standing(connection: Connection, customer_id: int, flow: str, once_key: str) -> list[Journey]:
    """Return the customer's journeys in a flow that wait or have this key, the latest first."""
    asked = {"customer": customer_id, "flow": flow, "key": once_key}
    return [journeys.from_row(row) for row in connection.execute(_STANDING, asked)]


def start_over(
    connection: Connection,
    of: Journey,
    *,
    version_id: int,
    once_key: str,
    now: datetime,
    event_id: int | None = None,
    order_number: str | None = None,
    request: str | None = None,
    turn_at: datetime | None = None,
    day: date | None = None,
    detail: dict[str, Any],
) -> Journey | None:
    """Have a journey begin once more, by what would have entered the customer, on the version that new entries use.

    What it has in the queue is taken back; tasks that it gave out stay.

    Parameters:
        detail: what its trace says of it.

    Returns:
        The journey as it stands then, due now; None where it has moved on meanwhile.
    """
    entry = {
        "version_id": version_id,
        "once_key": once_key,
        "entered_at": now,
        "look_at": now,
        "event_id": event_id,
        "order_number": order_number,
        "request": request,
        "turn_at": turn_at,
        "day": day,
    }
    row = connection.execute(_START_OVER, {"of": of.id, "stood_at": of.turn, **entry}).first()
    if row is None:
        return None
    ledger.cancel(connection, of.id, "started over", now)
    traces.append(connection, of.id, [TraceEntry(TraceKind.RESTARTED, None, detail)], now)
    return journeys.from_row(row)
