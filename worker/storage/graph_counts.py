"""What a flow's graph counts: who is at each step now, who came to it, which way they took, what became of its mails.

Journeys and mails are those of a span of time, except who is there now and the tasks that are open. It is asked for by
a person, now and then: it reads the traces of all journeys that were entered in that time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from worker.domain.journeys import TraceKind
from worker.storage import standing
from worker.storage.revenue import Revenue, by_step
from worker.storage.standing import StepCounts
from worker.storage.tables import goal, journey, task, trace
from worker.storage.tasks import OPEN


@dataclass(frozen=True, slots=True)
class GraphCounts:
    """The counts of one flow, of all its versions, by the names of steps.

    Parameters:
        steps: who is there now, mails sent, opened, clicked.
        reached: journeys that came to a step.
        took: journeys that took a way, by fork and way.
        open_tasks: tasks of a step that are open.
        states: journeys by what became of them: `waiting`, `done`, `exited`, `control`, `failed`.
        goals: goals that were reached.
        revenue: purchases credited to a step's mails, of orders placed in that time.
    """

    steps: Mapping[str, StepCounts] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    took: Mapping[tuple[str, str], int] = field(default_factory=dict)
    open_tasks: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    goals: int = 0
    revenue: Mapping[str, Revenue] = field(default_factory=dict)

    @property
    def entered(self) -> int:
        """Journeys that were entered, those set aside not among them."""
        return sum(count for state, count in self.states.items() if state != "control")


def graph_counts(connection: Connection, flow: str, since: datetime) -> GraphCounts:
    """Return the counts of a flow; all are empty where it never ran."""
    mine = (journey.c.flow == flow, journey.c.entered_at >= since)
    states = select(journey.c.state, func.count()).where(*mine).group_by(journey.c.state)
    traced = trace.join(journey, journey.c.id == trace.c.journey_id)
    came = (
        select(trace.c.step, func.count(trace.c.journey_id.distinct()))
        .select_from(traced)
        .where(*mine, trace.c.step.is_not(None))
        .group_by(trace.c.step)
    )
    way = trace.c.detail["way"].as_string().label("way")
    forks = (
        select(trace.c.step, way, func.count(trace.c.journey_id.distinct()))
        .select_from(traced)
        .where(*mine, trace.c.kind == TraceKind.FORK.value)
        .group_by(trace.c.step, way)
    )
    tasks = select(task.c.step, func.count()).where(task.c.flow == flow, OPEN).group_by(task.c.step)
    goals = select(func.count()).select_from(goal).where(goal.c.flow == flow, goal.c.at >= since)
    return GraphCounts(
        standing.step_counts(connection, flow, since),
        _counted(connection, came),
        {(step, name): count for step, name, count in connection.execute(forks) if step is not None},
        _counted(connection, tasks),
        _counted(connection, states),
        int(connection.execute(goals).scalar_one()),
        by_step(connection, flow, since),
    )


def _counted(connection: Connection, counted: Select[Any]) -> dict[str, int]:
    return {name: count for name, count in connection.execute(counted) if name is not None}
