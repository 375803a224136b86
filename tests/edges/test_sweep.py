"""The sweep asks for what is due, not twice in a moment, and does the work itself where nobody can be asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.edges import sweep as sweeping
from worker.edges import ticks as ticking
from worker.edges.jobs import Job
from worker.edges.movable_clock import Clock
from worker.edges.queue import Queue
from worker.edges.sweep import Sweep
from worker.edges.ticks import Beat, Ticks, beat_path, run_clock


class Rows:
    """Tables in which an event leads to a journey, a journey to a message, and a done row is due no more."""

    def __init__(self, **due: Sequence[int]) -> None:
        self.due = {Job(job): list(ids) for job, ids in due.items()}
        self.done: list[tuple[Job, int]] = []
        self.fails: dict[int, Exception] = {}

    def look(self, limit: int) -> Work:
        def ids(job: Job) -> tuple[int, ...]:
            return tuple(self.due.get(job, [])[:limit])

        return Work(ids(Job.PROCESS_EVENTS), ids(Job.STEP_JOURNEYS), ids(Job.SEND_MESSAGES), ids(Job.PROCESS_HITS))

    def runners(self) -> dict[Job, Callable[[Sequence[int]], Work]]:
        return {job: self._runner(job) for job in Job}

    def _runner(self, job: Job) -> Callable[[Sequence[int]], Work]:
        def run(ids: Sequence[int]) -> Work:
            for number in ids:
                if number in self.fails:
                    raise self.fails[number]
                self.done.append((job, number))
                if number in self.due.get(job, []):
                    self.due[job].remove(number)
            if job is Job.PROCESS_EVENTS:
                return Work(journeys=tuple(ids))
            if job is Job.STEP_JOURNEYS:
                return Work(messages=tuple(ids))
            return Work()

        return run


class FakeQueue(Queue):
    """A queue that takes, or refuses, and remembers what it took."""

    def __init__(self, *, away: bool = False, waiting: int = 0) -> None:
        super().__init__(None)
        self.away = away
        self.jobs = waiting
        self.taken: list[Work] = []

    def enqueue(self, work: Work, parts: int = 1) -> bool:
        if not self.away:
            self.taken.append(work)
        return not self.away

    def waiting(self) -> int | None:
        return None if self.away else self.jobs


def test_what_is_due_is_asked_for_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given rows that stay due, when the sweep turns again and again, then it asks once, and again after a time."""
    rows, queue = Rows(process_events=[1, 2], send_messages=[3]), FakeQueue()
    sweep = Sweep(rows.look, rows.runners(), queue)
    for _ in range(5):
        sweep.turn()
    assert queue.taken == [Work(events=(1, 2), messages=(3,))]
    rows.due[Job.PROCESS_EVENTS].append(4)
    sweep.turn()
    assert queue.taken[1:] == [Work(events=(4,))]
    monkeypatch.setattr(sweeping, "ASKED_FOR", 0.0)
    sweep.turn()
    assert queue.taken[2:] == [Work(events=(1, 2, 4), messages=(3,))]
    assert rows.done == []


def test_with_the_queue_away_all_is_done_here_to_the_end() -> None:
    """Given no queue, when the sweep turns once, then what is due is done, and so is all that follows from it."""
    rows = Rows(process_events=[1, 2], process_hits=[9])
    Sweep(rows.look, rows.runners(), FakeQueue(away=True)).turn()
    assert rows.done == [
        (Job.PROCESS_EVENTS, 1),
        (Job.PROCESS_EVENTS, 2),
        (Job.PROCESS_HITS, 9),
        (Job.STEP_JOURNEYS, 1),
        (Job.STEP_JOURNEYS, 2),
        (Job.SEND_MESSAGES, 1),
        (Job.SEND_MESSAGES, 2),
    ]


