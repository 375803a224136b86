"""A rush: who processes events makes way for whoever takes many in, and nobody waits for ever."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from worker.engine.rush import BEHIND, LASTS, LOOK_EVERY, PROCESSED, REST, RESTS, SLOT_WITHIN, Rush

TWO = int(2 * PROCESSED * BEHIND)  # events at once that two cores are just not behind with


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = time.time()
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def rush_of(folder: Path, clock: Time, cores: int = 2) -> Rush:
    return Rush(folder, cores, now=clock, sleep=clock.sleep)


def rests(folder: Path, clock: Time) -> bool:
    """Say whether a worker that processes now rests afterwards: then it is in a rush."""
    slept = list[float]()
    with Rush(folder, 2, now=clock, sleep=slept.append).processing():
        clock.now += 0.01
    return bool(slept)


@contextmanager
def stopped_in_its_slot(folder: Path) -> Iterator[None]:
    """Hold the only slot as a process does that was stopped."""
    file = os.open(folder / "slot-1", os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    yield
    os.close(file)


def most_at_once(folder: Path, cores: int, hoped: int) -> int:
    """Have three threads process, each as a process of its own would; returns how many did at the same time.

    Parameters:
        hoped: how many those wait for who began.
    """
    lock, now, most, enough = threading.Lock(), 0, 0, threading.Event()
    moment = time.time()

    def work() -> None:
        nonlocal now, most
        with Rush(folder, cores, now=lambda: moment).processing():
            with lock:
                now += 1
                most = max(most, now)
                if most >= hoped:
                    enough.set()
            enough.wait(10)
            time.sleep(0.05)
            with lock:
                now -= 1

    working = [threading.Thread(target=work) for _ in range(3)]
    for one in working:
        one.start()
    for one in working:
        one.join()
    return most


@pytest.mark.parametrize(("cores", "at_once"), [(1, 1), (2, 1), (4, 2)])
def test_in_a_rush_they_share_slots(tmp_path: Path, cores: int, at_once: int) -> None:
    """Given more events than can be processed, when several process, then no more than there are cores to spare."""
    Rush(tmp_path, cores).taking_in(100_000)
    assert most_at_once(tmp_path, cores, at_once) == at_once


@pytest.mark.parametrize("events", [0, 1, TWO])
def test_without_a_rush_all_work_at_once(tmp_path: Path, events: int) -> None:
    """Given a few events, or none, then nobody waits for anybody."""
    Rush(tmp_path, 2).taking_in(events)
    assert most_at_once(tmp_path, 2, 3) == 3


@pytest.mark.parametrize(("a_second", "rush"), [(10, False), (2 * PROCESSED - 5, False), (2 * PROCESSED + 25, True)])
def test_a_rush_is_more_than_is_processed(tmp_path: Path, a_second: int, rush: bool) -> None:
    """Given a stream of events for ten seconds on two cores, then it is a rush where it is more than those process."""
    clock = Time()
    front = rush_of(tmp_path, clock)
    for _ in range(10 * a_second):
        clock.now += 1 / a_second
        front.taking_in(1)
    assert rests(tmp_path, clock) is rush


def test_a_batch_beyond_what_is_processed_at_once_is_a_rush_for_a_moment(tmp_path: Path) -> None:
    """Given one large batch, then it is a rush until a moment after it, though far more came than in that moment."""
    clock = Time()
    rush_of(tmp_path, clock).taking_in(50_000)
    assert rests(tmp_path, clock)
    clock.now += LASTS
    assert not rests(tmp_path, clock)


def test_a_long_rush_does_not_outlast_itself(tmp_path: Path) -> None:
    """Given a rush in which a million events came, when a second later one comes alone, then it is no rush."""
    clock = Time()
    front = rush_of(tmp_path, clock)
    for _ in range(1_000):
        front.taking_in(1_000)
    clock.now += 1.0
    front.taking_in(1)
    assert not rests(tmp_path, clock)


def test_who_had_a_slot_rests(tmp_path: Path) -> None:
    """Given a rush, when a slot is given back, then its worker rests twice as long, and not for ever."""
    clock = Time()
    rush = rush_of(tmp_path, clock)
    for took in (0.03, 0.4):
        rush.taking_in(TWO + 1)
        clock.slept = 0.0
        with rush.processing():
            clock.now += took
            rush.taking_in(2 * TWO)
        assert clock.slept == pytest.approx(min(RESTS, REST * took) + 2 * LOOK_EVERY)


def test_more_cores_less_rest(tmp_path: Path) -> None:
    """Given more cores than taking in has work for, then who processes rests less."""
    clock = Time()
    rush = rush_of(tmp_path, clock, cores=6)
    rush.taking_in(100_000)
    with rush.processing():
        clock.now += 0.1
    assert clock.slept == pytest.approx(REST * 0.1 / 4 + 2 * LOOK_EVERY)


def test_the_rest_ends_with_the_rush(tmp_path: Path) -> None:
    """Given a worker at rest, when the rush is over, then it goes on."""
    clock = Time()
    rush = rush_of(tmp_path, clock)
    rush.taking_in(TWO + 1)
    with rush.processing():
        clock.now += LASTS - 0.1
    assert 0.09 < clock.slept < 0.12


def test_who_waits_for_a_slot_goes_on_when_the_rush_is_over(tmp_path: Path) -> None:
    """Given a rush and no free slot, when the rush is over, then who waits for a slot goes on without."""
    clock = Time()
    rush = rush_of(tmp_path, clock)
    rush.taking_in(TWO + 1)
    with stopped_in_its_slot(tmp_path), rush.processing():
        assert clock.slept == pytest.approx(LASTS, abs=0.02)


def test_one_that_is_stopped_in_its_slot_keeps_nobody_for_ever(tmp_path: Path) -> None:
    """Given a rush without end and a process that was stopped in its slot, then another goes on after a while."""
    clock = Time()
    rush = rush_of(tmp_path, clock)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        rush.taking_in(TWO)

    rush.taking_in(2 * TWO)
    waiting = Rush(tmp_path, 2, now=clock, sleep=sleep)
    with stopped_in_its_slot(tmp_path), waiting.processing():
        assert clock.slept == pytest.approx(SLOT_WITHIN, abs=0.02)


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0])
def test_a_clock_that_jumps_makes_no_rush(tmp_path: Path, jump: float) -> None:
    """Given a rush, when the machine's clock jumps an hour, then it is over; and a new one is seen again."""
    clock = Time()
    front = rush_of(tmp_path, clock)
    front.taking_in(2 * TWO)
    clock.now += jump
    assert not rests(tmp_path, clock)
    for _ in range(3):
        front.taking_in(TWO)
    assert rests(tmp_path, clock)


