"""Triggers of the clock: which of their turns have come, and the customers whom each enters, found by the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from worker.domain.calendars.occurrences import LATEST, Seasons, turns
from worker.domain.calendars.turns import Turn
from worker.domain.chance import BY_HASH, Chance
from worker.domain.errors import UnavailableError
from worker.domain.settings import Settings
from worker.domain.triggers import ZONE, DateTrigger, Timed, goes_by
from worker.engine.enrolling import enrol
from worker.engine.failing import transact
from worker.engine.surroundings import Surroundings
from worker.storage import audience, occurrences
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.quantities import Condition
from worker.storage.conditions.words import words_of
from worker.storage.database import Database
from worker.storage.flowbook import Catalogue, FlowBook, Version
from worker.storage.occurrences import Found, Occurrence
from worker.storage.tables import customer

_log = structlog.get_logger(__name__)

SLICE = 5_000  # customers looked at in one transaction
KEPT = timedelta(days=60)  # how long an ended turn is kept, for those who ask what happened
PRUNED = 1_000  # turns taken away at one tick
MARKS = 1_000  # notes of moved dates looked at in one turn
_INSTANT = timedelta(microseconds=1)

Key = tuple[str, str]  # a flow and its trigger, in words


@dataclass(frozen=True, slots=True)
class Starting:
    """A running flow with one of its triggers."""

    version: Version
    trigger: Timed

    @property
    def key(self) -> Key:
        """Under which its turns are kept."""
        return self.version.flow.name, str(self.trigger)


class Finding:
    """Looks, at each tick, which turns have come, and enters whom they find.

    Two clocks may do so at once: a turn is one row, and a customer enters once under a key.

    Parameters:
        seasons: returns the shop's seasons as they are known now.
        stopping: says whether to leave off; what is not done is done at the next tick, by whichever clock.
        chance: says what falls to whom, of holdouts.
    """

    def __init__(
        self,
        database: Database,
        flowbook: FlowBook,
        settings: Settings,
        seasons: Callable[[], Seasons] = dict,
        *,
        stopping: Callable[[], bool] = lambda: False,
        chance: Chance = BY_HASH,
    ) -> None:
        self._database = database
        self._flowbook = flowbook
        self._around = Surroundings.of(settings, flowbook.segments, chance=chance)
        self._seasons = seasons
        self._stopping = stopping
        self._looked: dict[Key, datetime] = {}  # until when this process has looked for turns
        self._known: Seasons = {}

    def run(self, now: datetime) -> int:
        """Find what has come until now, and enter its customers; returns how many entered.

        Where nothing is due, it is a look at five small tables and one step along an index for each zone.
        """
        with self._database.reading() as connection:
            catalogue = self._flowbook.follow(connection)
            starting = [Starting(version, trigger) for version, trigger in catalogue.timed]
            since = occurrences.starts(connection) if starting else {}
            zones = occurrences.zones(connection) if starting else []
            moved = bool(occurrences.marks(connection, 1)[0])
            outdated = occurrences.outdated(connection, now - KEPT)
            open_now = occurrences.under_way(connection)
        if outdated:
            transact(self._database, partial(occurrences.prune, before=now - KEPT, most=PRUNED))
        self._follow_seasons({one.key for one in starting})
        counting = [(one, since[one.key]) for one in starting if one.key in since]
        if sum(self._find(one, begun, zones, now) for one, begun in counting):
            with self._database.reading() as connection:
                open_now = occurrences.under_way(connection)
        entered = self._enter_moved(counting, now) if moved else 0
        by_key = {one.key: one for one in starting}
        for occurrence in open_now:
            entered += self._work_through(occurrence, by_key.get((occurrence.flow, occurrence.trigger)), now)
        return entered

    def _follow_seasons(self, keys: set[Key]) -> None:
        """Forget how far was looked where that is no longer what counts: a flow was away, the seasons are others."""
        seasons = self._seasons()
        if seasons != self._known:
            self._known, self._looked = dict(seasons), {}
        self._looked = {key: until for key, until in self._looked.items() if key in keys}

    def _find(self, one: Starting, begun: datetime, zones: list[str], now: datetime) -> int:
        """Write down which turns have come since the last look; returns how many."""
        after = max(begun, now - LATEST, self._looked.get(one.key, begun))
        found = [
            Found(*one.key, group, turn.name, turn.moment)
            for group in audience.groups(one.trigger, zones)
            for turn in self._turns(one.trigger, group, after, now)
        ]
        if found:
            transact(self._database, partial(occurrences.find, found=found, now=now))
        self._looked[one.key] = now
        return len(found)

    def _turns(self, trigger: Timed, group: str, after: datetime, until: datetime) -> list[Turn]:
        wall = audience.wall_of(group, self._around.shop.timezone)
        return turns(trigger, wall, after, until, self._known) if after < until else []

    def _work_through(self, occurrence: Occurrence, one: Starting | None, now: datetime) -> int:
        """Enter the customers of a turn, slice by slice; one that came too late, or fails, harms no other."""
        if now - occurrence.moment > LATEST:
            transact(self._database, partial(occurrences.end, number=occurrence.id, state="late", now=now))
            return 0
        moment = occurrence.moment
        here = [] if one is None else self._turns(one.trigger, occurrence.zone, moment - _INSTANT, moment)
        turn = next((turn for turn in here if turn.name == occurrence.turn), None)
        if one is None or turn is None:
            return 0  # the flow is paused, or the season is not known just now
        entered, more = 0, True
        try:
            while more and not self._stopping():
                made, more = transact(self._database, partial(self._slice, one, turn, occurrence.id, now))
                entered += made
        except UnavailableError:
            raise
        except Exception as error:
            _log.error("a turn of a flow cannot be worked through", flow=one.key[0], trigger=one.key[1], exc_info=error)
        if entered:
            _log.info("entered", flow=one.key[0], trigger=one.key[1], turn=turn.name, customers=entered)
        return entered

    def _slice(self, one: Starting, turn: Turn, number: int, now: datetime, connection: Connection) -> tuple[int, bool]:
        """Enter the next slice of a turn's customers; returns how many entered, and whether there may be more."""
        held = occurrences.hold(connection, number)
        if held is None or not self._runs(connection, one):
            return 0, False
        by_date = audience.birthdays(one.trigger, turn)
        group = [*audience.of_group(held.zone), *by_date]
        last = audience.slice_end(connection, group, held.reached, SLICE, bool(by_date))
        if last is None:
            occurrences.end(connection, number, "done", now)
            return 0, False
        reach = [customer.c.id > held.reached, customer.c.id <= last, customer.c.created_at <= turn.moment]
        made = self._enter(connection, one, turn, held.zone, [*group, *reach], now)
        occurrences.reach(connection, number, last, made)
        return made, True

    def _runs(self, connection: Connection, one: Starting) -> bool:
        catalogue: Catalogue = self._flowbook.follow(connection)
        running = catalogue.running.get(one.version.flow.name)
        return running is not None and running.id == one.version.id

    def _enter(
        self, connection: Connection, one: Starting, turn: Turn, group: str, among: list[Condition], now: datetime
    ) -> int:
        shop = self._around.shop
        wall = audience.wall_of(group, shop.timezone)
        context = SqlContext(words_of(connection.dialect), now, shop, customer)
        whose = audience.whose_day(one.trigger, turn, wall, context)
        return len(enrol(connection, self._around, one.version, one.trigger, turn, [*among, *whose], now, wall))

    def _enter_moved(self, counting: list[tuple[Starting, datetime]], now: datetime) -> int:
        """Enter those whose date or zone changed so that a moment of the last days has passed them by."""
        with self._database.reading() as connection:
            notes, moved = occurrences.marks(connection, MARKS)
        entered = 0
        for one, begun in counting:
            for field in goes_by(one.trigger) & moved.keys():
                after = max(begun, now - LATEST)
                try:
                    enter = partial(self._enter_late, one, field, sorted(moved[field]), after, now)
                    entered += transact(self._database, enter)
                except UnavailableError:
                    raise
                except Exception as error:
                    _log.error("whose date moved cannot be entered", flow=one.key[0], exc_info=error)
        transact(self._database, partial(occurrences.unmark, numbers=notes))
        return entered

    def _enter_late(
        self, one: Starting, field: str, people: list[int], after: datetime, now: datetime, connection: Connection
    ) -> int:
        if not self._runs(connection, one):
            return 0
        entered = 0
        for group in audience.groups(one.trigger, occurrences.zones_of(connection, people)):
            for turn in self._turns(one.trigger, group, after, now):
                among = [*audience.of_group(group), customer.c.id.in_(people)]
                if field == ZONE and not isinstance(one.trigger, DateTrigger):
                    among.append(customer.c.created_at <= turn.moment)
                entered += self._enter(connection, one, turn, group, among, now)
        return entered
