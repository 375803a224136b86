"""Publishing: what the files say becomes what every process runs, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.domain.flows import Flow, FlowStatus
from worker.domain.triggers import Timed
from worker.storage import flows, occurrences
from worker.storage.database import Database


@dataclass(frozen=True, slots=True)
class Source:
    """A flow as read from its file, and the file's text."""

    flow: Flow
    text: str


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication changed.

    Parameters:
        number: the flow's version that new entries use now.
        change: `new`, `new version`, an earlier version `taken back`, or the status that it has now.
    """

    flow: str
    number: int
    change: str


def publish(database: Database, sources: Mapping[str, Source], broken: Set[str], now: datetime) -> list[Published]:
    """Make the files' flows the published ones; returns what changed, nothing where nothing did.

    Parameters:
        sources: flows by name, those that could be read.
        broken: names of flows whose files have errors: they keep their last good version.

    A flow whose file is gone is paused: nobody enters, nothing of it is sent, its journeys stay.
    """
    changed: list[Published] = []
    with database.writing() as connection:
        known = {row.name: row for row in flows.all_flows(connection)}
        for name, source in sorted(sources.items()):
            before = known.get(name)
            version = flows.keep_version(connection, name, source.flow.meaning, source.text, now, source.flow.goal)
            status = source.flow.status.value
            if before is not None and before.version.id == version.id and before.status == status:
                continue
            flows.set_flow(connection, name, version.id, status, now)
            _start_triggers(connection, source.flow, now)
            changed.append(Published(name, version.number, _change(before, version, status)))
        for name, row in known.items():
            if name not in sources and name not in broken and row.status != FlowStatus.PAUSED.value:
                flows.set_flow(connection, name, row.version.id, FlowStatus.PAUSED.value, now)
                changed.append(Published(name, row.version.number, "paused: its file is gone"))
        if changed:
            flows.changed(connection, now)
    return changed


def _start_triggers(connection: Connection, flow: Flow, now: datetime) -> None:
    """Note from when on the triggers of the clock count: a draft's do not, a paused flow's as before."""
    if flow.status is not FlowStatus.PAUSED:
        live = flow.triggers if flow.status is FlowStatus.LIVE else ()
        occurrences.start(connection, flow.name, [str(one) for one in live if isinstance(one, Timed)], now)


def _change(before: flows.FlowRow | None, version: flows.VersionRow, status: str) -> str:
    if before is None:
        return "new"
    if before.version.id == version.id:
        return f"{status} now"
    return "new version" if version.number > before.version.number else "taken back"
