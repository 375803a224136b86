"""Publishing: what the files say becomes what every process runs, in one transaction; and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.domain.errors import FileError, PhinError
from worker.domain.flows import Flow, FlowStatus
from worker.domain.lift import compared_within
from worker.domain.triggers import Timed
from worker.language.flow.flows import read_flow
from worker.storage import audit, flows, occurrences, publications
from worker.storage.audit import Actor, Way
from worker.storage.database import Database
from worker.storage.flows import FlowRow, VersionRow
from worker.storage.publications import PublicationRow

GONE = "paused: its file is gone"


class NothingToTakeBackError(PhinError):
    """There is no publication of the flow that could be taken back; the message says why, and what to do."""


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
        change: in words: `new`, `new version`, that it is back to an earlier one, or the status that it has now.
        before: the version that new entries used until then; None where the flow is new.
    """

    flow: str
    number: int
    change: str
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What publishing came to.

    Parameters:
        changes: flows that run otherwise than before.
        held: publications that were taken back and that the files still say: they are left alone.
        catalogue: the number of the catalogue that holds the changes; None where there are none.
    """

    changes: tuple[Published, ...] = ()
    held: tuple[PublicationRow, ...] = ()
    catalogue: int | None = None


def publish(
    database: Database,
    sources: Mapping[str, Source],
    broken: Set[str],
    now: datetime,
    *,
    by: str = "phin",
    named: Set[str] | None = None,
) -> Outcome:
    """Make the files' flows the published ones.

    Parameters:
        sources: flows by name, those that could be read.
        broken: names of flows whose files have errors: they keep their last good version.
        by: who publishes, for whoever asks later.
        named: the flows to publish, even what was taken back; None: all, but for what was taken back and stands in
            the file unchanged ever since.

    A flow whose file is gone is paused: nobody enters, nothing of it is sent, its journeys stay.
    """
    changes: list[Published] = []
    held: list[PublicationRow] = []
    with database.writing() as connection:
        publications.hold(connection)
        known = {row.name: row for row in flows.all_flows(connection)}
        wanted = sorted(({*sources, *known} - broken) if named is None else named - broken)
        taken_back = publications.held(connection, wanted)
        for name in wanted:
            before = known.get(name)
            source = sources.get(name)
            if source is None and before is None:
                continue
            version, status = _said(connection, source, before, now)
            rests = [row for row in taken_back.get(name, ()) if (row.version_id, row.status) == (version.id, status)]
            if rests and named is None:
                held.append(rests[0])
                continue
            if name in taken_back:
                publications.release(connection, name)
            if before is not None and (before.version.id, before.status) == (version.id, status):
                continue
            change = GONE if source is None else _change(before, version, status)
            _run(connection, name, version, status, None if source is None else source.flow, now)
            _record(connection, name, before, version, status, change, now, by)
            changes.append(Published(name, version.number, change, before.version.number if before else None))
        catalogue = flows.changed(connection, now) if changes else None
    return Outcome(tuple(changes), tuple(held), catalogue)


def roll_back(database: Database, name: str, now: datetime, *, by: str) -> tuple[PublicationRow, int]:
    """Take the latest publication of a flow back that stands: new entries use what they used before it.

    Journeys stay on the version that they entered with. The file is left alone from then on until it says something
    else, or somebody publishes it by name.

    Returns:
        The publication that was taken back, and the number of the catalogue from now on.

    Raises:
        NothingToTakeBackError: there is none, or what ran before it cannot be read by this version of Phin.
    """
    with database.writing() as connection:
        publications.hold(connection)
        last = _last_standing(publications.of_flow(connection, name))
        if last is None:
            raise NothingToTakeBackError(
                f"there is no publication of '{name}' left to take back; mend its file and run 'phin publish {name}', "
                f"or stop it by 'phin pause {name}'"
            )
        if last.before_version_id is None or last.before_status is None:
            raise NothingToTakeBackError(
                f"'{name}' v{last.number} is the first that was published, nothing ran before it; "
                f"'phin pause {name}' stops it"
            )
        version = flows.versions(connection, [last.before_version_id])[0]
        try:
            flow, _ = read_flow(version.source, f"{name}.yaml", None)
        except FileError as error:
            raise NothingToTakeBackError(
                f"'{name}' v{version.number}, which ran before, cannot be read by this version of Phin: {error}"
            ) from error
        _run(connection, name, version, last.before_status, flow, now)
        publications.take_back(connection, last.id, now, by)
        detail = {"version": last.number, "back_to": version.number}
        audit.write(connection, Actor(Way.COMMAND, by), "rolled back", f"flow {name}", now, **detail)
        return last, flows.changed(connection, now)


def _last_standing(rows: Sequence[PublicationRow]) -> PublicationRow | None:
    return next((row for row in rows if row.taken_back_at is None), None)


def _said(
    connection: Connection, source: Source | None, before: FlowRow | None, now: datetime
) -> tuple[VersionRow, str]:
    """Return the version and the status that a file asks for; one that is gone: the last version, paused."""
    if source is None:
        assert before is not None
        return before.version, FlowStatus.PAUSED.value
    flow = source.flow
    within = compared_within(flow)
    compared = None if within is None else (flow.holdout, within)
    version = flows.keep_version(connection, flow.name, flow.meaning, source.text, now, flow.goal, compared)
    return version, flow.status.value


def _run(connection: Connection, name: str, version: VersionRow, status: str, flow: Flow | None, now: datetime) -> None:
    """Have new entries use a version, and note from when on its triggers of the clock count.

    A draft's do not, a paused flow's as before.
    """
    flows.set_flow(connection, name, version.id, status, now)
    if flow is not None and status != FlowStatus.PAUSED.value:
        live = flow.triggers if status == FlowStatus.LIVE.value else ()
        occurrences.start(connection, name, [str(one) for one in live if isinstance(one, Timed)], now)


def _record(
    connection: Connection,
    name: str,
    before: FlowRow | None,
    version: VersionRow,
    status: str,
    change: str,
    now: datetime,
    by: str,
) -> None:
    publications.write(
        connection,
        flow=name,
        now_runs=(version.id, status),
        ran_before=None if before is None else (before.version.id, before.status),
        change=change,
        at=now,
        by=by,
    )
    actor = Actor(Way.COMMAND, by)
    audit.write(connection, actor, "published", f"flow {name}", now, version=version.number, change=change)


def _change(before: FlowRow | None, version: VersionRow, status: str) -> str:
    if before is None:
        return "new"
    if before.version.id == version.id:
        return f"{status} now"
    return "new version" if version.number > before.version.number else "back to an earlier version"
