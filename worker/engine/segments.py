"""Segments kept: who comes in and who goes out is found by what changed, and by passes over all customers.

A change of a customer's facts leaves a note in its own transaction. A segment that time moves is looked through for
all customers once an hour, in slices; one that is new, or means something else now, at once, and this first pass starts
no flow: who belongs already has not come in. Members are looked for by a reader; only differences are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from worker.domain.calendars.turns import Turn
from worker.domain.chance import BY_HASH, Chance
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.engine.enrolling import enrol
from worker.engine.failing import apart, transact
from worker.engine.surroundings import Surroundings
from worker.storage import membership, segments
from worker.storage.database import Database, told
from worker.storage.flowbook import Catalogue, FlowBook
from worker.storage.membership import Differences, Looking, Mark, Who
from worker.storage.segments import SegmentRow
from worker.storage.tables import customer

EVERY = timedelta(hours=1)  # how long after a pass the next begins of a segment that time moves
MARKS = 2_000  # notes in one turn
SLICE = 5_000  # customers in one turn of a pass

_log = structlog.get_logger(__name__)


class Segments:
    """Keeps who is in which segment, and enters who comes in into the flows that wait for that.

    Parameters:
        flowbook: the published flows and segments.
        chance: says what falls to whom, of holdouts.
    """

    def __init__(self, database: Database, flowbook: FlowBook, settings: Settings, chance: Chance = BY_HASH) -> None:
        self._database = database
        self._flowbook = flowbook
        self._around = Surroundings.of(settings, flowbook.segments, chance=chance)
        self._zone = ZoneInfo(settings.shop.timezone)

    def turn(self, now: datetime) -> tuple[Work, bool]:
        """Look at some customers whose facts changed, then at one slice of a pass that is due.

        Done twice, or by two at once, it changes nothing more.

        Returns:
            The journeys that began, and whether there is more to do now.
        """
        changed, more = self._changed(now)
        passing, further = self._pass(now)
        return changed + passing, more or further

    def _changed(self, now: datetime) -> tuple[Work, bool]:
        """Look at customers of whom there are notes, and take the notes away."""
        with self._database.reading() as connection:
            catalogue = self._flowbook.follow(connection)
            notes = membership.marks(connection, MARKS)
            if not notes:
                return Work(), False
            who = membership.among(connection, sorted({note.customer for note in notes}))
            found = self._differences(connection, catalogue, catalogue.kept, who, now)
        settle = partial(self._settle_changed, notes, found, now)
        return transact(self._database, settle), len(notes) == MARKS

    def _settle_changed(
        self, notes: Sequence[Mark], found: Mapping[str, Differences], now: datetime, connection: Connection
    ) -> Work:
        membership.hold(connection)
        catalogue = self._flowbook.follow(connection)
        membership.take_away(connection, notes)
        quiet = {note.customer for note in notes if note.quiet}
        rows = {row.name: row for row in segments.all_segments(connection) if not row.gone}
        work = Work()
        for name, differences in found.items():
            if name in rows and name in catalogue.kept:
                settle = partial(self._settle, connection, catalogue, rows[name], differences, now, quiet)
                work += apart(connection, True, settle, partial(_failed, name))
        return work

    def _pass(self, now: datetime) -> tuple[Work, bool]:
        """Take the oldest pass one slice further; where none is under way, begin those that are due."""
        with self._database.reading() as connection:
            catalogue = self._flowbook.follow(connection)
            rows = [row for row in segments.all_segments(connection) if catalogue.kept.get(row.name) == row.number]
            gone = segments.members_of_gone(connection)
            due = [row.name for row in rows if row.pass_at is None and _due(row, catalogue, now)]
            under_way = _together(rows)
            last = segments.next_slice(connection, under_way[0].reached, SLICE) if under_way else None
            found: Mapping[str, Differences] = {}
            if last is not None:
                who = membership.between(under_way[0].reached, last)
                found = self._differences(connection, catalogue, [row.name for row in under_way], who, now)
        if gone is not None:
            transact(self._database, lambda connection: membership.let_go(connection, gone, SLICE))
        if due:
            transact(self._database, lambda connection: segments.begin_pass(connection, due, now))
        work = Work()
        if under_way:
            work = transact(self._database, partial(self._settle_pass, under_way, found, last, now))
        return work, bool(under_way or due or gone)

    def _settle_pass(
        self,
        rows: Sequence[SegmentRow],
        found: Mapping[str, Differences],
        last: int | None,
        now: datetime,
        connection: Connection,
    ) -> Work:
        membership.hold(connection)
        catalogue = self._flowbook.follow(connection)
        work = Work()
        for row in rows:
            if last is not None and row.name not in found:  # it could not be asked
                segments.give_up_pass(connection, row.name, now)
            elif catalogue.kept.get(row.name) == row.number and found.get(row.name):
                settle = partial(self._settle, connection, catalogue, row, found[row.name], now)
                work += apart(connection, True, settle, partial(_failed, row.name))
        segments.passed(connection, rows, last)
        return work

    def _settle(
        self,
        connection: Connection,
        catalogue: Catalogue,
        row: SegmentRow,
        found: Differences,
        now: datetime,
        quiet: Iterable[int] = (),
    ) -> Work:
        """Write down who came in and who went out, and enter the former into the flows that wait for it."""
        looking = self._looking(catalogue, now)
        came = membership.come_in(connection, row.name, looking, found.coming)
        membership.go_out(connection, row.name, looking, found.leaving)
        entering = sorted(set(came) - set(quiet)) if row.filled else []
        journeys: list[int] = []
        for version, trigger in catalogue.coming_in if entering else ():
            if trigger.segment == row.name:
                turn = Turn(now, f"{trigger}:{now.isoformat()}", now.astimezone(self._zone).year)
                who = [membership.among(connection, entering)(customer.c.id)]
                start = partial(enrol, connection, self._around, version, trigger, turn, who, now)
                journeys += apart(connection, True, start, partial(_not_entered, row.name, version.flow.name))
        return Work(journeys=tuple(journeys))

    def _differences(
        self, connection: Connection, catalogue: Catalogue, names: Iterable[str], who: Who, now: datetime
    ) -> dict[str, Differences]:
        """Return the differences of each segment that can be asked; one that fails harms only itself."""
        looking = self._looking(catalogue, now)
        found: dict[str, Differences] = {}
        for name in names:
            ask: Callable[[], Differences | None] = partial(membership.differences, connection, name, looking, who)
            asked = apart(connection, True, ask, partial(_cannot_be_asked, name))
            if asked is not None:
                found[name] = asked
        return found

    def _looking(self, catalogue: Catalogue, now: datetime) -> Looking:
        return Looking(catalogue.segments, self._around.shop, now)


def _due(row: SegmentRow, catalogue: Catalogue, now: datetime) -> bool:
    """Whether a pass is to begin: the first, or, of what time moves, an hour after the last one began."""
    if row.checked_at is None:
        return True
    return (not row.filled or row.name in catalogue.moving) and not row.checked_at <= now < row.checked_at + EVERY


def _together(rows: Iterable[SegmentRow]) -> list[SegmentRow]:
    """Return the segments whose pass has come to the same customer, those of the oldest pass."""
    passing = [(row.pass_at, -row.reached, row) for row in rows if row.pass_at is not None]
    if not passing:
        return []
    first = min(passing, key=lambda one: one[:2])
    return [row for *at, row in passing if at == [*first[:2]]]


def _failed(name: str, error: Exception) -> Work:
    _log.error("the members of a segment cannot be kept", segment=name, why=told(error))
    return Work()


def _not_entered(name: str, flow: str, error: Exception) -> list[int]:
    _log.error("who came into a segment cannot be entered", segment=name, flow=flow, why=told(error))
    return []


def _cannot_be_asked(name: str, error: Exception) -> None:
    _log.error("a segment cannot be asked for its members", segment=name, why=told(error))
