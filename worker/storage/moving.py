"""Journeys moved from one version of their flow to another, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from worker.domain.journeys import TraceKind
from worker.storage.journeys import WAITING
from worker.storage.tables import journey, trace

_COLUMNS = (journey.c.id, journey.c.customer_id, journey.c.version_id, journey.c.step, journey.c.due_at)
_LINES = select(trace.c.journey_id, trace.c.at, trace.c.kind, trace.c.detail).where(
    trace.c.journey_id.in_(bindparam("ids", expanding=True)),
    trace.c.kind.in_([TraceKind.WAIT.value, TraceKind.MIGRATED.value]),
)
_LAND = update(journey).where(journey.c.id == bindparam("of"))
_NEXT = select(func.coalesce(func.max(trace.c.number), 0) + 1).where(trace.c.journey_id == bindparam("of"))
_TELL = insert(trace).values(journey_id=bindparam("of"), number=_NEXT.scalar_subquery())


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a waiting journey stands."""

    id: int
    customer_id: int
    version_id: int
    step: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Landed:
    """Where a journey is put, and what its trace says of it.

    Parameters:
        wakes: whether it looks at once at what it waits for.
    """

    id: int
    step: str | None
    due_at: datetime | None
    wakes: bool
    detail: Mapping[str, Any]


def on_other_versions(connection: Connection, flow: str, version_id: int) -> list[tuple[int, int, str | None]]:
    """Return the waiting journeys of a flow that are not on this version: their number, version id and step."""
    statement = select(journey.c.id, journey.c.version_id, journey.c.step)
    mine = statement.where(WAITING, journey.c.flow == flow, journey.c.version_id != version_id)
    return [(number, version, step) for number, version, step in connection.execute(mine.order_by(journey.c.id))]


def count_on(connection: Connection, flow: str, version_id: int) -> int:
    """Return how many journeys of a flow are under way on a version."""
    mine = select(func.count()).where(WAITING, journey.c.flow == flow, journey.c.version_id == version_id)
    return int(connection.execute(mine).scalar_one())


def look(connection: Connection, ids: Sequence[int]) -> list[Standing]:
    """Return where these journeys stand now, those that wait."""
    return _standing(connection, ids, hold=False)


def hold(connection: Connection, ids: Sequence[int]) -> list[Standing]:
    """Do the same, and keep them to this transaction; waits for whoever holds one of them."""
    return _standing(connection, ids, hold=True)


def began(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each journey came to the wait at which it stands, as its trace tells."""
    found: dict[int, datetime] = {}
    lines = _LINES.order_by(trace.c.journey_id, trace.c.number)
    for row in connection.execute(lines, {"ids": list(ids)}):
        if row.kind == TraceKind.WAIT.value:
            found[row.journey_id] = row.at
        elif row.detail.get("began"):
            found[row.journey_id] = datetime.fromisoformat(row.detail["began"])
    return found


def land(connection: Connection, version_id: int, landed: Iterable[Landed], now: datetime) -> None:
    """Put journeys that are held on another version, and write a line of each one's trace."""
    rows = list(landed)
    if not rows:
        return
    moved = [{"of": one.id, "to": version_id, "at": one.step, "due": one.due_at, "wakes": one.wakes} for one in rows]
    connection.execute(
        _LAND.values(
            version_id=bindparam("to"),
            step=bindparam("at"),
            due_at=bindparam("due"),
            look_at=bindparam("due"),
            look_again=bindparam("wakes"),
            attempts=0,
            reason=None,
        ),
        moved,
    )
    kind = TraceKind.MIGRATED.value
    connection.execute(
        _TELL, [{"of": one.id, "at": now, "kind": kind, "step": one.step, "detail": dict(one.detail)} for one in rows]
    )


def _standing(connection: Connection, ids: Sequence[int], *, hold: bool) -> list[Standing]:
    statement = select(*_COLUMNS).where(journey.c.id.in_(list(ids)), WAITING).order_by(journey.c.id)
    held = statement.with_for_update(key_share=True) if hold else statement
    return [Standing(*row) for row in connection.execute(held)]
