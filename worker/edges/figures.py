"""The clock's tick that keeps the figures for `/metrics`: what happened since the last one is added to totals.

Everything is counted from the rows themselves, so a process that is killed, and any number of machines, change nothing
in the figures; and whoever sends mail pays nothing for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from worker.edges.ticks import TickNote
from worker.storage import figures, totals
from worker.storage.database import Database
from worker.storage.figures import Counted
from worker.storage.standing_counts import COUNTS
from worker.storage.tallying import Look, look

EVERY = 15.0  # seconds, as often as Prometheus usually asks
SHARE = 1 / 200  # of the time that a count may take: what takes a second is counted in 200
SELDOM = 60.0  # seconds after which totals are counted again, however long that takes


class _Clock(Protocol):
    def now(self) -> datetime: ...

    def machine(self) -> datetime: ...


class Figures:
    """The tick.

    Parameters:
        notes: returns what is known of each tick of this clock.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        database: Database,
        clock: _Clock,
        notes: Callable[[], Mapping[str, TickNote]] = dict,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._notes = notes
        self._monotonic = monotonic
        self._told: dict[str, TickNote] = {}
        self._again: dict[str, float] = {}
        self._look_again = float("-inf")

    def __call__(self) -> None:
        """Count, and write what was counted, in one transaction."""
        if self._monotonic() < self._look_again:
            return
        began = self._clock.machine()
        with self._database.reading() as connection:
            looks = self._look(connection)
            standing = self._standing(connection)
        notes = {name: replace(note) for name, note in self._notes().items()}
        self._add_ticks(standing, notes)
        standing.put("figures_timestamp_seconds", began.timestamp())
        with self._database.writing() as connection:
            for one in looks:
                totals.keep(connection, one)
            figures.add(connection, standing.totals)
            figures.put(connection, standing.now)
        self._told = notes

    def _look(self, connection: Connection) -> list[Look]:
        """Count what happened; where that takes long, as in a campaign of thousands a second, the less often."""
        began = self._monotonic()
        looks = look(connection, figures.marks(connection), self._clock.now())
        self._look_again = began + min(SELDOM, (self._monotonic() - began) / SHARE)
        return looks

    def _standing(self, connection: Connection) -> Counted:
        """Count what stands in queues, each count again once it has cost no more than its share of the time."""
        counted = Counted()
        for name, count in COUNTS.items():
            began = self._monotonic()
            if began >= self._again.get(name, 0.0):
                count(connection, counted)
                took = self._monotonic() - began
                self._again[name] = began + took / SHARE
        return counted

    def _add_ticks(self, counted: Counted, notes: Mapping[str, TickNote]) -> None:
        for name, note in notes.items():
            before = self._told.get(name) or TickNote(note.every)
            counted.add("tick_runs", note.runs - before.runs, tick=name)
            counted.add("tick_failures", note.failures - before.failures, tick=name)
            counted.add("tick_seconds", note.seconds - before.seconds, tick=name)
            counted.put("tick_interval_seconds", note.every, tick=name)
            if note.ended_at:
                counted.put("tick_last_timestamp_seconds", note.ended_at, tick=name)
