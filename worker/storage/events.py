"""Events coming in: each is one row by its source and its own id, however often it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from worker.storage.rows import Insertion
from worker.storage.tables import event

OWN_SOURCE = "phin"  # source of the events that Phin itself reports


@dataclass(frozen=True, slots=True)
class Descent:
    """What an event that a flow's step brought forth comes from.

    Parameters:
        root: what began it all: `event:12`, or `journey:7` where a trigger without an event began that.
        chain: the flows behind it, the first one first.
    """

    root: str
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that was checked and is to be kept.

    Parameters:
        source: name of the key it came with, or `phin`.
        content_hash: the same for the same content (`worker.domain.event_check`).
        customer_key, email_key: `id:…` and `email:…`, what its customer may be found by.
        descent: of an event that a step brought forth.
    """

    source: str
    external_id: str
    type: str
    occurred_at: datetime
    received_at: datetime
    content_hash: str
    customer_key: str | None
    email_key: str | None
    payload: Mapping[str, Any]
    history: bool = False
    order_number: str | None = None
    request: str | None = None
    descent: Descent | None = None


class Outcome(StrEnum):
    """What became of an event that came in."""

    ACCEPTED = "accepted"  # a new row
    DUPLICATE = "duplicate"  # the same was there already
    CONTRADICTION = "contradiction"  # the same id was there with other content; nothing was changed
    UNKEPT = "unkept"  # the database cannot hold it


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one event; `id` is the row's number where it is a new one."""

    outcome: Outcome
    id: int | None = None


_ADD = Insertion(
    event, lambda new: new.on_conflict_do_nothing().returning(event.c.id, event.c.source, event.c.external_id)
)


# PostgreSQL takes them as one value. As many rows of values as one statement has to be written, read and planned each
# time, which costs several times as much. Their numbers follow their order, and by that they are processed.
_ADD_TOGETHER = """
    INSERT INTO event (source, external_id, type, occurred_at, received_at, history, content_hash, customer_key,
        email_key, payload, order_number, request, root, chain)
    SELECT source, external_id, type, occurred_at, received_at, history, content_hash, customer_key,
        email_key, payload, order_number, request, root, chain
    FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) AS (source text, external_id text, type text,
        occurred_at timestamptz, received_at timestamptz, history boolean, content_hash text, customer_key text,
        email_key text, payload jsonb, order_number text, request text, root text, chain jsonb)) WITH ORDINALITY
    ORDER BY ordinality
    ON CONFLICT DO NOTHING RETURNING id, source, external_id
"""
_TOGETHER_FROM = 3  # rows; fewer are taken as they are


_DESCENT = select(event.c.root, event.c.chain).where(event.c.id == bindparam("id"))


def add(connection: Connection, events: Sequence[NewEvent]) -> list[Stored]:
    """Insert the events that are not there yet; returns what became of each, in order.

    Two in one call with the same source and id count like two that came one after the other.
    """
    firsts: dict[tuple[str, str], NewEvent] = {}
    for new in events:
        firsts.setdefault((new.source, new.external_id), new)
    if not firsts:
        return []
    returned = _added(connection, [_values(new) for new in firsts.values()])
    made = {(row.source, row.external_id): row.id for row in returned}
    hashes = {key: new.content_hash for key, new in firsts.items()}
    hashes |= _known(connection, [key for key in firsts if key not in made])
    stored = []
    for new in events:
        key = (new.source, new.external_id)
        if (number := made.pop(key, None)) is not None:
            stored.append(Stored(Outcome.ACCEPTED, number))
        else:
            same = hashes[key] == new.content_hash
            stored.append(Stored(Outcome.DUPLICATE if same else Outcome.CONTRADICTION))
    return stored


def descent(connection: Connection, event_id: int) -> Descent:
    """Return what an event comes from; one that no step brought forth begins a chain."""
    row = connection.execute(_DESCENT, {"id": event_id}).one()
    return Descent(row.root or f"event:{event_id}", tuple(row.chain or ()))


def brought_forth(connection: Connection, root: str, most: int) -> int:
    """Return how many events steps have brought forth from one beginning, counted up to `most`."""
    some = select(event.c.id).where(event.c.root == root).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _added(connection: Connection, rows: list[dict[str, Any]]) -> Iterable[Row[Any]]:
    if connection.dialect.name != "postgresql" or len(rows) < _TOGETHER_FROM:
        return connection.execute(_ADD.on(connection), rows)
    return connection.exec_driver_sql(_ADD_TOGETHER, (json.dumps(rows, default=datetime.isoformat),))


def _known(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the content hashes of events that are there."""
    found: dict[tuple[str, str], str] = {}
    for source in {source for source, _ in keys}:
        ids = [external_id for owner, external_id in keys if owner == source]
        rows = connection.execute(
            select(event.c.external_id, event.c.content_hash).where(
                event.c.source == source, event.c.external_id.in_(ids)
            )
        )
        found |= {(source, row.external_id): row.content_hash for row in rows}
    return found


def _values(new: NewEvent) -> dict[str, Any]:
    return {
        "source": new.source,
        "external_id": new.external_id,
        "type": new.type,
        "occurred_at": new.occurred_at,
        "received_at": new.received_at,
        "history": new.history,
        "content_hash": new.content_hash,
        "customer_key": new.customer_key,
        "email_key": new.email_key,
        "payload": dict(new.payload),
        "order_number": new.order_number,
        "request": new.request,
        "root": new.descent.root if new.descent else None,
        "chain": list(new.descent.chain) if new.descent else None,
    }
