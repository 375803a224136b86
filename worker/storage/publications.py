"""Publications of flows: written when a flow runs otherwise than before, read by whoever takes the last one back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from worker.storage.rows import lock_all
from worker.storage.tables import flow_version, publication

_LOCKS = 0x46  # of whoever publishes

_BEFORE = flow_version.alias("before")
_PUBLICATIONS = (
    select(publication, flow_version.c.number, _BEFORE.c.number.label("before_number"))
    .select_from(
        publication.join(flow_version, publication.c.version_id == flow_version.c.id).outerjoin(
            _BEFORE, publication.c.before_version_id == _BEFORE.c.id
        )
    )
    .order_by(publication.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """One publication of a flow.

    Parameters:
        version_id, number, status: what new entries used from then on; `before_…` what they used until then, none
            where it was the first.
        change: in words.
        held: whether a file that still says this is left alone.
    """

    id: int
    flow: str
    version_id: int
    number: int
    status: str
    before_version_id: int | None
    before_number: int | None
    before_status: str | None
    change: str
    at: datetime
    by: str
    taken_back_at: datetime | None
    taken_back_by: str | None
    held: bool


def hold(connection: Connection) -> None:
    """Let nobody else publish until the end of the transaction."""
    lock_all(connection, _LOCKS)


def of_flow(connection: Connection, flow: str, most: int | None = None) -> list[PublicationRow]:
    """Return a flow's publications, the latest first."""
    return [_read(row) for row in connection.execute(_PUBLICATIONS.where(publication.c.flow == flow).limit(most))]


def held(connection: Connection, flows: Sequence[str]) -> dict[str, list[PublicationRow]]:
    """Return the publications that a file of these flows may not repeat by itself, by flow."""
    found: dict[str, list[PublicationRow]] = {}
    for row in connection.execute(_PUBLICATIONS.where(publication.c.flow.in_(list(flows)), publication.c.held)):
        found.setdefault(row.flow, []).append(_read(row))
    return found


def write(
    connection: Connection,
    *,
    flow: str,
    now_runs: tuple[int, str],
    ran_before: tuple[int, str] | None,
    change: str,
    at: datetime,
    by: str,
) -> None:
    """Write a publication down.

    Parameters:
        now_runs, ran_before: number of the version's row, and the status.
    """
    before_version, before_status = ran_before or (None, None)
    values = {"before_version_id": before_version, "before_status": before_status, "change": change, "at": at, "by": by}
    connection.execute(insert(publication).values(flow=flow, version_id=now_runs[0], status=now_runs[1], **values))


def release(connection: Connection, flow: str) -> None:
    """Let a flow's file be published again whatever it says: it has changed, or somebody asks for it."""
    connection.execute(update(publication).where(publication.c.flow == flow, publication.c.held).values(held=False))


def take_back(connection: Connection, publication_id: int, at: datetime, by: str) -> None:
    """Note that a publication was taken back, and that the file is not to repeat it by itself."""
    values = {"taken_back_at": at, "taken_back_by": by, "held": True}
    connection.execute(update(publication).where(publication.c.id == publication_id).values(**values))


def _read(row: Row[Any]) -> PublicationRow:
    return PublicationRow(
        row.id,
        row.flow,
        row.version_id,
        row.number,
        row.status,
        row.before_version_id,
        row.before_number,
        row.before_status,
        row.change,
        row.at,
        row.by,
        row.taken_back_at,
        row.taken_back_by,
        row.held,
    )
