"""What publishing the files would change, flow by flow, against what runs or against files of before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import Connection

from worker.domain.errors import FileError, Problem, Severity
from worker.domain.flows import Flow, FlowStatus
from worker.domain.steps import walk
from worker.edges.earlier import Earlier
from worker.language.flow.differing import Change, differences, standing
from worker.language.flow.flows import read_flow
from worker.language.flow.landing import Landings
from worker.language.library import FlowFile, Library
from worker.storage import flows, journey_counts, publications
from worker.storage.flows import FlowRow, VersionRow

CHANGED, NEW, GONE, BROKEN, HELD, STATUS = "changed", "new", "gone", "broken", "held", "status"


@dataclass(frozen=True, slots=True)
class Standing:
    """Customers under way at one step of one version.

    Parameters:
        version: its number.
        where: in words.
        moves: whether `phin migrate` would move them to the version of the file.
    """

    version: int
    where: str
    customers: int
    moves: bool


@dataclass(frozen=True, slots=True)
class FlowDifference:
    """What would become of one flow.

    Parameters:
        kind: `changed`, `new`, `gone`, `broken` (its file cannot be used), `status` (nothing but that), `held` (taken
            back by hand, and the file says the same ever since).
        before, after: numbers of the versions for new entries, now and then; None where there is none, or where files
            are compared and no database tells.
        status_before, status_after: live, draft, paused.
        changes: what the version does otherwise.
        under_way: who is under way, and where.
        problems: why the file cannot be used.
    """

    flow: str
    kind: str
    before: int | None = None
    after: int | None = None
    status_before: str | None = None
    status_after: str | None = None
    changes: tuple[Change, ...] = ()
    under_way: tuple[Standing, ...] = ()
    problems: tuple[Problem, ...] = ()


def against_database(connection: Connection, library: Library, named: Set[str] | None) -> list[FlowDifference]:
    """Return what publishing the files would change in what runs."""
    rows = {row.name: row for row in flows.all_flows(connection)}
    held = publications.held(connection, list(rows))
    found: list[FlowDifference] = []
    for name in _wanted({*rows, *library.flows, *library.broken}, named):
        row, file = rows.get(name), library.flows.get(name)
        if name in library.broken:
            found.append(_broken(library, name, row))
        elif file is None:
            if row is not None and row.status != FlowStatus.PAUSED.value:
                now, paused = row.version.number, FlowStatus.PAUSED.value
                people = _under_way(connection, name, None, now)
                found.append(FlowDifference(name, GONE, now, now, row.status, paused, under_way=people))
        elif row is None:
            found.append(FlowDifference(name, NEW, None, 1, None, file.flow.status.value))
        else:
            taken_back = {(one.number, one.status) for one in held.get(name, ())}
            found += _of_file(connection, file, row, taken_back)
    return found


def against_files(earlier: Earlier, library: Library, named: Set[str] | None) -> list[FlowDifference]:
    """Return what the files say otherwise than those of before."""
    found: list[FlowDifference] = []
    for name in _wanted({*earlier.flows, *earlier.broken, *library.flows, *library.broken}, named):
        old, file = earlier.flows.get(name), library.flows.get(name)
        if name in library.broken:
            found.append(_broken(library, name, None))
        elif file is None:
            was = old.status.value if old else None
            found.append(FlowDifference(name, GONE, status_before=was, status_after=FlowStatus.PAUSED.value))
        elif old is None:
            kind = CHANGED if name in earlier.broken else NEW
            found.append(FlowDifference(name, kind, status_after=file.flow.status.value))
        elif old.meaning != file.flow.meaning or old.status is not file.flow.status:
            kind = STATUS if old.meaning == file.flow.meaning else CHANGED
            was, now = old.status.value, file.flow.status.value
            changes = _changes(old, file.flow)
            found.append(FlowDifference(name, kind, status_before=was, status_after=now, changes=changes))
    return found


def _wanted(all_names: Iterable[str], named: Set[str] | None) -> list[str]:
    return sorted(name for name in all_names if named is None or name in named)


def _broken(library: Library, name: str, row: FlowRow | None) -> FlowDifference:
    number = row.version.number if row else None
    status = row.status if row else None
    errors = tuple(
        one
        for one in library.problems
        if one.severity is Severity.ERROR and one.place.file.rpartition("/")[2].rpartition(".")[0] == name
    )
    return FlowDifference(name, BROKEN, number, number, status, status, problems=errors)


def _of_file(
    connection: Connection, file: FlowFile, row: FlowRow, taken_back: Set[tuple[int, str]]
) -> list[FlowDifference]:
    new, now = file.flow, row.version
    kept = flows.versions_of(connection, new.name)
    then = next((one.number for one in kept if one.meaning == new.meaning), kept[0].number + 1)
    status = new.status.value
    if (then, status) == (now.number, row.status):
        return []
    kind = HELD if (then, status) in taken_back else STATUS if then == now.number else CHANGED
    old = _read(now)
    return [
        FlowDifference(
            new.name,
            kind,
            now.number,
            then,
            row.status,
            status,
            () if old is None else _changes(old, new),
            _under_way(connection, new.name, new, then),
        )
    ]


def _changes(old: Flow, new: Flow) -> tuple[Change, ...]:
    return tuple(one for one in differences(old, new) if one.about != "status")


def _under_way(connection: Connection, name: str, new: Flow | None, then: int) -> tuple[Standing, ...]:
    """Return who is under way on which version, and where, the latest version and its first steps first."""
    counted = journey_counts.count_standing(connection, name)
    kept = {row.id: row for row in flows.versions(connection, sorted({version for version, _ in counted}))}
    found: list[tuple[int, int, Standing]] = []
    for version in kept.values():
        old = _read(version)
        landings = Landings(old, new) if old and new and version.number != then else None
        order = _order(old)
        for (number, step), customers in counted.items():
            if number == version.id:
                where = standing(old, step) if old else f"at '{step}'"
                moves = landings is not None and landings.of(step).stays is None
                place = order.get(step, len(order))
                found.append((-version.number, place, Standing(version.number, where, customers, moves)))
    return tuple(one for _, _, one in sorted(found, key=lambda one: one[:2]))


def _order(flow: Flow | None) -> Mapping[str | None, int]:
    names: Sequence[str | None] = [None, *(step.name for step in walk(flow.steps))] if flow else [None]
    return {name: number for number, name in enumerate(names)}


def _read(version: VersionRow) -> Flow | None:
    try:
        return read_flow(version.source, f"{version.flow}.yaml", None)[0]
    except FileError:
        return None
