"""A worker process for the tests of the queue: it notes each job in a file, and never finishes what it may not."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from worker.domain.work import Work
from worker.edges.consuming import Workers
from worker.edges.jobs import Job
from worker.edges.queue import open_queue

NEVER_ENDS = 666  # a job with this id is begun and not finished
FOLLOWED = 700  # events from here on are followed by a journey of the same number


def main(url: str, notes: Path, finishes_all: bool) -> None:
    """Consume until SIGTERM; a note is a line `pid job ids`."""
    stopped = threading.Event()

    def noting(job: Job) -> Callable[[Sequence[int]], Work]:
        def run(ids: Sequence[int]) -> Work:
            with notes.open("a") as file:
                file.write(f"{os.getpid()} {job} {','.join(map(str, ids))}\n")
            if NEVER_ENDS in ids and not finishes_all:
                threading.Event().wait()
            if job is Job.PROCESS_EVENTS:
                return Work(journeys=tuple(i for i in ids if i >= FOLLOWED))
            return Work()

        return run

    workers = Workers(url, {job: noting(job) for job in Job}, open_queue(url), threads=2)
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    workers.start()
    with notes.open("a") as file:
        file.write(f"{os.getpid()} ready -1\n")
    stopped.wait()
    workers.stop(5)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), finishes_all=sys.argv[3] == "all")
