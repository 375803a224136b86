"""Flows and their versions as published, and the switches that every process follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from worker.domain.flows import Goal
from worker.storage.rows import insert
from worker.storage.tables import flow, flow_version, switch

CATALOGUE = "catalogue"  # counts up with each change of a flow
PAUSED = "paused"  # 1 while everything is paused


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a flow; `number` counts the flow's versions from 1."""

    id: int
    flow: str
    number: int
    meaning: str
    source: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow as published: its version for new entries, its file's status, and whether someone paused it."""

    name: str
    status: str
    paused_at: datetime | None
    changed_at: datetime
    version: VersionRow


_FLOWS = select(
    flow, flow_version.c.number, flow_version.c.meaning, flow_version.c.source, flow_version.c.published_at
).select_from(flow.join(flow_version, flow.c.version_id == flow_version.c.id))
_SWITCHES = select(switch.c.name, switch.c.value)


def switches(connection: Connection) -> dict[str, int]:
    """Return the house's switches by name; one that was never set is not there."""
    return {row.name: row.value for row in connection.execute(_SWITCHES)}


def all_flows(connection: Connection) -> list[FlowRow]:
    """Return every flow that was ever published, by name."""
    return [_flow(row) for row in connection.execute(_FLOWS.order_by(flow.c.name))]


def versions_of(connection: Connection, name: str) -> list[VersionRow]:
    """Return all versions of a flow, the latest first."""
    found = connection.execute(
        select(flow_version).where(flow_version.c.flow == name).order_by(flow_version.c.number.desc())
    )
    return [VersionRow(r.id, r.flow, r.number, r.meaning, r.source, r.published_at) for r in found]


def versions(connection: Connection, ids: Sequence[int]) -> list[VersionRow]:
    """Return versions by our own number."""
    found = connection.execute(select(flow_version).where(flow_version.c.id.in_(list(ids))))
    return [VersionRow(r.id, r.flow, r.number, r.meaning, r.source, r.published_at) for r in found]


def every_version(connection: Connection) -> list[int]:
    """Return our own numbers of all versions of all flows."""
    return list(connection.execute(select(flow_version.c.id).order_by(flow_version.c.id)).scalars())


def goal_windows(connection: Connection) -> dict[str, timedelta]:
    """Return the types of events that are the goal of any version, each with the longest window."""
    statement = select(flow_version.c.goal_event, func.max(flow_version.c.goal_within).label("seconds"))
    rows = connection.execute(statement.where(flow_version.c.goal_event.is_not(None)).group_by("goal_event"))
    return {row.goal_event: timedelta(seconds=row.seconds) for row in rows}


def keep_version(
    connection: Connection,
    name: str,
    meaning: str,
    source: str,
    now: datetime,
    goal: Goal | None = None,
    compared: tuple[float, timedelta] | None = None,
) -> VersionRow:
    """Return the version of this meaning, making it where it is new.

    Parameters:
        compared: of a flow with a holdout and a goal: the share, and for how long after an entry the goal counts.
    """
    same = select(flow_version).where(flow_version.c.flow == name, flow_version.c.meaning == meaning)
    row = connection.execute(same).first()
    if row is None:
        highest = select(func.coalesce(func.max(flow_version.c.number), 0)).where(flow_version.c.flow == name)
        number = int(connection.execute(highest).scalar_one()) + 1
        made = insert(connection, flow_version).returning(*flow_version.c)
        values = {"flow": name, "number": number, "meaning": meaning, "source": source, "published_at": now}
        if goal is not None:
            values |= {"goal_event": goal.event, "goal_within": int(goal.within.span().total_seconds())}
        if compared is not None:
            values |= {"holdout": compared[0], "compared_within": int(compared[1].total_seconds())}
        row = connection.execute(made, values).one()
    return VersionRow(row.id, row.flow, row.number, row.meaning, row.source, row.published_at)


def set_flow(connection: Connection, name: str, version_id: int, status: str, now: datetime) -> None:
    """Say which version new entries use, and the status of the flow's file."""
    values = {"version_id": version_id, "status": status, "changed_at": now}
    statement = insert(connection, flow).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def set_paused(connection: Connection, name: str | None, paused: bool, now: datetime) -> int:
    """Pause or resume one flow, or everything where no name is given.

    Returns:
        The number of the catalogue from now on.
    """
    if name is None:
        _switch(connection, PAUSED, int(paused), now)
    else:
        values = {"paused_at": now if paused else None, "changed_at": now}
        connection.execute(update(flow).where(flow.c.name == name).values(**values))
    return changed(connection, now)


def changed(connection: Connection, now: datetime) -> int:
    """Tell every process that the flows are to be read anew; returns the number of the catalogue from now on."""
    statement = insert(connection, switch).values(name=CATALOGUE, value=1, changed_at=now)
    counted = statement.on_conflict_do_update(
        index_elements=["name"], set_={"value": switch.c.value + 1, "changed_at": now}
    )
    return int(connection.execute(counted.returning(switch.c.value)).scalar_one())


def _switch(connection: Connection, name: str, value: int, now: datetime) -> None:
    statement = insert(connection, switch).values(name=name, value=value, changed_at=now)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value, "changed_at": now})
    )


def _flow(row: Row[Any]) -> FlowRow:
    version = VersionRow(row.version_id, row.name, row.number, row.meaning, row.source, row.published_at)
    return FlowRow(row.name, row.status, row.paused_at, row.changed_at, version)
