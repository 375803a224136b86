"""Tasks counted: open, late, done; by whom, and how fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Connection, func, select

from worker.domain.tasks import TaskState
from worker.storage.tables import task
from worker.storage.tasks import OPEN

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Doing:
    """How many tasks somebody has done, and the median of the hours from a task's coming to its being done."""

    done: int
    median_hours: float


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """Tasks counted.

    Parameters:
        given: all that were given out in the time that is looked at; the others are some of them.
        late: open, and past the time when they were due.
        by_itself: of those done, the ones that Phin closed because nothing was left to do.
        median_hours: of all that staff have done; None where they have done none.
        by: by the key of the person who did them.
    """

    given: int = 0
    open: int = 0
    late: int = 0
    done: int = 0
    by_itself: int = 0
    cancelled: int = 0
    median_hours: float | None = None
    by: dict[str, Doing] = field(default_factory=dict)


def task_figures(connection: Connection, now: datetime, since: datetime | None = None) -> TaskFigures:
    """Count the tasks.

    Parameters:
        since: only those that were given out from then on; None: all.
    """
    counted = task.c.created_at >= since if since is not None else task.c.id.is_not(None)
    states = {
        TaskState(state): int(count)
        for state, count in connection.execute(select(task.c.state, func.count()).where(counted).group_by(task.c.state))
    }
    late = connection.execute(select(func.count()).where(counted, OPEN, task.c.due_at < now)).scalar_one()
    spans: dict[str, list[float]] = {}
    by_itself = 0
    done = select(task.c.closed_by, task.c.outcome, task.c.created_at, task.c.closed_at).where(
        counted, task.c.state == TaskState.DONE.value
    )
    for row in connection.execute(done):
        if row.outcome == "by itself":
            by_itself += 1
        else:
            spans.setdefault(row.closed_by, []).append((row.closed_at - row.created_at) / _HOUR)
    every = [hours for one in spans.values() for hours in one]
    return TaskFigures(
        given=sum(states.values()),
        open=states.get(TaskState.OPEN, 0) + states.get(TaskState.IN_PROGRESS, 0),
        late=int(late),
        done=states.get(TaskState.DONE, 0),
        by_itself=by_itself,
        cancelled=states.get(TaskState.CANCELLED, 0),
        median_hours=median(every) if every else None,
        by={person: Doing(len(hours), median(hours)) for person, hours in sorted(spans.items())},
    )
