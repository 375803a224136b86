"""The flow book: the flows as they are published, read once and followed by every process.

Each transaction that decides something first asks `follow`, which costs one look at a tiny table; only when the
catalogue has changed are the flows read anew. So every process follows a publication with its next decision.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import needs
from worker.domain.errors import FileError
from worker.domain.facts import Need, Needs
from worker.domain.flows import Flow, FlowStatus, expressions
from worker.domain.routes import Route
from worker.domain.segments import moves
from worker.domain.steps import AddToFields, SetFields, Suppress, Tag, TaskStep, Untag, Wait, walk
from worker.domain.triggers import EventTrigger, SegmentTrigger, Timed, goes_by
from worker.language.flow.flows import read_flow
from worker.storage import flows, outcomes, segments

_log = structlog.get_logger(__name__)


_WRITING = SetFields | AddToFields | Tag | Untag | Suppress


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a flow, ready to run.

    Parameters:
        needs: the parts of the past that any of its expressions asks for.
        asks_for_mails: whether a wait's `until` looks at mails, so that a mail's sending is news to it.
        writes: whether a step changes the customer's own fields, tags or address.
    """

    id: int
    number: int
    flow: Flow
    route: Route
    needs: Needs
    asks_for_mails: bool
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is published at one moment.

    Parameters:
        number: counts up with each change.
        running: the version that new entries use, of each flow that takes entries, by name.
        sending: names of the flows of which mails go out; `held`: of those of which nothing is sent now.
        all_held: whether everything is paused.
        listening: running versions by the type of event that they listen to; `pausing`: those of live flows which
            were paused by hand, or with everything.
        goals: the types of events that are the goal of any version, old ones too, each with the longest window.
        timed: running versions with each of their triggers of the clock; `coming_in`: with each segment that starts
            them.
        dates: the fields of the customer's record by which live flows' triggers of the clock go, paused ones too, and
            the zone where one reads the time in the customer's own.
        segments: the conditions of all segments, those that are gone from the file too.
        kept: the segments that members are kept of, with the number of their meaning; `moving`: those of them that
            may change though no fact of a customer does.
        compared: the types of events by which flows with a holdout are compared, in any version.
    """

    number: int
    running: Mapping[str, Version] = field(default_factory=dict)
    sending: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    all_held: bool = False
    listening: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    pausing: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    goals: Mapping[str, timedelta] = field(default_factory=dict)
    timed: tuple[tuple[Version, Timed], ...] = ()
    coming_in: tuple[tuple[Version, SegmentTrigger], ...] = ()
    dates: frozenset[str] = frozenset()
    segments: Mapping[str, Expression] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    moving: frozenset[str] = frozenset()
    compared: frozenset[str] = frozenset()


class _Followed(Mapping[str, Expression]):
    """The conditions of the segments as they are published at each moment, under one mapping that is given about."""

    def __init__(self, now: Callable[[], Mapping[str, Expression]]) -> None:
        self._now = now

    def __getitem__(self, name: str) -> Expression:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


class FlowBook:
    """The published flows of one process; safe to share between threads.

    `segments` follows the published segments with each `follow`: it is what conditions are read with.

    A version was checked when it was published. It is read without the shop's vocabulary, so that its journeys go on
    when a field that it names is declared no more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._catalogue = Catalogue(-1)
        self._versions: dict[int, Version | None] = {}
        self.segments: Mapping[str, Expression] = _Followed(lambda: self._catalogue.segments)

    def follow(self, connection: Connection) -> Catalogue:
        """Return what is published now, as this transaction sees it."""
        switches = flows.switches(connection)
        number = switches.get(flows.CATALOGUE, 0)
        if self._catalogue.number != number:
            with self._lock:
                if self._catalogue.number != number:
                    self._catalogue = self._read(connection, number, bool(switches.get(flows.PAUSED)))
        return self._catalogue

    def version(self, connection: Connection, version_id: int) -> Version | None:
        """Return a version by our own number; None where its text cannot be read by this Phin."""
        if version_id not in self._versions:
            for row in flows.versions(connection, [version_id]):
                self._keep(row)
        return self._versions.get(version_id)

    def triggers(self, connection: Connection) -> dict[str, tuple[str, ...]]:
        """Return for each published flow what starts it, in words."""
        found: dict[str, tuple[str, ...]] = {}
        for row in flows.all_flows(connection):
            version = self.version(connection, row.version.id)
            found[row.name] = tuple(map(str, version.flow.triggers)) if version else ()
        return found

    def _read(self, connection: Connection, number: int, all_held: bool) -> Catalogue:
        running: dict[str, Version] = {}
        sending: set[str] = set()
        held: set[str] = set()
        listening: dict[str, list[Version]] = {}
        pausing: dict[str, list[Version]] = {}
        dates: set[str] = set()
        for row in flows.all_flows(connection):
            version = self._versions.get(row.version.id) or self._keep(row.version)
            paused = row.paused_at is not None or row.status != FlowStatus.LIVE.value
            (held if paused else sending).add(row.name)
            if version is None:
                continue
            if row.status != FlowStatus.LIVE.value:
                continue
            if not paused and not all_held:
                running[row.name] = version
            for trigger in version.flow.triggers:
                if isinstance(trigger, EventTrigger):
                    (listening if row.name in running else pausing).setdefault(trigger.event, []).append(version)
                dates |= goes_by(trigger)
        conditions, kept = _segments(connection)
        starting = [(version, trigger) for version in running.values() for trigger in version.flow.triggers]
        return Catalogue(
            number,
            running,
            frozenset(sending),
            frozenset(held),
            all_held,
            {event: tuple(found) for event, found in listening.items()},
            {event: tuple(found) for event, found in pausing.items()},
            flows.goal_windows(connection),
            tuple((version, trigger) for version, trigger in starting if isinstance(trigger, Timed)),
            tuple((version, trigger) for version, trigger in starting if isinstance(trigger, SegmentTrigger)),
            frozenset(dates),
            conditions,
            kept,
            frozenset(name for name in kept if moves(conditions[name].tree, conditions)),
            outcomes.compared_by(connection),
        )

    def _keep(self, row: flows.VersionRow) -> Version | None:
        try:
            flow, _ = read_flow(row.source, f"{row.flow}.yaml", None)
        except FileError as error:
            _log.error(
                "flow version cannot be read; its journeys wait", flow=row.flow, version=row.number, why=str(error)
            )
            self._versions[row.id] = None
            return None
        wanted = Needs().union(*(needs(expression.tree) for expression in expressions(flow)))
        if any(isinstance(step, TaskStep) and step.hold for step in walk(flow.steps)):
            wanted |= {Need.TASKS}
        untils = [step.until for step in walk(flow.steps) if isinstance(step, Wait) and step.until is not None]
        asks = any(Need.MAILS in needs(until.tree) for until in untils)
        writes = any(isinstance(step, _WRITING) for step in walk(flow.steps))
        version = Version(row.id, row.number, flow, Route(flow), wanted, asks, writes)
        self._versions[row.id] = version
        return version


def _segments(connection: Connection) -> tuple[dict[str, Expression], dict[str, int]]:
    """Return the conditions of the segments, and the numbers of those that members are kept of."""
    conditions: dict[str, Expression] = {}
    kept: dict[str, int] = {}
    for row in segments.all_segments(connection):
        condition = row.when
        if condition is None:
            _log.error("a segment cannot be read by this Phin; nobody is in it", segment=row.name)
            continue
        conditions[row.name] = condition
        if not row.gone:
            kept[row.name] = row.number
    return conditions, kept
