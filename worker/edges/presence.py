"""Each process says that it lives and which catalogue it follows, so that whoever publishes can tell who follows.

The word is written when the catalogue changes, and every few seconds as a sign of life; a look in between is one read
of a tiny table. Nothing waits for it and nothing goes by it: each decision follows what is published by itself.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import Protocol
from uuid import uuid4

import psutil
import structlog

from worker.storage import processes
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook
from worker.storage.processes import ProcessRow

LOOK_EVERY = 1.0  # seconds between two looks whether the catalogue has changed
WORD_EVERY = 5.0  # seconds after which a process says again that it lives
SILENT_AFTER = timedelta(seconds=15)  # after which one that said nothing is taken for dead
FORGOTTEN_AFTER = timedelta(minutes=10)  # after which its row is taken away
FOLLOWS_WITHIN = 2.0  # seconds in which every process follows what is published
_ASK_EVERY = 0.05
_CLOCKS_DIFFER = timedelta(seconds=2)  # a process's beginning is told in ticks since the machine's start

_log = structlog.get_logger(__name__)


class _Clock(Protocol):
    def machine(self) -> datetime: ...


class Followed(Protocol):
    """What presence needs of the house."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def flowbook(self) -> FlowBook:
        """The published flows, as this process follows them."""

    @property
    def clock(self) -> _Clock:
        """The machine's time."""


@contextmanager
def present(house: Followed, name: str) -> Iterator[None]:
    """Have this process say, as long as it is in here, that it lives and what it follows.

    Parameters:
        name: how the process is called: web, worker, clock.
    """
    leaving = threading.Event()
    teller = _Teller(house, name)
    thread = threading.Thread(target=teller.run, args=(leaving,), name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join(0.5)
        teller.leave()


class _Teller:
    def __init__(self, house: Followed, name: str) -> None:
        self._house = house
        now = house.clock.machine()
        version = metadata.version("phin")
        self._row = ProcessRow(uuid4().hex, name, socket.gethostname(), os.getpid(), now, now, -1, version)
        self._told_at = 0.0
        self._in_trouble = False

    def run(self, leaving: threading.Event) -> None:
        while True:
            try:
                self._look()
                self._in_trouble = False
            except Exception as error:  # the database is away, or being changed: the process itself tells of it
                if not self._in_trouble:
                    _log.debug("this process cannot say that it lives", why=told(error))
                self._in_trouble = True
            if leaving.wait(LOOK_EVERY):
                return

    def _look(self) -> None:
        database = self._house.database
        with database.reading() as connection:
            number = self._house.flowbook.follow(connection).number
        if number == self._row.catalogue and time.monotonic() - self._told_at < WORD_EVERY:
            return
        now = self._house.clock.machine()
        row = replace(self._row, seen_at=now, catalogue=number)
        with database.writing() as connection:
            processes.report(connection, row, now - FORGOTTEN_AFTER)
        self._row = row
        self._told_at = time.monotonic()

    def leave(self) -> None:
        if self._row.catalogue < 0 or self._in_trouble:
            return  # it never said anything, or cannot: it is taken for dead a few seconds later
        try:
            with self._house.database.writing() as connection:
                processes.forget(connection, self._row.token)
        except Exception as error:
            _log.debug("this process cannot say that it leaves", why=told(error))


@dataclass(frozen=True, slots=True)
class Followers:
    """Who follows a catalogue.

    Parameters:
        following: processes that said so.
        behind: processes that live, as far as is known, and have not said so.
        seconds: how long it took until all followed, or until nobody was waited for any more.
    """

    following: tuple[ProcessRow, ...]
    behind: tuple[ProcessRow, ...]
    seconds: float

    def told(self) -> str:
        """Return it in words: `on 3 processes (0.8 s)`."""
        count = len(self.following)
        noun = "process" if count + len(self.behind) == 1 else "processes"
        if self.behind:
            return f"on {count} of {count + len(self.behind)} {noun} after {self.seconds:.1f} s"
        if not count:
            return "(no process runs now; each that starts follows)"
        return f"on {count} {noun} ({self.seconds:.1f} s)"

    def who_is_behind(self, now: datetime) -> list[str]:
        """Return a line for each process that has not said that it follows."""
        return [
            f"{row.name} on {row.host} (process {row.pid}), last heard of "
            f"{max(0, round((now - row.seen_at).total_seconds()))} s ago, has not said yet that it follows"
            for row in self.behind
        ]


def wait_for(house: Followed, catalogue: int, within: float = FOLLOWS_WITHIN) -> Followers:
    """Wait until every living process follows a catalogue, at most so many seconds.

    A process of this machine that is dead is not waited for, one of another machine until it has been silent for long.
    """
    began = time.monotonic()
    while True:
        rows = alive(house)
        behind = tuple(row for row in rows if row.catalogue < catalogue)
        spent = time.monotonic() - began
        if not behind or spent >= within:
            return Followers(tuple(row for row in rows if row.catalogue >= catalogue), behind, spent)
        time.sleep(_ASK_EVERY)


def alive(house: Followed) -> Sequence[ProcessRow]:
    """Return the processes that live, as far as is known here.

    Of this machine those that are there, though they may say nothing because they stand still; of another machine those
    that said something lately.
    """
    now = house.clock.machine()
    with house.database.reading() as connection:
        rows = processes.seen_since(connection, now - FORGOTTEN_AFTER)
    here = socket.gethostname()
    return [row for row in rows if (_is_here(row) if row.host == here else row.seen_at >= now - SILENT_AFTER)]


def _is_here(row: ProcessRow) -> bool:
    """Say whether a process of this machine lives, and its number is not another's by now."""
    try:
        one = psutil.Process(row.pid)
        began = datetime.fromtimestamp(one.create_time(), UTC)
        return one.status() != psutil.STATUS_ZOMBIE and began <= row.started_at + _CLOCKS_DIFFER
    except psutil.Error:
        return False
