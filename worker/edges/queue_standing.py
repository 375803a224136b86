"""What waits in the queue: how many jobs, and for how long the first of them; four small commands in one trip."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis

from worker.edges.doorbell import NAMESPACE


@dataclass(frozen=True, slots=True)
class Waiting:
    """One queue.

    Parameters:
        jobs: that wait and were not fetched.
        oldest: seconds since the first of them was enqueued; 0 where none waits.
    """

    jobs: int
    oldest: float


def standing(client: redis.Redis, queues: Sequence[str]) -> Mapping[str, Waiting]:
    """Ask the server what waits.

    Raises:
        redis.RedisError: it cannot be reached.
    """
    with client.pipeline(transaction=False) as pipeline:
        for name in queues:
            pipeline.llen(f"{NAMESPACE}:{name}")
            pipeline.lindex(f"{NAMESPACE}:{name}", 0)
        answers = pipeline.execute()
    found = {}
    for place, name in enumerate(queues):
        jobs, first = answers[2 * place], answers[2 * place + 1]
        text = None if first is None else client.hget(f"{NAMESPACE}:{name}.msgs", first)
        found[name] = Waiting(int(jobs), _age(text))
    return found


def _age(text: object) -> float:
    """Return the seconds since a job was enqueued; 0 where it is gone meanwhile, or is none of ours."""
    try:
        enqueued = float(json.loads(text)["message_timestamp"]) / 1000  # type: ignore[arg-type]  # None raises TypeError
    except (TypeError, ValueError, KeyError):
        return 0.0
    return max(0.0, time.time() - enqueued)