def test_where_no_file_can_be_made_all_goes_on(tmp_path: Path) -> None:
    """Given a folder that cannot be made, then events are taken in and processed all the same."""
    (tmp_path / "file").touch()
    rush = Rush(tmp_path / "file" / "folder")
    rush.taking_in(100_000)
    with rush.processing():
        pass


def test_where_slots_cannot_be_had_nobody_waits(tmp_path: Path) -> None:
    """Given a rush and a slot that cannot be opened, then whoever processes goes on at once."""
    clock = Time()
    rush = rush_of(tmp_path, clock)
    rush.taking_in(2 * TWO)
    (tmp_path / "slot-1").mkdir()
    with rush.processing():
        assert clock.slept == 0.0


def test_who_leaves_waits_no_more(tmp_path: Path) -> None:
    """Given a rush, no free slot and a process that is to end, then it goes on at once, and does not rest."""
    clock = Time()
    rush = rush_of(tmp_path, clock)
    rush.taking_in(2 * TWO)
    rush.leave()
    with stopped_in_its_slot(tmp_path), rush.processing():
        clock.now += 0.1
    assert clock.slept == 0.0


def test_a_rest_that_is_broken_off_gives_the_slot_back(tmp_path: Path) -> None:
    """Given a worker at rest, when it is interrupted, then another has the slot at once."""
    clock = Time()

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    Rush(tmp_path, 2, now=clock).taking_in(2 * TWO)
    with pytest.raises(KeyboardInterrupt), Rush(tmp_path, 2, now=clock, sleep=interrupted).processing():
        clock.now += 0.1
    with rush_of(tmp_path, clock).processing():
        assert clock.slept == 0.0


def test_who_gives_a_slot_back_lets_others_have_it(tmp_path: Path) -> None:
    """Given a rush, when a worker gives its slot back, then it is free for as long as those who wait need to look."""
    clock, free = Time(), 0.0

    def sleep(seconds: float) -> None:
        nonlocal free
        clock.sleep(seconds)
        with (tmp_path / "slot-1").open("w") as slot, suppress(BlockingIOError):
            fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free += seconds

    rush_of(tmp_path, clock).taking_in(2 * TWO)
    with Rush(tmp_path, 2, now=clock, sleep=sleep).processing():
        clock.now += 0.01
    assert free > LOOK_EVERY


def test_what_fails_in_its_slot_gives_it_back(tmp_path: Path) -> None:
    """Given a rush, when processing fails, then the error is told, and the slot is free."""
    clock = Time()
    rush = rush_of(tmp_path, clock)
    rush.taking_in(2 * TWO)
    with pytest.raises(ValueError, match="broken"), rush.processing():
        raise ValueError("broken")
    clock.slept = 0.0
    with rush.processing():
        assert clock.slept == 0.0
