"""Events that wait to be processed: found by whose they are, taken in order, closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from worker.storage.rows import CUSTOMER_LOCKS, lock_keys
from worker.storage.tables import event

_RECEIVED = event.c.state == "received"
_KEYS = select(event.c.customer_key, event.c.email_key).where(
    event.c.id.in_(bindparam("ids", expanding=True)), _RECEIVED
)
_PENDING = (
    select(event)
    .where(
        _RECEIVED,
        or_(event.c.not_before.is_(None), event.c.not_before <= bindparam("now", type_=event.c.not_before.type)),
        or_(
            event.c.customer_key.in_(bindparam("customers", expanding=True)),
            event.c.email_key.in_(bindparam("emails", expanding=True)),
        ),
    )
    .order_by(event.c.id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """A received event, as its row tells it."""

    id: int
    source: str
    type: str
    at: datetime
    received_at: datetime
    history: bool
    customer: Mapping[str, Any]
    order: Mapping[str, Any] | None
    data: Mapping[str, Any]
    request: str | None
    attempts: int


def take(connection: Connection, ids: Sequence[int], now: datetime, limit: int = 500) -> list[PendingEvent]:
    """Return the received events of all customers whom these events are of, in the order in which they came.

    The customers' keys are held until the end of the transaction, so that nobody else takes events of theirs: an
    earlier event of a customer is never processed after a later one.
    """
    rows = connection.execute(_KEYS, {"ids": list(ids)}).all()
    customers = [row.customer_key for row in rows if row.customer_key]
    emails = [row.email_key for row in rows if row.email_key]
    if not customers and not emails:
        return []
    lock_keys(connection, CUSTOMER_LOCKS, [*customers, *emails])
    found = connection.execute(_PENDING, {"customers": customers, "emails": emails, "now": now, "limit": limit})
    return [_pending(row) for row in found]


def close(
    connection: Connection, event_id: int, customer_id: int, order_number: str | None, reason: str | None = None
) -> None:
    """Say that an event was processed, and for whom; a note where something in it had no effect."""
    values = {"state": "processed", "customer_id": customer_id, "order_number": order_number, "reason": reason}
    connection.execute(update(event).where(event.c.id == event_id).values(**values))


def put_off(connection: Connection, event_id: int, reason: str, until: datetime, limit: int) -> bool:
    """Note that processing an event failed; after `limit` tries it is set aside as refused. Says whether it was."""
    attempts = event.c.attempts + 1
    tried = connection.execute(
        update(event)
        .where(event.c.id == event_id, _RECEIVED)
        .values(attempts=attempts, reason=reason[:500], not_before=until)
        .returning(event.c.attempts)
    ).scalar()
    if tried is None or tried < limit:
        return False
    connection.execute(update(event).where(and_(event.c.id == event_id, _RECEIVED)).values(state="refused"))
    return True


def _pending(row: Any) -> PendingEvent:
    payload: Mapping[str, Any] = row.payload
    return PendingEvent(
        id=row.id,
        source=row.source,
        type=row.type,
        at=row.occurred_at,
        received_at=row.received_at,
        history=row.history,
        customer=payload.get("customer") or {},
        order=payload.get("order"),
        data=payload.get("data") or {},
        request=row.request,
        attempts=row.attempts,
    )
