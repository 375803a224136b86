"""The queue is an accelerator: it is quick while its server lives, and never an error when it does not."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import dramatiq
import pytest

from tests.edges.queue_worker import FOLLOWED, NEVER_ENDS
from tests.support.processes import running, wait_until
from tests.support.redis_server import RedisServer
from worker.domain.errors import SettingError, UnavailableError
from worker.domain.work import Work
from worker.edges import doorbell
from worker.edges.consuming import Workers
from worker.edges.doorbell import SLOW, TOGETHER, DoorbellBroker
from worker.edges.jobs import LARGEST, Job, jobs_of
from worker.edges.queue import BULK, BULK_FROM, PROMPT, Queue, open_queue


class Notes:
    """What the workers of a test did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def done(self, job: str) -> list[int]:
        return [number for _, name, numbers in self._lines() if name == job for number in numbers]

    def workers(self) -> set[int]:
        return {pid for pid, name, _ in self._lines() if name == "ready"}

    def _lines(self) -> list[tuple[int, str, list[int]]]:
        if not self.path.exists():
            return []
        parts = [line.split() for line in self.path.read_text().splitlines()]
        return [(int(pid), name, [int(number) for number in numbers.split(",")]) for pid, name, numbers in parts]


class Told:
    """A logger that keeps what is said."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def warning(self, line: str, **_more: object) -> None:
        self._lines.append(line)

    info = warning


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


def worker(url: str, notes: Notes, *, finishes: str = "all") -> list[str]:
    return ["tests.edges.queue_worker", url, str(notes.path), finishes]


def runners(seen: list[tuple[Job, list[int]]], raising: Exception | None = None) -> dict[Job, object]:
    def noting(job: Job) -> object:
        def run(ids: Sequence[int]) -> Work:
            seen.append((job, list(ids)))
            if raising is not None:
                raise raising
            return Work()

        return run

    return {job: noting(job) for job in Job}


def test_work_is_cut_into_jobs_the_most_urgent_first() -> None:
    """Given work of all kinds, then events come first, messages last, and no job is larger than agreed."""
    work = Work(events=(1,), journeys=(2,), messages=tuple(range(LARGEST + 1)), hits=(3,))
    jobs = list(jobs_of(work))
    assert [job for job, _ in jobs] == [
        Job.PROCESS_EVENTS,
        Job.PROCESS_HITS,
        Job.STEP_JOURNEYS,
        Job.SEND_MESSAGES,
        Job.SEND_MESSAGES,
    ]
    assert [len(ids) for _, ids in jobs] == [1, 1, 1, LARGEST, 1]


def test_what_is_enqueued_is_done_once_and_so_is_what_follows(redis_url: str, notes: Notes) -> None:
    """Given two idle workers, when jobs are enqueued, then each is done once, and the work that they return too."""
    queue = open_queue(redis_url)
    with running(worker(redis_url, notes)), running(worker(redis_url, notes)):
        wait_until(lambda: len(notes.workers()) == 2, "two workers are ready")
        for number in range(FOLLOWED, FOLLOWED + 50):
            assert queue.enqueue(Work(events=(number,)))
        assert queue.enqueue(Work(messages=tuple(range(250))))
        wait_until(lambda: len(notes.done("step_journeys")) == 50, "every event's journey is stepped")
        wait_until(lambda: len(notes.done("send_messages")) == 250, "every message is looked at")
    assert sorted(notes.done("process_events")) == list(range(FOLLOWED, FOLLOWED + 50))
    assert sorted(notes.done("send_messages")) == list(range(250))
    queue.close()


def test_a_job_without_a_ring_is_found_all_the_same(redis_url: str, notes: Notes) -> None:
    """Given an idle worker and a bell that is lost, when a job is enqueued, then it is done."""
    broker = DoorbellBroker(redis_url)
    queue = Queue(broker)
    with running(worker(redis_url, notes)):
        wait_until(lambda: len(notes.workers()) == 1, "the worker is ready")
        broker.bell = lambda queue_name: "phin:nowhere"  # type: ignore[method-assign]  # the ring goes astray
        assert queue.enqueue(Work(events=(1,)))
        wait_until(lambda: notes.done("process_events") == [1], "the job is done")
    queue.close()


def test_jobs_of_a_killed_worker_are_done_by_another(redis_url: str, notes: Notes) -> None:
    """Given a worker killed in the middle of a job, then a living one does that job, without waiting for minutes."""
    queue = open_queue(redis_url)
    with running(worker(redis_url, notes, finishes="some")) as first:
        wait_until(lambda: len(notes.workers()) == 1, "the first worker is ready")
        assert queue.enqueue(Work(events=(NEVER_ENDS,)))
        wait_until(lambda: notes.done("process_events") == [NEVER_ENDS], "the first worker has the job in hand")
        first.kill()
        first.wait()
        with running(worker(redis_url, notes)):
            wait_until(
                lambda: notes.done("process_events") == [NEVER_ENDS, NEVER_ENDS], "the job is done again", timeout=20
            )
    queue.close()


def test_a_worker_that_is_told_to_end_gives_back_what_it_has_not_begun(redis_url: str, notes: Notes) -> None:
    """Given a worker with more jobs than it has begun, when it is stopped, then the rest is done by the next one."""
    queue = open_queue(redis_url)
    for number in range(200):
        assert queue.enqueue(Work(events=(number,)))
    with running(worker(redis_url, notes)) as first:
        wait_until(lambda: len(notes.done("process_events")) > 0, "the first worker works")
        first.terminate()
        assert first.wait(20) == 0
    with running(worker(redis_url, notes)):
        wait_until(lambda: len(set(notes.done("process_events"))) == 200, "all jobs are done", timeout=9)
    assert sorted(notes.done("process_events")) == list(range(200))
    queue.close()


def test_a_worker_outlives_its_server(redis_server: RedisServer, notes: Notes) -> None:
    """Given a worker, when the server is flushed, restarted, and started empty, then it goes on."""
    queue = open_queue(redis_server.url)
    with running(worker(redis_server.url, notes)):
        wait_until(lambda: len(notes.workers()) == 1, "the worker is ready")

        def does(number: int, what: str) -> None:
            wait_until(lambda: queue.enqueue(Work(events=(number,))), f"a job is taken {what}")
            wait_until(lambda: number in notes.done("process_events"), f"a job is done {what}")

        does(1, "at first")
        redis_server.flush()
        does(2, "after FLUSHALL")
        redis_server.kill()
        redis_server.start()
        does(3, "after a restart")
        redis_server.lose_everything()
        redis_server.start()
        does(4, "on an empty server")
    queue.close()


def test_without_a_server_the_hint_is_dropped_at_once(tmp_path: Path) -> None:
    """Given no server at that address, when work is enqueued, then the answer is no, and no error comes."""
    queue = open_queue(f"unix://{tmp_path}/nobody.sock")
    assert queue.enqueue(Work(events=(1,))) is False
    assert queue.enqueue(Work()) is True
    assert queue.reachable() is False
    assert queue.waiting() is None
    assert open_queue(None).enqueue(Work(events=(1,))) is False


def test_a_server_that_never_answers_is_asked_once_and_not_by_everyone() -> None:
    """Given a server that takes connections and says nothing, when many enqueue, then it is not asked each time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        accepted: list[socket.socket] = []
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    accepted.append(silent.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        queue = open_queue(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        answers = [queue.enqueue(Work(events=(number,))) for number in range(1_000)]
        assert not any(answers)
        asked = len(accepted)
        stop.set()
    # 1,000 hints, each let go after half a second, would take minutes and make 1,000 connections
    assert asked <= 1 + (time.monotonic() - began)
    for connection in accepted:
        connection.close()


def test_the_queue_comes_back_by_itself(redis_server: RedisServer) -> None:
    """Given a queue whose server was away, when the server is back, then work is taken again."""
    queue = open_queue(redis_server.url)
    redis_server.kill()
    assert queue.enqueue(Work(events=(1,))) is False
    redis_server.start()
    wait_until(lambda: queue.enqueue(Work(events=(2,))), "work is taken again")
    assert queue.waiting() is not None
    queue.close()


def test_a_job_that_fails_harms_no_other(redis_url: str) -> None:
    """Given jobs whose work raises, then the worker goes on, and they are not repeated by the queue.

    What fails together is tried apart, unless it is the database that is away.
    """
    seen: list[tuple[Job, list[int]]] = []
    queue = open_queue(redis_url)
    for error in (UnavailableError("the database is away"), RuntimeError("a fault")):
        seen.clear()
        workers = Workers(redis_url, runners(seen, error), queue, threads=2)  # type: ignore[arg-type]
        workers.start()
        queue.enqueue(Work(events=(1,)))
        queue.enqueue(Work(events=(2,)))
        wait_until(lambda: {i for _, ids in seen for i in ids} == {1, 2}, "both jobs were tried")
        workers.stop(5)
        assert queue.waiting() == 0
        if isinstance(error, RuntimeError):
            assert sorted(ids for _, ids in seen if len(ids) == 1) == [[1], [2]]
    queue.close()


def test_what_waits_is_done_together(redis_url: str) -> None:
    """Given many small jobs that wait, when a worker comes, then those of one kind are one piece of work, each once.

    And what follows from many small ones is not taken for a campaign, behind which others would stand.
    """
    seen: list[tuple[Job, list[int]]] = []
    followed: list[tuple[Work, int]] = []

    class Noting(Queue):
        def enqueue(self, work: Work, parts: int = 1) -> bool:
            followed.append((work, parts))
            return True

    def process(ids: Sequence[int]) -> Work:
        seen.append((Job.PROCESS_EVENTS, list(ids)))
        return Work(messages=tuple(ids))

    queue = open_queue(redis_url)
    for number in range(TOGETHER):
        assert queue.enqueue(Work(events=(number,)) if number % 2 else Work(hits=(number,)))
    does = {**runners(seen), Job.PROCESS_EVENTS: process}
    workers = Workers(redis_url, does, Noting(None), threads=2)  # type: ignore[arg-type]
    workers.start()
    wait_until(lambda: sum(len(ids) for _, ids in seen) == TOGETHER, "all is done")
    workers.stop(5)
    assert sorted(seen) == [
        (Job.PROCESS_EVENTS, list(range(1, TOGETHER, 2))),
        (Job.PROCESS_HITS, list(range(0, TOGETHER, 2))),
    ]
    assert (Work(messages=tuple(range(1, TOGETHER, 2))), TOGETHER // 2) in followed
    assert queue.waiting() == 0
    queue.close()


def test_what_comes_soon_after_other_work_is_done_together(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a worker that fetched a moment ago, when jobs come one after the other, then they are one piece of work.

    And a first one, after a rest, is not kept waiting for others.
    """
    monkeypatch.setattr(doorbell, "APART", 2.0)
    seen: list[tuple[Job, list[int]]] = []
    queue = open_queue(redis_url)
    workers = Workers(redis_url, runners(seen), queue, threads=2)  # type: ignore[arg-type]
    workers.start()
    assert queue.enqueue(Work(events=(1,)))
    wait_until(lambda: seen == [(Job.PROCESS_EVENTS, [1])], "the first is done by itself")
    for number in range(2, 6):
        assert queue.enqueue(Work(events=(number,)))
    wait_until(lambda: len(seen) == 2, "the others are done")
    workers.stop(5)
    assert seen[1] == (Job.PROCESS_EVENTS, [2, 3, 4, 5])
    queue.close()


def test_it_rings_for_the_first_that_waits_and_for_what_is_left(redis_url: str) -> None:
    """Given more jobs than a consumer fetches, then one ring tells of them, and another one of what it leaves."""
    broker = DoorbellBroker(redis_url)
    queue = Queue(broker)
    for number in range(TOGETHER + 3):
        assert queue.enqueue(Work(events=(number,)))
    bell = broker.bell(PROMPT)
    assert broker.client.llen(bell) == 1
    broker.client.delete(bell)  # somebody heard it
    consumer = broker.consume(PROMPT, prefetch=2)
    assert next(consumer) is not None
    assert broker.client.llen(bell) == 1
    assert queue.waiting() == 3
    consumer.close()
    queue.close()


@pytest.mark.parametrize(("name", "at_once"), [(PROMPT, False), (BULK, True)])
def test_beside_prompt_work_more_is_fetched_once_that_is_slow(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, name: str, at_once: bool
) -> None:
    """Given work in hand and a free thread, then more prompt work is fetched once the first is done, or is slow."""
    moment = [100.0]
    broker = DoorbellBroker(redis_url, one_by_one=[PROMPT])
    broker.declare_queue(name)
    monkeypatch.setattr(doorbell, "APART", 0.0)
    monkeypatch.setattr(doorbell, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(doorbell, "time", SimpleNamespace(monotonic=lambda: moment[0], sleep=time.sleep))
    consumer = broker.consume(name, prefetch=2)

    def enqueue(number: int) -> None:
        broker.enqueue(dramatiq.Message(name, Job.PROCESS_EVENTS.value, ([number],), {}, {}))

    enqueue(1)
    first = next(consumer)
    assert first is not None
    enqueue(2)
    second = next(consumer)
    assert (second is not None) is at_once
    if second is None:
        moment[0] += SLOW
        second = next(consumer)
    assert second is not None
    enqueue(3)
    moment[0] += SLOW
    assert next(consumer) is None  # no thread is free
    consumer.ack(second)
    consumer.ack(first)
    third = next(consumer)
    assert third is not None
    consumer.ack(third)
    consumer.close()
    broker.close()


@pytest.mark.parametrize("quick", [True, False])
def test_the_few_mails_that_follow_are_sent_at_once_by_a_quick_relay(redis_url: str, quick: bool) -> None:
    """Given events of which mails come, then they are sent without a trip through the queue, unless the relay is slow.

    What cannot be sent so is asked for as before.
    """
    sent: list[list[int]] = []
    followed: list[Work] = []

    class Noting(Queue):
        def enqueue(self, work: Work, parts: int = 1) -> bool:
            followed.append(work)
            return True

    def send(ids: Sequence[int]) -> Work:
        sent.append(list(ids))
        if 2 in ids:
            raise RuntimeError("a fault")
        return Work(journeys=(7,))

    def process(ids: Sequence[int]) -> Work:
        return Work(messages=tuple(ids), webhooks=(9,))

    queue = open_queue(redis_url)
    does = {**runners([]), Job.PROCESS_EVENTS: process, Job.SEND_MESSAGES: send}
    workers = Workers(redis_url, does, Noting(None), 2, lambda: quick)  # type: ignore[arg-type]
    workers.start()
    of_each = 2 if quick else 1
    assert queue.enqueue(Work(events=(1,)))
    wait_until(lambda: len(followed) == of_each, "the first is done")
    assert queue.enqueue(Work(events=(2,)))
    wait_until(lambda: len(followed) == 2 * of_each, "the second is done")
    workers.stop(5)
    if quick:
        assert sent == [[1], [2]]
        assert followed == [Work(webhooks=(9,)), Work(journeys=(7,)), Work(webhooks=(9,)), Work(messages=(2,))]
    else:
        assert sent == []
        assert followed == [Work(messages=(1,), webhooks=(9,)), Work(messages=(2,), webhooks=(9,))]
    queue.close()


def test_of_jobs_that_fail_together_only_the_faulty_one_is_left(redis_url: str) -> None:
    """Given jobs that are done together, of which one raises, then the others are done all the same."""
    done: list[int] = []

    def process(ids: Sequence[int]) -> Work:
        if 3 in ids:
            raise RuntimeError("a fault")
        done.extend(ids)
        return Work()

    queue = open_queue(redis_url)
    for number in range(1, 6):
        assert queue.enqueue(Work(events=(number,)))
    does = {**runners([]), Job.PROCESS_EVENTS: process}
    workers = Workers(redis_url, does, queue, threads=2)  # type: ignore[arg-type]
    workers.start()
    wait_until(lambda: sorted(done) == [1, 2, 4, 5], "all but one are done")
    workers.stop(5)
    assert queue.waiting() == 0
    queue.close()


@pytest.mark.parametrize(("parts", "name"), [(1, BULK), (3, PROMPT)])
def test_a_bulk_is_what_comes_by_the_hundred_and_not_what_was_put_together(
    redis_url: str, parts: int, name: str
) -> None:
    """Given as many rows from one piece of work, or from several, then only the first goes behind what is prompt."""
    broker = DoorbellBroker(redis_url)
    queue = Queue(broker)
    assert queue.enqueue(Work(messages=tuple(range(BULK_FROM))), parts)
    assert broker.length(name) == 1
    queue.close()


def test_a_wrong_url_is_named() -> None:
    """Given a URL that is none, then the error names the setting."""
    with pytest.raises(SettingError, match="redis_url"):
        open_queue("postgres://somewhere")


def test_an_idle_worker_leaves_when_its_consumers_wait(redis_url: str, notes: Notes) -> None:
    """Given an idle worker that waits for the bell, when it is told to end, then it ends in order."""
    with running(worker(redis_url, notes)) as process:
        wait_until(lambda: len(notes.workers()) == 1, "the worker is ready")
        process.terminate()
        try:
            assert process.wait(9) == 0
        except subprocess.TimeoutExpired:
            pytest.fail("the worker does not end")


def test_a_worker_tells_of_an_outage_once(redis_server: RedisServer) -> None:
    """Given a worker with several consumers, when the server goes and comes, then each is told once."""
    told: list[str] = []
    workers = Workers(redis_server.url, runners([]), Queue(None), threads=2)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doorbell, "_log", Told(told))
        workers.start()
        redis_server.kill()
        wait_until(lambda: len(workers._broker.outage.away) == 2, "both consumers miss it")
        redis_server.start()
        wait_until(lambda: not workers._broker.outage.away, "both consumers have it again")
        workers.stop(5)
    assert told == ["the queue is out of reach, the sweep does its work", "the queue is back"]
