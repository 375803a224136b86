"""The sweep: what is due, unsent or left behind is asked for again, or done here where nobody can be asked.

It alone reaches full correctness: the queue may lose everything, or be gone for good, and all work is still done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import structlog

from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.edges.jobs import Job, Runners, ids_of, jobs_of
from worker.edges.queue import MOST, Queue

LOOK_AT = 2_000  # rows of each kind in one turn
MAILS = 800  # messages of them: whoever is given a whole job of these goes on with what else is due by itself
ASKED_FOR = 10.0  # seconds after which the same row is asked for again
ENOUGH = 1_000  # jobs waiting in the queue beyond which nothing is added: its workers are behind
STINT = 5.0  # seconds of work done here before the tables are looked at again, so that nothing urgent waits

_log = structlog.get_logger(__name__)


class Sweep:
    """Looks at the tables, once a turn.

    Parameters:
        due: returns what could be done now, at most so many rows of each kind.
        runners: what does each kind of work.
        beat: called between two pieces of work, as a sign of life.
        stopping: says whether to leave off.
    """

    def __init__(
        self,
        due: Callable[[int], Work],
        runners: Runners,
        queue: Queue,
        *,
        beat: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._due = due
        self._runners = runners
        self._queue = queue
        self._beat = beat
        self._stopping = stopping
        self._asked: dict[tuple[Job, int], float] = {}

    def turn(self) -> None:
        """Find what is due, and have it done."""
        self._beat()
        work = self._not_asked_for(self._due(LOOK_AT))
        if not work:
            return
        waiting = self._queue.waiting()
        if waiting is not None and waiting > MOST:
            # so many hints would keep what is new waiting for minutes, and most of them are of rows long done
            _log.warning("the queue is emptied, what is due is asked for afresh", jobs=waiting)
            self._queue.drop_waiting()
            self._asked.clear()
            waiting = self._queue.waiting()
        if waiting is not None and waiting > ENOUGH:
            return
        if waiting is not None and self._queue.enqueue(work):
            self._remember(work)
        else:
            self.do_here(work)

    def do_here(self, work: Work) -> None:
        """Do the work in this thread, and what follows from it, for one stint."""
        # journeys are looked for by more: here they would keep all mails waiting, stint after stint
        jobs = deque(jobs_of(replace(work, journeys=work.journeys[:LOOK_AT])))
        until = time.monotonic() + STINT
        while jobs and not self._stopping() and time.monotonic() < until:
            job, ids = jobs.popleft()
            try:
                following = self._runners[job](ids)
            except UnavailableError as error:
                _log.warning("a job has to wait", job=job.value, rows=len(ids), why=str(error))
                return
            except Exception:
                _log.exception("a job failed, its rows are looked at again", job=job.value, rows=len(ids))
                continue
            jobs.extend(jobs_of(following))
            self._beat()

    def _not_asked_for(self, work: Work) -> Work:
        now = time.monotonic()
        self._asked = {key: at for key, at in self._asked.items() if now - at < ASKED_FOR}
        left = {job: tuple(i for i in ids if (job, i) not in self._asked) for job, ids in ids_of(work).items()}
        return Work(
            events=left[Job.PROCESS_EVENTS],
            journeys=left[Job.STEP_JOURNEYS],
            messages=left[Job.SEND_MESSAGES][:MAILS],
            hits=left[Job.PROCESS_HITS],
            webhooks=left[Job.SEND_WEBHOOKS],
        )

    def _remember(self, work: Work) -> None:
        now = time.monotonic()
        for job, ids in ids_of(work).items():
            self._asked.update({(job, i): now for i in ids})
