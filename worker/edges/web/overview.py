"""An overview of everything that runs, taken at most once in a moment, however many people look at the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.domain.breakers import Breaker
from worker.domain.errors import Problem
from worker.domain.flows import Flow
from worker.domain.tasks import Task
from worker.edges.coupon_names import coupons_of
from worker.storage import flows, overview, pools, relays, reports, requests, tasks
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook
from worker.storage.flows import FlowRow
from worker.storage.overview import FlowCounts, MailDay, TaskCounts
from worker.storage.reports import Untaken
from worker.storage.requests import RequestFigures
from worker.storage.troubles import OF_LATE, Trouble, troubles

PERIOD = timedelta(days=30)  # over which flows and requests are counted
KEPT_FOR = 2.0  # seconds for which an overview is shown again
MOST_TASKS = 6
FEW_CODES = 50  # left in a pool of coupons, below which it is told


@dataclass(frozen=True, slots=True)
class Overview:
    """What was seen.

    Parameters:
        now, day: the shop's time, and when its day began.
        readable: the flows whose published version this Phin can read, by name.
        all_held: whether everything is paused.
        broken: errors of the flows' files.
        short_pools: the coupons' pools that flows draw from and that have few codes left, each with how many.
        most_urgent: open tasks, those that are due first.
        refusing: domains and relays that do not take our mail just now.
        open_of: how many open tasks each person has, by key.
    """

    now: datetime
    day: datetime
    rows: Sequence[FlowRow]
    readable: Mapping[str, Flow]
    all_held: bool
    counts: Mapping[str, FlowCounts]
    mails: MailDay
    untaken: Untaken | None
    refusing: Sequence[Breaker]
    tasks: TaskCounts
    most_urgent: Sequence[Task]
    open_of: Mapping[str, int]
    requests: RequestFigures
    troubles: Sequence[Trouble]
    broken: Sequence[Problem]
    short_pools: Mapping[str, int]


class Overviews:
    """Takes overviews, and remembers the last one for a moment.

    Parameters:
        zone: the shop's.
        broken: returns the errors of the flows' files.
    """

    def __init__(
        self, database: Database, flowbook: FlowBook, zone: ZoneInfo, broken: Callable[[], Sequence[Problem]]
    ) -> None:
        self._database = database
        self._flowbook = flowbook
        self._zone = zone
        self._broken = broken
        self._lock = threading.Lock()
        self._seen: tuple[float, Overview] | None = None

    def take(self, now: datetime) -> Overview:
        """Return what runs now, or what was seen a moment ago; who asks while another looks waits for that.

        Raises:
            UnavailableError: the database cannot be reached.
        """
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > KEPT_FOR:
                broken = self._broken()
                with self._database.reading() as connection:
                    self._seen = (time.monotonic(), self._take(connection, now, broken))
            return self._seen[1]

    def _take(self, connection: Connection, now: datetime, broken: Sequence[Problem]) -> Overview:
        day = day_begins(now, self._zone)
        rows = flows.all_flows(connection)
        versions = {row.name: self._flowbook.version(connection, row.version.id) for row in rows}
        readable = {name: version.flow for name, version in versions.items() if version is not None}
        return Overview(
            now=now,
            day=day,
            rows=rows,
            readable=readable,
            all_held=bool(flows.switches(connection).get(flows.PAUSED)),
            counts=overview.flow_counts(connection, now - PERIOD),
            mails=overview.mail_day(connection, day, day_begins(day + timedelta(hours=36), self._zone)),
            untaken=reports.untaken(connection),
            refusing=relays.refusing(connection, now),
            tasks=overview.task_counts(connection, now, day_begins(day + timedelta(hours=36), self._zone)),
            most_urgent=tasks.listed(connection, limit=MOST_TASKS),
            open_of=overview.open_of(connection),
            requests=requests.figures(connection, now, now - PERIOD),
            troubles=troubles(connection, now - OF_LATE),
            broken=broken,
            short_pools=pools.short(connection, coupons_of(readable.values()), now, FEW_CODES),
        )


def day_begins(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the day of a moment began in a zone, in UTC."""
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
