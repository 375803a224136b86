"""The workers of one process: threads that take jobs from the queue, do them, and enqueue what follows.

Threads for what is prompt and threads for what comes by the hundred are kept apart, so that a purchase does not
stand in line behind a campaign. The few mails that follow from what is prompt are sent by the thread that they come
from, while the relay is quick: by a slow one, events would wait for mails.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import dramatiq
import structlog
from dramatiq.worker import Worker

from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.edges.doorbell import DoorbellBroker
from worker.edges.jobs import Job, Runners
from worker.edges.queue import BULK, BULK_FROM, PROMPT, QUEUES, Queue

COLLECT_AFTER = 20_000  # new objects; a batch of mails makes so many, and hardly a circle among them
IDLE_LOOK = 1_000  # milliseconds after which an idle thread looks whether it should stop

_log = structlog.get_logger(__name__)


class Workers:
    """Consumes both queues in this process until it is stopped.

    Parameters:
        url: the queue's server.
        runners: what does each kind of work.
        queue: where what follows is enqueued.
        threads: threads in all, at least two.
        quick: says whether mails are handed over quickly now.
    """

    def __init__(
        self, url: str, runners: Runners, queue: Queue, threads: int, quick: Callable[[], bool] = lambda: False
    ) -> None:
        self._broker = DoorbellBroker(url, one_by_one=[PROMPT])
        for name in QUEUES:
            self._broker.declare_queue(name)
        for priority, job in enumerate(Job):
            dramatiq.Actor(
                _actor(job, runners[job], partial(_follow, runners, queue, quick)),
                actor_name=job.value,
                queue_name=PROMPT,
                priority=priority,
                broker=self._broker,
                options={},
            )
        prompt = max(1, threads // 2)
        self._workers = [
            self._consumer(PROMPT, prompt),
            self._consumer(BULK, max(1, threads - prompt)),
        ]

    def start(self) -> None:
        """Begin to consume."""
        gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
        for worker in self._workers:
            worker.start()

    def stop(self, seconds: float) -> None:
        """Take no more, finish what is in hand, give back what was not begun."""
        stopping = [
            threading.Thread(target=worker.stop, args=(int(seconds * 1000),), daemon=True) for worker in self._workers
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(seconds)
        self._broker.close()

    def _consumer(self, queue_name: str, threads: int) -> Worker:
        worker = Worker(self._broker, queues={queue_name}, worker_timeout=IDLE_LOOK, worker_threads=threads)
        worker.queue_prefetch = threads  # nothing is fetched while all are busy: others could do it at once
        return worker


def _follow(runners: Runners, queue: Queue, quick: Callable[[], bool], following: Work, parts: int) -> None:
    """Do what follows at once, where it is a few mails that go quickly; ask the workers to do the rest.

    Parameters:
        parts: how many pieces of work it comes from.
    """
    mails = following.messages
    if mails and len(mails) < BULK_FROM * parts and quick():
        queue.enqueue(replace(following, messages=()), parts)
        try:
            following = runners[Job.SEND_MESSAGES](mails)
        except UnavailableError as error:
            _log.warning("mails are left to the sweep", rows=len(mails), why=str(error))
            return
        except Exception:
            _log.exception("mails are not sent at once, they are looked at again", rows=len(mails))
            following = Work(messages=mails)
    queue.enqueue(following, parts)


def _actor(job: Job, run: Callable[[Sequence[int]], Work], follow: Callable[[Work, int], None]) -> Callable[..., None]:
    def act(*parts: list[int]) -> None:
        """Do together what several messages ask for; each part is the ids of one message."""
        ids = list(dict.fromkeys(number for part in parts for number in part))
        try:
            following = run(ids)
        except UnavailableError as error:
            _log.warning("a job is left to the sweep", job=job.value, rows=len(ids), why=str(error))
        except Exception:
            if len(parts) == 1:
                raise
            _log.warning("jobs are done one by one, for one of them fails", job=job.value, jobs=len(parts))
            for part in parts:
                _apart(job, part, act)
        else:
            follow(following, len(parts))

    return act


def _apart(job: Job, part: list[int], act: Callable[[list[int]], None]) -> None:
    try:
        act(part)
    except Exception:
        _log.exception("a job failed, its rows are looked at again", job=job.value, rows=len(part))
