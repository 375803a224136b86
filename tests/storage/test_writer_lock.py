"""Whose turn it is to write: who is waited for goes before the background, which can tell that it is pressed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.processes import wait_until
from worker.storage.writer_lock import SLICE, WriterLock


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        """Tell them."""
        return self.at


def writing(lock: WriterLock, note: Callable[[], None]) -> threading.Thread:
    """Have a thread take the lock and note that it has it."""

    def run() -> None:
        with lock.held():
            note()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_who_is_waited_for_goes_before_those_in_the_background(tmp_path: Path) -> None:
    """Given one that writes and two of the background in line, when one comes that is waited for, then it is next."""
    path, clock, order = tmp_path / "phin.db.writer", Clock(), list[str]()
    first = WriterLock(path, monotonic=clock)
    with first.held():
        threads = [writing(WriterLock(path), lambda: order.append("background")) for _ in range(2)]
        threads.append(writing(WriterLock(path, waited_for=True), lambda: order.append("waited for")))
        clock.at += 2 * SLICE
        wait_until(first.pressed, "somebody who is waited for is in line")
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == ["waited for", "background", "background"]
    assert not first.pressed()


def test_the_background_is_pressed_after_a_slice_and_by_nobody_else_in_it(tmp_path: Path) -> None:
    """Given one of the background that writes, then others of it do not press, nor anybody within its slice."""
    path, clock = tmp_path / "phin.db.writer", Clock()
    first, other, urgent = WriterLock(path, monotonic=clock), WriterLock(path), WriterLock(path, waited_for=True)
    with first.held():
        clock.at += 10 * SLICE
        threads = [writing(other, lambda: None)]
        assert not first.pressed()
        threads.append(writing(urgent, lambda: None))
        wait_until(first.pressed, "somebody who is waited for is in line")
        clock.at -= 9.5 * SLICE
        assert not first.pressed()
    for thread in threads:
        thread.join(10)


def test_who_is_waited_for_is_pressed_by_nobody(tmp_path: Path) -> None:
    """Given one that is waited for and writes, then it writes to the end."""
    path, clock = tmp_path / "phin.db.writer", Clock()
    mine = WriterLock(path, waited_for=True, monotonic=clock)
    with mine.held():
        thread = writing(WriterLock(path, waited_for=True), lambda: None)
        clock.at += 10 * SLICE
        assert not mine.pressed()
    thread.join(10)


def test_one_writes_at_a_time_of_whichever_kind(tmp_path: Path) -> None:
    """Given writers of both kinds that take turns, then no two hold the lock at once, and all come to their end."""
    path, inside, most = tmp_path / "phin.db.writer", list[int](), list[int]()

    def work(lock: WriterLock) -> None:
        for _ in range(30):
            with lock.held():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    locks = [WriterLock(path, waited_for=number % 2 == 0) for number in range(4)]
    threads = [threading.Thread(target=work, args=(lock,), daemon=True) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 120
    assert set(most) == {1}


def test_a_transaction_that_is_waited_for_goes_before_others_of_its_own_process(tmp_path: Path) -> None:
    """Given a thread that writes and one in line, when another of their process is waited for, then it is next."""
    path, clock, order = tmp_path / "phin.db.writer", Clock(), list[str]()
    other, mine = WriterLock(path, monotonic=clock), WriterLock(path)

    def first_of_all() -> None:
        with mine.held(waited_for=True):
            order.append("waited for")

    with other.held():
        threads = [writing(mine, lambda: order.append("background"))]
        threads.append(threading.Thread(target=first_of_all, daemon=True))
        threads[1].start()
        clock.at += 2 * SLICE
        wait_until(other.pressed, "the one that is waited for is in line")
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == ["waited for", "background"]
