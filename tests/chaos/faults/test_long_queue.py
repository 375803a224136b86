"""A queue of very many jobs that nobody needs any more: what is new is done at once, and no memory fills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import redis

from tests.chaos.faults.plant import LONG, ORDER, make_home, messages, purchase, report
from tests.chaos.house import RunningHouse
from tests.chaos.oracle import judge
from tests.chaos.sink import Sink
from tests.support.processes import descendants, wait_until
from tests.support.redis_server import RedisServer
from worker.edges.doorbell import NAMESPACE
from worker.edges.jobs import Job
from worker.edges.queue import BULK, MOST, PROMPT
from worker.storage.database import Database

JOBS = 1_000_000 if LONG else MOST * 3 // 2  # by half in each queue
AT_ONCE = 20_000
ORDERS = 10
ROOM = 150_000_000  # bytes that a worker may grow by


def test_a_million_jobs_hold_nothing_up(sqlite_database: Database, tmp_path: Path, redis_server: RedisServer) -> None:
    """Given a queue full of jobs whose rows are done, never were, or cannot be read, when orders come in, then their
    mails go out while it is emptied, each once, and no process grows."""
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    with (
        Sink(tmp_path / "sink") as sink,
        RunningHouse(
            make_home(tmp_path), database_url=url, smtp_url=sink.url, redis_url=redis_server.url, threads=2
        ) as house,
    ):
        house.release()
        house.start("web", "clock", "worker 1")
        assert report(house, map(purchase, range(ORDERS))).status_code == 202
        wait_until(lambda: messages(sqlite_database)[ORDER, "sent"] == ORDERS, "the first mails go out", 120)
        before = _memory()
        with redis.Redis.from_url(redis_server.url) as client:
            for name in (PROMPT, BULK):
                _fill(client, name, JOBS // 2)
            assert report(house, map(purchase, range(ORDERS, 2 * ORDERS))).status_code == 202
            wait_until(lambda: messages(sqlite_database)[ORDER, "sent"] == 2 * ORDERS, "the next go out", 120)
            wait_until(lambda: _waiting(client) == 0, "the queue is empty", 300)
        assert _memory() - before < ROOM
        assert "the queue is emptied" in house.said(100_000)
        assert house.starts() == {"web": 1, "clock": 1, "worker 1": 1}, house.said()
        sums = judge(
            sqlite_database,
            sink.log,
            answered={f"p{number}" for number in range(2 * ORDERS)},
            bound=house.bound,
            now=house.clock.now(),
            expected={ORDER: 2 * ORDERS},
            resting=False,
        )
        sums.assert_right()


def _fill(client: redis.Redis, name: str, count: int) -> None:
    """Put jobs in by hand: one of a row that is done, one of none, one twice, one that cannot be read, one no more."""
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        texts: Any = {f"job-{number}": _text(name, number) for number in numbers if number % 5 != 4}
        with client.pipeline(transaction=False) as pipeline:
            pipeline.hset(f"{NAMESPACE}:{name}.msgs", mapping=texts)
            pipeline.rpush(f"{NAMESPACE}:{name}", *(f"job-{number}" for number in numbers))
            pipeline.execute()


def _text(name: str, number: int) -> str:
    if number % 5 == 3:
        return "not a job"
    row = number % ORDERS + 1 if number % 5 else number + 10**9
    job = (Job.PROCESS_EVENTS, Job.SEND_MESSAGES)[number % 2].value
    return (
        f'{{"queue_name": "{name}", "actor_name": "{job}", "args": [[{row}]], "kwargs": {{}}, '
        f'"options": {{"redis_message_id": "job-{number}"}}, "message_id": "job-{number}", "message_timestamp": 0}}'
    )


def _waiting(client: redis.Redis) -> int:
    return sum(int(client.llen(f"{NAMESPACE}:{name}")) for name in (PROMPT, BULK))


def _memory() -> int:
    """Return how much memory the house's processes have of their own."""
    found = [process for process in descendants(psutil.Process().pid) if "worker.edges.cli" in process.cmdline()]
    return sum(process.memory_info().rss for process in found)
