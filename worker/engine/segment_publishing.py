"""Publishing segments: what the file says becomes what every process reads, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from worker.domain.rfm import RfmLimits
from worker.domain.segments import Segment, meaning, named
from worker.storage import flows, membership, segments
from worker.storage.database import Database


@dataclass(frozen=True, slots=True)
class PublishedSegment:
    """A segment that is read otherwise than before; `change` is `new`, `changed`, or why it is not there."""

    segment: str
    change: str


def publish_segments(
    database: Database, found: Mapping[str, Segment], broken: Set[str], limits: RfmLimits, now: datetime
) -> list[PublishedSegment]:
    """Make the file's segments the published ones; returns what changed, nothing where nothing did.

    Parameters:
        found: those that can be used, in the order of the file.
        broken: names of those with errors: they keep their last good version, and so does what names one of them that
            has none.
        limits: of RFM; a segment that goes by them means something else with others.
    """
    changed: list[PublishedSegment] = []
    with database.writing() as connection:
        membership.hold(connection)
        known = {row.name: row for row in segments.all_segments(connection)}
        standing = {
            name: Segment(name, row.when, row.title, row.about)
            for name, row in known.items()
            if name in broken and not row.gone and row.when is not None
        }
        usable = _with_all_they_name(found, standing.keys())
        conditions = {name: row.when for name, row in known.items() if row.when is not None}
        conditions |= {name: one.when for name, one in usable.items()}
        places = {name: place for place, name in enumerate(found)}
        for name, one in (usable | standing).items():  # what a broken one names may have changed
            before = known.get(name)
            position = places[name] if name in places or before is None else before.position
            if segments.put(connection, one, meaning(name, conditions, limits), position, before, now):
                changed.append(PublishedSegment(name, "new" if before is None or before.gone else "changed"))
        for name, row in known.items():
            if not row.gone and name not in found and name not in broken:
                segments.leave(connection, name, now)
                changed.append(PublishedSegment(name, "gone from the file"))
        if changed:
            flows.changed(connection, now)
    return changed


def published_names(database: Database) -> frozenset[str]:
    """Return the segments that a flow may name: those of the file that were published, now or before."""
    with database.reading() as connection:
        return frozenset(row.name for row in segments.all_segments(connection) if not row.gone)


def _with_all_they_name(found: Mapping[str, Segment], standing: Collection[str]) -> dict[str, Segment]:
    """Return the segments of which everything that they name is there, in the file or as it was published before."""
    usable = dict(found)
    while True:
        there = {*usable, *standing}
        lacking = [name for name, one in usable.items() if any(n not in there for n, _ in named(one.when.tree))]
        if not lacking:
            return usable
        for name in lacking:
            del usable[name]
