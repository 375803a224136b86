"""From the files to what every process runs: read, check, publish, and tell what came of it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Protocol

import structlog

from worker.delivery.templates.library import TemplateLibrary
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import Problem, Severity
from worker.domain.flows import FlowStatus
from worker.domain.settings import Settings
from worker.domain.steps import Send, walk
from worker.edges.banner import near
from worker.edges.house import House
from worker.engine import publishing
from worker.engine.publishing import Published, Source
from worker.engine.segment_publishing import PublishedSegment, publish_segments, published_names
from worker.language.library import Library, read_library
from worker.language.sound.needs import Templates
from worker.language.yaml.diagnostics import as_text, counted
from worker.storage.publications import PublicationRow

NEW = "new"  # the change of a flow or segment that was not there before
MOST_NEW = 5  # flows and segments that are new at once are told one by one up to here

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Publication:
    """What the files say, and what publishing them changed.

    Parameters:
        live, draft, paused, broken: how many flows are so, by their files.
        changes: flows that run otherwise than before.
        problems: of the files of segments and flows, warnings too.
        segments, segments_broken: how many segments the file has, and how many of them cannot be used; where it cannot
            be read at all, one is.
        segment_changes: segments that are read otherwise than before.
        held: publications that were taken back, and that the files still say.
        catalogue: the number that every process follows once it knows of all this; None where nothing changed in flows.
    """

    live: int
    draft: int
    paused: int
    broken: int
    changes: tuple[Published, ...]
    problems: tuple[Problem, ...]
    segments: int = 0
    segments_broken: int = 0
    segment_changes: tuple[PublishedSegment, ...] = ()
    held: tuple[PublicationRow, ...] = ()
    catalogue: int | None = None


def publish(house: House, *, named: Set[str] | None = None, by: str | None = None) -> Publication:
    """Read the files and make what can be used of them the published; a broken flow or segment harms only itself.

    Parameters:
        named: the flows to publish, even what was taken back by `phin rollback`; None: all, but for that.
        by: who publishes; by default whoever runs this.
    """
    segments = house.read_segments()
    segment_changes: list[PublishedSegment] = []
    if segments.readable:
        limits, now = house.settings.rfm.limits, house.clock.now()
        segment_changes = publish_segments(house.database, segments.segments, set(segments.broken), limits, now)
    library = read_flows(house, published_names(house.database))
    sources = {name: Source(file.flow, file.text) for name, file in library.flows.items()}
    broken = frozenset(library.broken)
    done = publishing.publish(house.database, sources, broken, house.clock.now(), by=by or whoever(), named=named)
    statuses = [file.flow.status for file in library.flows.values()]
    return Publication(
        statuses.count(FlowStatus.LIVE),
        statuses.count(FlowStatus.DRAFT),
        statuses.count(FlowStatus.PAUSED),
        len(library.broken),
        done.changes,
        (*segments.problems, *library.problems),
        len(segments.segments),
        len(segments.broken) + (not segments.readable),
        tuple(segment_changes),
        done.held,
        done.catalogue,
    )


def whoever() -> str:
    """Return who runs this, and on which machine: `thu@office`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user of the system without a name, as containers have
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


def errors_before(house: House, named: Set[str] | None = None) -> list[Problem]:
    """Return the errors for which nothing should be published: of flows, what they name, and the mails that they send.

    Parameters:
        named: the flows in question; None: all.
    """
    library = read_flows(house)
    found = [problem for problems in house.beside_flows.values() for problem in problems()]
    sent: set[str] | None = None
    if named is None:
        found += library.problems
    else:
        found += [one for one in library.problems if PurePath(one.place.file).stem in named]
        flows = [library.flows[name].flow for name in named if name in library.flows]
        sent = {step.template for flow in flows for step in walk(flow.steps) if isinstance(step, Send)}
    found += [one for one in template_problems(house) if sent is None or _template(house, one) in sent]
    return [one for one in found if one.severity is Severity.ERROR]


def _template(house: House, problem: Problem) -> str:
    """Return the name of the template that a problem is of: `staff/task` for `templates/staff/task.vi.html`."""
    folder = PurePath(near(house.settings.templates))
    path = PurePath(problem.place.file)
    within = path.relative_to(folder) if path.is_relative_to(folder) else path
    return str(within.with_name(within.name.split(".")[0]))


class FlowFolder(Protocol):
    """What reading the flows needs of the house."""

    @property
    def settings(self) -> Settings:
        """The shop's settings."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What conditions may name."""

    @property
    def templates(self) -> TemplateLibrary:
        """The templates."""


def read_flows(
    house: FlowFolder, segments: frozenset[str] | None = None, *, templates: Templates | None = None
) -> Library:
    """Return the flows of the files as they are now, with their problems.

    Parameters:
        segments: those that they may name; by default those of the file, faulty ones too.
        templates: those that there are, with what they need; by default all are read to find out.
    """
    needs = house.templates.needs() if templates is None else templates
    vocabulary = house.vocabulary if segments is None else replace(house.vocabulary, segments=segments)
    return read_library(house.settings.flows, vocabulary, needs, shown=near(house.settings.flows))


def summary(publication: Publication) -> str:
    """Return how many flows are live, draft, paused, broken: `11 live · 1 draft · 0 broken`."""
    paused = f" · {publication.paused} paused" if publication.paused else ""
    segments = counted(publication.segments_broken, "segment")
    beside = f" · {segments} broken" if publication.segments_broken else ""
    return f"{publication.live} live · {publication.draft} draft{paused} · {publication.broken} broken{beside}"


def tell(publication: Publication) -> None:
    """Log what was published, many new ones in one line, and what is wrong with the files that were not."""
    segments, flows = publication.segment_changes, publication.changes
    fresh = [sum(one.change == NEW for one in changes) for changes in (flows, segments)]
    if folded := sum(fresh) > MOST_NEW:
        parts = [counted(number, what) for number, what in zip(fresh, ("flow", "segment"), strict=True) if number]
        _log.info(f"published {', '.join(parts)}")
    for segment in segments:
        if not (folded and segment.change == NEW):
            _log.info("published", segment=segment.segment, change=segment.change)
    for change in flows:
        if not (folded and change.change == NEW):
            _log.info("published", flow=change.flow, version=change.number, change=change.change)
    for held in publication.held:
        _log.warning(
            "not published: it was taken back, and the file says the same",
            flow=held.flow,
            version=held.number,
            taken_back_by=held.taken_back_by,
            remedy=f"phin publish {held.flow}",
        )
    tell_errors(publication.problems)


def template_problems(house: House) -> list[Problem]:
    """Return what is wrong with the templates, with their files as seen from here."""
    shown = near(house.settings.templates)
    return [replace(one, place=replace(one.place, file=f"{shown}/{one.place.file}")) for one in house.templates.check()]


def tell_errors(problems: Iterable[Problem]) -> None:
    """Log the errors of each file together, each with its line; warnings are for `phin check`."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity is Severity.ERROR:
            by_file.setdefault(problem.place.file, []).append(problem)
    for errors in by_file.values():
        _log.error("\n".join(["a file cannot be used; what ran before goes on", *map(as_text, errors)]))
