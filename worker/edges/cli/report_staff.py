"""The part of `phin report` that tells of the staff's work: tasks, support requests, mails to staff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.edges.moments import counted
from worker.storage import ledger, requests, task_figures
from worker.storage.requests import RequestFigures
from worker.storage.task_figures import TaskFigures


@dataclass(frozen=True, slots=True)
class StaffFigures:
    """What staff have to do and have done.

    Parameters:
        mails: messages to staff by state; they are not among the customers'.
        solve_within: hours in which a support request should be solved.
    """

    tasks: TaskFigures
    requests: RequestFigures
    mails: dict[str, int]
    solve_within: int

    @classmethod
    def read(cls, connection: Connection, now: datetime, since: datetime | None, solve_within: int) -> StaffFigures:
        """Count."""
        return cls(
            task_figures.task_figures(connection, now, since),
            requests.figures(connection, now, since),
            {state.value: count for state, count in ledger.counts(connection, staff=True).items()},
            solve_within,
        )

    def as_json(self) -> dict[str, object]:
        """Return the figures for programs."""
        within = {"solve_within_hours": self.solve_within}
        return {
            "tasks": asdict(self.tasks),
            "support_requests": asdict(self.requests) | within,
            "messages_to_staff": self.mails,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield what to print: the name of a line, and what it tells; nothing where there is nothing to tell of."""
        tasks, asked = self.tasks, self.requests
        if tasks.given:
            speed = f" · median {_hours(tasks.median_hours)}" if tasks.median_hours is not None else ""
            closed = f"{tasks.done:,} done ({tasks.by_itself:,} by itself) · {tasks.cancelled:,} cancelled"
            yield "tasks", f"{tasks.open:,} open, {tasks.late:,} of them late · {closed}{speed}"
            for person, doing in tasks.by.items():
                yield "", f"{person}: {doing.done:,} done · median {_hours(doing.median_hours)}"
        if asked.opened:
            solved = f"{asked.solved:,} solved, {asked.in_time:,} within {self.solve_within} h"
            yield (
                "support",
                f"{counted(asked.opened, 'request')} · {asked.open:,} open, {asked.late:,} of them late · {solved}",
            )
        if self.mails:
            yield "to staff", " · ".join(f"{count:,} {state}" for state, count in sorted(self.mails.items()))


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours < 100 else f"{hours:,.0f} h"
