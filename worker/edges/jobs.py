"""What travels in the queue: a job, which is a kind of work and the ids of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum

from worker.domain.work import Work

LARGEST = 100  # ids in one job: enough that the queue's own cost a row is nothing, few enough to be done in a second


class Job(StrEnum):
    """The kinds of work, by the names of their actors; the most urgent comes first."""

    PROCESS_EVENTS = "process_events"
    PROCESS_HITS = "process_hits"
    STEP_JOURNEYS = "step_journeys"
    SEND_MESSAGES = "send_messages"
    SEND_WEBHOOKS = "send_webhooks"


Runners = Mapping[Job, Callable[[Sequence[int]], Work]]
"""For each kind of work the function that does it; it returns, after its commit, the work that follows."""


def ids_of(work: Work) -> dict[Job, tuple[int, ...]]:
    """Return the ids of each kind, the most urgent first."""
    return {
        Job.PROCESS_EVENTS: work.events,
        Job.PROCESS_HITS: work.hits,
        Job.STEP_JOURNEYS: work.journeys,
        Job.SEND_MESSAGES: work.messages,
        Job.SEND_WEBHOOKS: work.webhooks,
    }


def jobs_of(work: Work) -> Iterator[tuple[Job, tuple[int, ...]]]:
    """Cut the work into jobs, the most urgent first."""
    for job, ids in ids_of(work).items():
        for start in range(0, len(ids), LARGEST):
            yield job, ids[start : start + LARGEST]
