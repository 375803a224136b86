"""The processes that follow what is published, as each says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from worker.storage.rows import insert
from worker.storage.tables import process


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process.

    Parameters:
        token: its own, made when it started.
        started_at, seen_at: by the machine's clock.
        catalogue: the number of the catalogue that it followed when it was last seen.
        version: of Phin; None of a process that is older than this is told.
    """

    token: str
    name: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    catalogue: int
    version: str | None = None


def report(connection: Connection, row: ProcessRow, dead_before: datetime) -> None:
    """Write down that a process lives and what it follows; rows not seen since `dead_before` are taken away."""
    values = {
        "name": row.name,
        "host": row.host,
        "pid": row.pid,
        "started_at": row.started_at,
        "seen_at": row.seen_at,
        "catalogue": row.catalogue,
        "version": row.version,
    }
    statement = insert(connection, process).values(token=row.token, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["token"], set_=values))
    connection.execute(delete(process).where(process.c.seen_at < dead_before))


def forget(connection: Connection, token: str) -> None:
    """Take a process away that ended."""
    connection.execute(delete(process).where(process.c.token == token))


def seen_since(connection: Connection, since: datetime) -> list[ProcessRow]:
    """Return the processes that gave a sign of life since then, by host and name."""
    rows = connection.execute(
        select(process).where(process.c.seen_at >= since).order_by(process.c.host, process.c.name, process.c.pid)
    )
    return [ProcessRow(r.token, r.name, r.host, r.pid, r.started_at, r.seen_at, r.catalogue, r.version) for r in rows]
