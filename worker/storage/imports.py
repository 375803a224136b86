"""What was imported from files: which events are there already, and which still wait to be processed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, or_, select

from worker.storage.tables import event

_KNOWN = select(event.c.external_id, event.c.content_hash).where(
    event.c.source == bindparam("source"), event.c.external_id.in_(bindparam("ids", expanding=True))
)
_WAITING = (
    select(event.c.id)
    .where(
        event.c.state == "received",
        event.c.source == bindparam("source"),
        or_(event.c.not_before.is_(None), event.c.not_before <= bindparam("now", type_=event.c.not_before.type)),
    )
    .order_by(event.c.id)
    .limit(bindparam("limit"))
)

_UNPROCESSED = select(func.count()).where(event.c.source == bindparam("source"), event.c.state != "processed")


def known(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, str]:
    """Return those of the ids under which this source has reported events before, with the hash of their content."""
    found = connection.execute(_KNOWN, {"source": source, "ids": list(ids)})
    return {row.external_id: row.content_hash for row in found}


def waiting(connection: Connection, source: str, now: datetime, limit: int) -> list[int]:
    """Return events of this source that were kept and can be processed now, the oldest first."""
    return list(connection.execute(_WAITING, {"source": source, "now": now, "limit": limit}).scalars())


def unprocessed(connection: Connection, source: str) -> int:
    """Count the events of this source that were kept and are not processed: waiting, or set aside."""
    return int(connection.execute(_UNPROCESSED, {"source": source}).scalar_one())
