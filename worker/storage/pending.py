"""Events that wait to be processed: found by whose they are, taken in order, closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal, literal_column, select, union, update

from worker.domain.kinship import Kinship
from worker.storage import write_behind
from worker.storage.bulk import BulkUpdate
from worker.storage.rows import CUSTOMER_LOCKS, lock_all, lock_keys
from worker.storage.tables import customer, event

MANY = 1_000  # keys that hang together beyond which everybody's are held, not each

# Written as they stand and not bound, so that both databases see that the indexes over received events will do.
_RECEIVED = event.c.state == literal_column("'received'")
_WITH_ID = event.c.customer_key.in_(bindparam("ids", expanding=True))
_WITH_EMAIL = event.c.email_key.in_(bindparam("emails", expanding=True))
_BOTH = (event.c.customer_key, event.c.email_key)

_KEYS = select(*_BOTH).where(event.c.id.in_(bindparam("events", expanding=True)), _RECEIVED)
_OF_CUSTOMER = (literal("id:") + customer.c.external_id, literal("email:") + customer.c.email)
_BY_ID = select(*_OF_CUSTOMER).where(customer.c.external_id.in_(bindparam("external_ids", expanding=True)))
# An address leads to one customer, the one that `customers.by_email` finds.
_BY_EMAIL = select(*_OF_CUSTOMER).where(
    customer.c.id.in_(
        select(func.min(customer.c.id))
        .where(
            customer.c.email.in_(bindparam("addresses", expanding=True)),
            customer.c.external_id.is_not(None),
            customer.c.erased_at.is_(None),
            customer.c.merged_into.is_(None),
        )
        .group_by(customer.c.email)
    )
)
_PAIRS = union(
    select(*_BOTH).where(_RECEIVED, _WITH_ID), select(*_BOTH).where(_RECEIVED, _WITH_EMAIL), _BY_ID, _BY_EMAIL
)
# Two searches by index, not one condition with OR, for which SQLite reads all that is received.
_MINE = union(select(event.c.id).where(_RECEIVED, _WITH_ID), select(event.c.id).where(_RECEIVED, _WITH_EMAIL))
_PENDING = (
    select(event)
    .where(event.c.id.in_(_MINE), _RECEIVED)
    .order_by(event.c.id)
    .limit(bindparam("limit"))
    .with_for_update()
)
_ANYONES = select(event).where(_RECEIVED).order_by(event.c.id).limit(bindparam("limit")).with_for_update()
_CLOSE = BulkUpdate(
    "event",
    {"customer_id": "bigint", "order_number": "text", "reason": "text"},
    {
        "state": "'processed'",
        "customer_id": "{customer_id}",
        "order_number": "{order_number}",
        "reason": "{reason}",
    },
    only="event.state = 'received'",
)


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """A received event, as its row tells it.

    Parameters:
        keys: `id:…` and `email:…`, what its customer may be found by.
        chain: the flows behind it, where a step brought it forth, the first one first.
    """

    id: int
    source: str
    type: str
    at: datetime
    received_at: datetime
    history: bool
    keys: tuple[str, ...]
    customer: Mapping[str, Any]
    order: Mapping[str, Any] | None
    order_number: str | None
    data: Mapping[str, Any]
    request: str | None
    attempts: int
    chain: tuple[str, ...] = ()


def take(connection: Connection, ids: Sequence[int], now: datetime, limit: int = 500) -> list[PendingEvent]:
    """Return the received events of all customers whom these events are of, in the order in which they came.

    What may be one customer's is taken together, whether an event names the id, the address or both: the keys hang
    together where an event or a customer's row has both. They are held until the end of the transaction, so that
    nobody else takes events of theirs: an earlier event of a customer is never processed after a later one. While an
    earlier one waits for its next try, the later ones wait too.
    """
    kin = Kinship(_keys(connection.execute(_KEYS, {"events": list(ids)}).all()))
    if not kin.keys:
        return []
    if _hold(connection, kin):
        rows = connection.execute(_PENDING, {**_split(kin.keys), "limit": limit}).all()
    else:
        rows = connection.execute(_ANYONES, {"limit": limit}).all()
        kin = Kinship(_keys(rows))
        kin.join(_keys(_pairs(connection, kin.keys)))
    ready: list[PendingEvent] = []
    waiting: dict[str, datetime] = {}
    behind: dict[int, datetime] = {}
    for row in rows:
        keys = _keys([row])[0]
        if not kin.keys.issuperset(keys):
            break  # it came in just now and ties others to these customers: whoever takes it holds them all
        kind = kin.of(keys[0])
        if kind in waiting:
            behind[row.id] = waiting[kind]
        elif row.not_before is not None and row.not_before > now:
            waiting[kind] = row.not_before
        else:
            ready.append(_pending(row, keys))
    _wait(connection, behind)
    return ready


def close(
    connection: Connection, event_id: int, customer_id: int, order_number: str | None, reason: str | None = None
) -> None:
    """Say that an event was processed, and for whom; a note where something in it had no effect.

    Raises:
        RuntimeError: somebody else has processed it meanwhile. In a block that gathers, at its end (`write_behind`).
    """
    write_behind.write(connection, _close, [(event_id, customer_id, order_number, reason)])


def _close(connection: Connection, rows: Sequence[write_behind.Row]) -> None:
    if _CLOSE.run(connection, rows) != len(rows):
        numbers = ", ".join(str(row[0]) for row in rows)
        raise RuntimeError(f"of the events {numbers} some were taken by someone else; nothing of them is done again")


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
    connection.execute(update(event).where(event.c.id == event_id, _RECEIVED).values(state="refused"))
    return True


def count_deaths(connection: Connection, ids: Sequence[int], reason: str, limit: int) -> list[int]:
    """Count a try of each, at which a process died; returns those that are set aside as refused, after `limit`."""
    tried = (
        update(event)
        .where(event.c.id.in_(list(ids)), _RECEIVED)
        .values(attempts=event.c.attempts + 1, reason=reason)
        .returning(event.c.id, event.c.attempts)
    )
    aside = sorted(row.id for row in connection.execute(tried) if row.attempts >= limit)
    if aside:
        connection.execute(update(event).where(event.c.id.in_(aside), _RECEIVED).values(state="refused"))
    return aside


def _hold(connection: Connection, kin: Kinship) -> bool:
    """Find what hangs together with these keys, and hold it; says False where so much does that all is held.

    While we wait for a lock, an event or a customer's row may tie further keys to these; so it is looked at again.
    """
    held: set[str] = set()
    while True:
        fresh = kin.keys
        while fresh:
            fresh = kin.join(_keys(_pairs(connection, fresh)))
            if len(kin.keys) > MANY:
                lock_all(connection, CUSTOMER_LOCKS)
                return False
        if kin.keys == held:
            return True
        lock_keys(connection, CUSTOMER_LOCKS, kin.keys - held)
        held = set(kin.keys)
        if connection.dialect.name != "postgresql":
            return True  # one writer at a time, and it is this transaction already


def _pairs(connection: Connection, keys: Iterable[str]) -> Sequence[Row[Any]]:
    split = _split(keys)
    plain = {
        "external_ids": [key.removeprefix("id:") for key in split["ids"]],
        "addresses": [key.removeprefix("email:") for key in split["emails"]],
    }
    return connection.execute(_PAIRS, {**split, **plain}).all()


def _split(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return the keys as the statements take them, in one order each time."""
    ids: list[str] = []
    emails: list[str] = []
    for key in sorted(keys):
        (ids if key.startswith("id:") else emails).append(key)
    return {"ids": ids, "emails": emails}


def _keys(rows: Iterable[Any]) -> list[tuple[str, ...]]:
    return [tuple(key for key in (row.customer_key, row.email_key) if key) for row in rows]


def _wait(connection: Connection, behind: Mapping[int, datetime]) -> None:
    """Have events wait as long as the one before them, so that nobody asks for them in vain."""
    for until in set(behind.values()):
        mine = [number for number, wait in behind.items() if wait == until]
        connection.execute(update(event).where(event.c.id.in_(mine), _RECEIVED).values(not_before=until))


def _pending(row: Row[Any], keys: tuple[str, ...]) -> PendingEvent:
    payload: Mapping[str, Any] = row.payload
    return PendingEvent(
        id=row.id,
        source=row.source,
        type=row.type,
        at=row.occurred_at,
        received_at=row.received_at,
        history=row.history,
        keys=keys,
        customer=payload.get("customer") or {},
        order=payload.get("order"),
        order_number=row.order_number,
        data=payload.get("data") or {},
        request=row.request,
        attempts=row.attempts,
        chain=tuple(row.chain or ()),
    )