def test_a_campaign_does_not_keep_all_mails_waiting_where_there_is_no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no queue and more journeys than are looked for of other work, then a stint takes on no more of them."""
    monkeypatch.setattr(sweeping, "LOOK_AT", 2)
    rows = Rows()
    due = Work(journeys=(1, 2, 3, 4, 5, 6), messages=(9,))
    Sweep(lambda _: due, rows.runners(), FakeQueue(away=True)).turn()
    assert [number for job, number in rows.done if job is Job.STEP_JOURNEYS] == [1, 2]
    assert (Job.SEND_MESSAGES, 9) in rows.done


def test_a_job_that_fails_harms_no_other() -> None:
    """Given work of which one job fails, then the rest is done, and the failed one is due again."""
    rows = Rows(process_events=[1], process_hits=[9])
    rows.fails[1] = RuntimeError("a fault")
    sweep = Sweep(rows.look, rows.runners(), FakeQueue(away=True))
    sweep.turn()
    assert rows.done == [(Job.PROCESS_HITS, 9)]
    rows.fails.clear()
    sweep.turn()
    assert (Job.SEND_MESSAGES, 1) in rows.done


def test_with_the_database_away_it_waits() -> None:
    """Given a database that goes away, then the sweep leaves off and raises nothing."""
    rows = Rows(process_events=[1], process_hits=[9])
    rows.fails[1] = UnavailableError("the database is away")
    Sweep(rows.look, rows.runners(), FakeQueue(away=True)).turn()
    assert rows.done == []


def test_workers_that_are_behind_are_not_flooded() -> None:
    """Given a queue with many jobs that nobody took yet, then the sweep adds none and does not do them either."""
    rows, queue = Rows(process_events=[1]), FakeQueue(waiting=sweeping.ENOUGH + 1)
    Sweep(rows.look, rows.runners(), queue).turn()
    assert queue.taken == []
    assert rows.done == []


def test_it_leaves_off_when_told() -> None:
    """Given much to do here, when it is time to leave, then what is in hand is finished and no more begun."""
    rows = Rows(process_events=range(1_000))
    leaving = threading.Event()
    runners = rows.runners()
    process = runners[Job.PROCESS_EVENTS]

    def process_and_leave(ids: Sequence[int]) -> Work:
        leaving.set()
        return process(ids)

    runners[Job.PROCESS_EVENTS] = process_and_leave
    Sweep(rows.look, runners, FakeQueue(away=True), stopping=leaving.is_set).turn()
    assert len(rows.done) == 100


@pytest.fixture
def beat(tmp_path: Path) -> Beat:
    return Beat(beat_path(tmp_path))


@pytest.fixture
def stopped() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_tick_that_fails_is_tried_again(beat: Beat, stopped: threading.Event) -> None:
    """Given a tick that raises, then it is called again, and the others with it."""
    called: list[str] = []

    def fails() -> None:
        called.append("fails")
        raise RuntimeError("a fault")

    ticks = Ticks(beat)
    ticks.every(0.05, "fails", fails)
    ticks.every(0.05, "works", lambda: called.append("works"))
    thread = threading.Thread(target=run_clock, args=(ticks, stopped, 5.0))
    thread.start()
    wait_until(lambda: called.count("fails") > 1 and called.count("works") > 1, "both tick on")
    stopped.set()
    thread.join()
    count = len(called)
    assert not [t for t in threading.enumerate() if t.name == "APScheduler"]
    assert len(called) == count


def test_what_is_in_hand_is_finished_before_it_leaves(beat: Beat, stopped: threading.Event) -> None:
    """Given a tick in the middle of its work, when the clock is told to leave, then that work is finished first."""
    begun, finished = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        stopped.wait()
        finished.set()

    ticks = Ticks(beat)
    ticks.every(60, "work", work)
    thread = threading.Thread(target=run_clock, args=(ticks, stopped, 30.0))
    thread.start()
    assert begun.wait(10)
    stopped.set()
    thread.join()
    assert finished.is_set()


def test_a_clock_that_stands_still_ends(beat: Beat, stopped: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a scheduler that ticks while no sweep gives a sign of life, then the process ends, to be started anew."""
    monkeypatch.setattr(ticking, "STUCK_AFTER", 0.0)
    ticks = Ticks(beat)
    ticks.every(0.05, "works", lambda: None)
    assert run_clock(ticks, stopped, 5.0) == 1
    ticks.stop(5.0)


def test_a_dead_scheduler_is_noticed(beat: Beat) -> None:
    """Given a scheduler whose thread is gone, then the clock is not healthy."""
    ticks = Ticks(beat)
    assert not ticks.healthy()
    ticks.start()
    assert ticks.healthy()
    ticks.stop(5.0)
    wait_until(lambda: not ticks.healthy(), "it is noticed")


def test_a_move_of_the_time_is_followed_at_once(beat: Beat, stopped: threading.Event, tmp_path: Path) -> None:
    """Given a sweep an hour apart, when the shop's time is moved twice, then it looks after each move, not in an hour.

    The second move comes while it looks: what it asked for may be of the time before, so it looks once more.
    """
    clock, seen = Clock(tmp_path / "clock"), list[int]()

    def sweep() -> None:
        seen.append(clock.offset().days)
        if seen[-1] == 1:
            clock.move(timedelta(days=1))
            stopped.wait(0.1)

    ticks = Ticks(beat)
    ticks.every(3_600, "sweep", sweep)
    ticks.when_moved(clock.path, "sweep")
    thread = threading.Thread(target=run_clock, args=(ticks, stopped, 5.0))
    thread.start()
    wait_until(lambda: seen == [0], "it looks at the start")
    clock.move(timedelta(days=1))
    wait_until(lambda: seen == [0, 1], "it looks after the first move")
    wait_until(lambda: seen == [0, 1, 2], "it looks after the second move")
    stopped.set()
    thread.join()
