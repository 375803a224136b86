"""A whole house makes way for many events: with a server its workers share slots, with SQLite its lock sees to it."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.support.phin_up import make_home
from tests.support.processes import clean_environment
from tests.support.web import purchase
from worker.domain.event_check import EventRules
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import Job
from worker.engine.intake import take_in
from worker.engine.rush import NO_RUSH
from worker.storage.tables import event

MANY = 100_000


@contextmanager
def slots_taken(folder: Path) -> Iterator[None]:
    """Take all slots of this machine."""
    slots = [folder / f"slot-{number}" for number in range(1, 1 + (os.cpu_count() or 1))]
    files = [os.open(slot, os.O_RDWR | os.O_CREAT) for slot in slots]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        for file in files:
            os.close(file)


@contextmanager
def rush(house: House) -> Iterator[None]:
    """Take in more than can be processed, all the while."""
    over = threading.Event()

    def take() -> None:
        house.precedence.taking_in(MANY)
        while not over.wait(0.02):
            house.precedence.taking_in(MANY)

    taking = threading.Thread(target=take)
    house.precedence.taking_in(MANY)
    taking.start()
    try:
        yield
    finally:
        over.set()
        taking.join()


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    home = make_home(tmp_path)
    made = House(read_home(clean_environment(PHIN_HOME=str(home), PHIN_DATABASE_URL=database_url)))
    yield made
    made.close()


def processed(house: House) -> int:
    with house.database.reading() as connection:
        done = select(func.count()).select_from(event).where(event.c.state == "processed")
        return int(connection.execute(done).scalar_one())


def test_in_a_rush_a_worker_waits_for_a_slot_where_a_server_has_the_database(house: House, tmp_path: Path) -> None:
    """Given a rush and no free slot, when a job processes, then it waits with a server, and not on SQLite."""
    _, work = take_in(house.database, [purchase()], "shop", EventRules.of(house.settings), house.clock.now())
    assert work.events
    working = threading.Thread(target=house.runners[Job.PROCESS_EVENTS], args=(work.events,))
    folder = tmp_path / "var" / "run" / "rush"
    folder.mkdir(parents=True, exist_ok=True)
    with slots_taken(folder), rush(house):
        working.start()
        working.join(1.0 if not house.database.is_sqlite else 60.0)
        assert processed(house) == (1 if house.database.is_sqlite else 0)
    working.join(60.0)
    assert processed(house) == 1


def test_a_server_elsewhere_has_cores_of_its_own(tmp_path: Path) -> None:
    """Given a database on another machine, then whoever processes is not held back: what it asks costs nothing here."""
    elsewhere = "postgresql://phin:secret@db.shop.example/phin"
    made = House(read_home(clean_environment(PHIN_HOME=str(make_home(tmp_path)), PHIN_DATABASE_URL=elsewhere)))
    assert made.precedence is NO_RUSH
    made.close()
