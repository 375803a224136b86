"""The queue as those see it who have work for others: a hint that may get lost, and never an error.

Everything that a job names is a committed row. When Redis is away, the hint is dropped at once and the sweep of
the clock finds the row; so nobody who enqueues has to wait, to catch or to try again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import timedelta

import redis
import structlog
from dramatiq import Message

from worker.domain.work import Work
from worker.edges.doorbell import DoorbellBroker
from worker.edges.jobs import Job, jobs_of
from worker.edges.queue_standing import Waiting, standing

PROMPT = "prompt"  # what follows from a single event, order, click
BULK = "bulk"  # what comes by the hundred: campaigns, seasons, what the sweep finds after a rest
BULK_FROM = 20  # ids of one kind
QUEUES = (PROMPT, BULK)
PATIENCE = 0.5  # seconds that a hint may take
MOST = 100_000  # jobs that may wait in a queue: beyond it a hint is dropped, or the server's memory would have no end
HINTED = timedelta(seconds=1)
FULL_FOR = 1.0  # seconds after which it is looked whether a full queue has room
PAUSES = (1.0, 2.0, 5.0)  # seconds without another try, after the first, second, any later failure in a row

_log = structlog.get_logger(__name__)


class Queue:
    """Hands ids to the workers.

    Parameters:
        broker: where to; None where there is no server at all.
    """

    def __init__(self, broker: DoorbellBroker | None) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._failures = 0
        self._not_before = 0.0
        self._full_until: dict[str, float] = {}

    def enqueue(self, work: Work, parts: int = 1) -> bool:
        """Ask the workers to look at these rows soon; False where they cannot be asked now. Never raises.

        Parameters:
            parts: how many pieces of work were put together in this; it is a bulk only where a piece would be.
        """
        broker = self._broker
        if not work:
            return True
        if broker is None or not self._may_try():
            return False
        try:
            for job, ids in jobs_of(work):
                name = BULK if len(ids) >= BULK_FROM * parts else PROMPT
                if time.monotonic() < self._full_until.get(name, 0.0):
                    return False
                broker.enqueue(_message(job, ids, name))
                if broker.lengths.get(name, 0) >= MOST:
                    self._full(name)
        except (redis.RedisError, OSError) as error:
            self._failed(error)
            return False
        self._succeeded()
        return True

    def reachable(self) -> bool:
        """Say whether the server answers now."""
        if self._broker is None or not self._may_try():
            return False
        try:
            self._broker.client.ping()
        except (redis.RedisError, OSError) as error:
            self._failed(error)
            return False
        self._succeeded()
        return True

    @property
    def hinted(self) -> timedelta:
        """The age up to which workers are at what they were told of; none where there is no server that tells them."""
        return HINTED if self._broker is not None and not self._failures else timedelta(0)

    def waiting(self) -> int | None:
        """Return how many jobs wait for a worker, or None where the server does not answer."""
        if self._broker is None or not self._may_try():
            return None
        try:
            return sum(self._broker.length(name) for name in QUEUES)
        except (redis.RedisError, OSError) as error:
            self._failed(error)
            return None

    def standing(self) -> Mapping[str, Waiting] | None:
        """Return what waits in each queue and for how long, or None where the server does not answer."""
        if self._broker is None or not self._may_try():
            return None
        try:
            return standing(self._broker.client, QUEUES)
        except (redis.RedisError, OSError) as error:
            self._failed(error)
            return None

    def drop_waiting(self) -> None:
        """Forget all jobs that wait: the rows that they name are asked for afresh by whoever calls this."""
        if self._broker is None:
            return
        try:
            self._broker.clear()
        except (redis.RedisError, OSError) as error:
            self._failed(error)
        else:
            self._full_until.clear()

    def close(self) -> None:
        """Close the connections."""
        if self._broker is not None:
            self._broker.close()

    def _may_try(self) -> bool:
        return time.monotonic() >= self._not_before

    def _full(self, name: str) -> None:
        if name not in self._full_until:
            _log.warning("the queue is full, the sweep asks later for what is left out", queue=name, jobs=MOST)
        self._full_until[name] = time.monotonic() + FULL_FOR

    def _failed(self, error: Exception) -> None:
        with self._lock:
            if not self._failures:
                _log.warning("the queue is out of reach, the sweep does its work", why=str(error))
            pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
            self._failures += 1
            self._not_before = time.monotonic() + pause

    def _succeeded(self) -> None:
        if self._failures:
            with self._lock:
                self._failures = 0
            _log.info("the queue is back")


def open_queue(url: str | None) -> Queue:
    """Return the queue at this URL, with hints that give up quickly.

    Raises:
        SettingError: the URL cannot be read.
    """
    return Queue(DoorbellBroker(url, timeout=PATIENCE) if url else None)


def _message(job: Job, ids: tuple[int, ...], queue_name: str) -> Message[None]:
    return Message(
        queue_name=queue_name,
        actor_name=job.value,
        args=(list(ids),),
        kwargs={},
        options={},
    )
