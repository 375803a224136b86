"""Circles of flows that were stopped: a row for each entry that was refused, so that they are found without a search
through what flows said of all events."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Select, select

from worker.storage.rows import Insertion
from worker.storage.tables import circle, customer, event

_KEEP = Insertion(circle, lambda new: new.on_conflict_do_nothing())


def keep(connection: Connection, event_id: int, flow: str, way: str, now: datetime) -> None:
    """Keep that a flow did not take an event, as it would have gone round; done again it changes nothing.

    Parameters:
        way: the circle in words, `a → b → a`.
    """
    connection.execute(_KEEP.on(connection), {"event_id": event_id, "flow": flow, "way": way, "at": now})


def stopped(since: datetime, limit: int) -> Select[str, str, datetime, str | None]:
    """Return the statement that finds the newest since then: flow, way, at, and the shop's own id of the customer."""
    return (
        select(circle.c.flow, circle.c.way, circle.c.at, customer.c.external_id)
        .select_from(circle.join(event).join(customer, customer.c.id == event.c.customer_id, isouter=True))
        .where(circle.c.at >= since)
        .order_by(circle.c.at.desc(), circle.c.event_id.desc())
        .limit(limit)
    )
