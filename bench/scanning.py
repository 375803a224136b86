"""Triggers of the clock among many customers: an idle look, a day's birthdays, a season, everyone entered.

    python -m bench.scanning [--customers 1000000] [--postgres]

Beside them, in the same run: the birthdays of a day found without their index, and one plain INSERT … SELECT of a
journey for every customer, which is the least that entering them can cost.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Text as SqlText
from sqlalchemy import func, insert, literal, literal_column, select, text

from bench.support.homes import ask_for_database, database_of
from worker.domain.calendars.seasons import FixedDay, ListedDays, Season
from worker.domain.settings import Settings
from worker.engine.finding import Finding
from worker.engine.publishing import Source, publish
from worker.language.flow.flows import read_flow
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook
from worker.storage.migrations import migrate
from worker.storage.month_day import month_day
from worker.storage.tables import customer, flow_version, journey

MORNING = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)  # 9:00 in Ho Chi Minh City
SEASONS = {
    "spring": Season("spring", {}, FixedDay(3, 3)),
    "feast": Season("feast", {}, ListedDays((date(2027, 3, 4),))),
}
FLOWS = {
    "birthday": "trigger: birthday\nsteps: [{send: wishes}]\n",
    "win-back": "trigger: {date: customer.last_order_at, offset: 60 days}\nsteps: [{send: back}]\n",
    "few": "trigger: {season: spring}\nwhen: customer.orders_count >= 99\nsteps: [{send: spring}]\n",
    "all": "trigger: {season: feast}\nsteps: [{send: feast}]\n",
}
_SQLITE = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
    INSERT INTO customer (external_id, email, birthday, timezone, created_at, updated_at, orders_count, last_order_at)
    SELECT 'c' || i, 'c' || i || '@example.com', date('1960-01-01', '+' || (i * 7919 % 18262) || ' days'),
        CASE i % 10 WHEN 0 THEN 'Asia/Tokyo' WHEN 1 THEN 'Europe/Paris' END, :long_ago, :long_ago, i % 100,
        :long_ago + (i * 7919 % 31536000) * 1000000
    FROM n
"""
_POSTGRES = """
    INSERT INTO customer (external_id, email, birthday, timezone, created_at, updated_at, orders_count, last_order_at)
    SELECT 'c' || i, 'c' || i || '@example.com', date '1960-01-01' + (i * 7919 % 18262)::integer,
        CASE i % 10 WHEN 0 THEN 'Asia/Tokyo' WHEN 1 THEN 'Europe/Paris' END, :long_ago, :long_ago, i % 100,
        :long_ago + make_interval(secs => i * 7919 % 31536000)
    FROM generate_series(1::bigint, :many) AS i
"""


def fill(database: Database, many: int) -> None:
    """Make customers: birthdays over 50 years, a fifth of them in other zones, their last orders over a year."""
    long_ago = MORNING - timedelta(days=400)
    moment = int(long_ago.timestamp() * 1_000_000) if database.is_sqlite else long_ago
    with database.writing() as connection:
        connection.execute(text(_SQLITE if database.is_sqlite else _POSTGRES), {"many": many, "long_ago": moment})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # as PostgreSQL does by itself after a while


def timed(title: str, work: Callable[[], object], note: str = "") -> float:
    """Do the work, print how long it took, and return that in seconds."""
    began, busy = time.perf_counter(), time.process_time()
    done = work()
    took, busy = time.perf_counter() - began, time.process_time() - busy
    print(
        f"{title:<44} {took * 1_000:>10,.0f} ms {busy * 1_000:>8,.0f} ms CPU  {note or (f'{done:,}' if done else '')}"
    )
    return took


def without_index(database: Database) -> int:
    """Find the birthdays of a day by looking at each customer."""
    with database.reading() as connection:
        number = month_day(func.coalesce(customer.c.birthday, customer.c.birthday))
        return int(connection.execute(select(func.count()).where(number == 302)).scalar_one())


def plain(database: Database) -> int:
    """Write a journey for every customer by one statement, and take them away again."""
    version = select(func.min(flow_version.c.id)).scalar_subquery()
    state, now = literal("waiting", SqlText()), journey.c.entered_at.type
    rows = select(
        literal("plain", SqlText()), version, customer.c.id, literal_column("'ever'"), state, literal(MORNING, now)
    )
    columns = ["flow", "version_id", "customer_id", "once_key", "state", "entered_at"]
    with database.writing() as connection:
        count = connection.execute(insert(journey).from_select(columns, rows, include_defaults=False)).rowcount
        connection.rollback()
    return count


def measure(database: Database, many: int) -> None:
    """Measure on one database."""
    migrate(database)
    timed("customers made", lambda: fill(database, many), f"{many:,}")
    settings, flowbook = Settings(), FlowBook()
    sources = {}
    for name, body in FLOWS.items():
        whole = f"flow: {name}\n{body}"
        sources[name] = Source(read_flow(whole, f"{name}.yaml", None)[0], whole)
    publish(database, sources, frozenset(), MORNING - timedelta(hours=12))
    clock = Finding(database, flowbook, settings, lambda: SEASONS)
    clock.run(MORNING - timedelta(hours=6))
    clock.run(MORNING - timedelta(minutes=1))
    timed("a look when nothing is due", lambda: clock.run(MORNING - timedelta(seconds=30)))
    timed("a day's birthdays and last orders (4 of 5)", lambda: clock.run(MORNING))
    unindexed = timed("  birthdays without their index", lambda: without_index(database))
    only = Finding(database, FlowBook(), settings, lambda: SEASONS)
    publish(database, {"birthday": sources["birthday"]}, frozenset(), MORNING)
    only.run(MORNING + timedelta(hours=23))
    indexed = timed("a day's birthdays (4 of 5)", lambda: only.run(MORNING + timedelta(days=1)))
    print(f"  {indexed / unindexed:.2f} of a scan without the index, entering them included")
    publish(database, {"few": sources["few"]}, frozenset(), MORNING + timedelta(hours=23))
    timed("a season, for one in a hundred (4 of 5)", lambda: only.run(MORNING + timedelta(days=1, minutes=5)))
    publish(database, {"all": sources["all"]}, frozenset(), MORNING + timedelta(days=1, hours=1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    entering = timed("a season, for everyone (all zones)", lambda: only.run(MORNING + timedelta(days=2, hours=9)))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1_024
    least = timed("  one plain INSERT … SELECT of as many", lambda: plain(database))
    print(f"  {many / entering:,.0f} a second, {entering / least:.1f} times the plain one, {grown:,.0f} MB more memory")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure triggers of the clock among many customers.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = database_of(stack, postgres=options.postgres)
        database = Database(made.get("PHIN_DATABASE_URL", f"sqlite:///{folder / 'phin.db'}"))
        stack.callback(database.close)
        print("PostgreSQL" if options.postgres else "SQLite")
        measure(database, options.customers)


if __name__ == "__main__":
    main()
