"""Which steps of a flow its tests reached, and which ways of its forks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from worker.domain.flows import Flow
from worker.domain.steps import Choose, If, Split, Step, walk
from worker.storage.tables import journey, trace

_LINES = (
    select(journey.c.flow, trace.c.step, trace.c.kind, trace.c.detail)
    .select_from(trace)
    .join(journey, journey.c.id == trace.c.journey_id)
    .where(trace.c.step.is_not(None))
)

Reached = frozenset[tuple[str, str | None]]
"""Names of steps, each alone (None) and with each way that was taken there."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A step that no test reached, or a way that none took; `line` is where its step stands in the file."""

    step: str
    way: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of one flow its tests reached.

    Parameters:
        places: its steps and the ways of its forks, counted; `reached`: those of them that a test came to.
    """

    flow: str
    tests: int
    places: int
    reached: int
    gaps: tuple[Gap, ...]

    @property
    def share(self) -> float:
        """From 0 to 1; a flow without steps has nothing to reach."""
        return self.reached / self.places if self.places else 1.0


def reached(connection: Connection, flow: str) -> Reached:
    """Return what the journeys of a flow reached, by their traces."""
    found: set[tuple[str, str | None]] = set()
    for row in connection.execute(_LINES):
        if row.flow == flow:
            found.add((row.step, None))
            if row.kind == "fork":
                found.add((row.step, row.detail["way"]))
    return frozenset(found)


def coverage(flow: Flow, tests: int, taken: Iterable[tuple[str, str | None]]) -> Coverage:
    """Hold what tests reached against a flow's steps and ways."""
    known = frozenset(taken)
    places = [(step, way) for step in walk(flow.steps) for way in (None, *_ways(step))]
    left_out = [(step, way) for step, way in places if (step.name, way) not in known]
    # of a fork that was not reached at all, its ways are no news
    told = [Gap(step.name, way, step.line) for step, way in left_out if way is None or (step.name, None) in known]
    return Coverage(flow.name, tests, len(places), len(places) - len(left_out), tuple(told))


def _ways(step: Step) -> Iterator[str]:
    match step:
        case If():
            yield from ("then", "else")
        case Choose():
            yield from (f"case {number}" for number, _ in enumerate(step.cases, start=1))
            yield "else"
        case Split():
            yield from (branch.name for branch in step.branches)
