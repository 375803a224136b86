"""A tick of the clock while journeys wait and none is due: what it costs with 10, 10,000 and 5,000,000 of them.

    python -m bench.waiting [--journeys 10 10000 5000000] [--postgres]

Beside it, in the same run: a plain count of the rows of the index that the tick reads first, and what counting all
that wait would cost, which the tick must never do.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from bench.support.homes import ask_for_database, database_of
from worker.domain.settings import Settings
from worker.engine.finding import Finding
from worker.engine.publishing import Source, publish
from worker.language.flow.flows import read_flow
from worker.storage.database import Database
from worker.storage.due import due_work
from worker.storage.flowbook import FlowBook
from worker.storage.migrations import migrate
from worker.storage.tables import journey

NOW = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)
TURNS = 50
FLOW = "flow: patience\ntrigger: [signup, {schedule: '0 9 1 1 *'}]\nsteps: [{wait: 30 days}, {send: hello}]\n"
_SQLITE = """
    WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
    INSERT INTO journey (flow, version_id, customer_id, once_key, state, step, due_at, look_at, entered_at)
    SELECT 'patience', 1, 1, 'event:' || i, 'waiting', 'wait-1', :soon + i, :soon + i, :soon FROM n
"""
_POSTGRES = """
    INSERT INTO journey (flow, version_id, customer_id, once_key, state, step, due_at, look_at, entered_at)
    SELECT 'patience', 1, 1, 'event:' || i, 'waiting', 'wait-1', due, due, :soon
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i,
        LATERAL (SELECT CAST(:soon AS timestamptz) + make_interval(secs => i / 1000000.0) AS due) AS at
"""


def fill(database: Database, first: int, last: int) -> None:
    """Have journeys wait, all of them for a moment that is to come."""
    soon = NOW + timedelta(days=1)
    moment = int(soon.timestamp() * 1_000_000) if database.is_sqlite else soon
    statement = text(_SQLITE if database.is_sqlite else _POSTGRES)
    for start in range(first, last + 1, 500_000):
        asked = {"first": start, "last": min(last, start + 499_999), "soon": moment}
        with database.writing() as connection:
            connection.execute(statement, asked)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def median(work: Callable[[], object], turns: int = TURNS) -> float:
    """Return the milliseconds that work takes at the median."""
    taken = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        taken.append(1_000 * (time.perf_counter() - began))
    return statistics.median(taken)


def measure(database: Database, counts: list[int]) -> None:
    """Measure on one database."""
    migrate(database)
    flowbook = FlowBook()
    publish(database, {"patience": Source(read_flow(FLOW, "patience.yaml", None)[0], FLOW)}, frozenset(), NOW)
    with database.writing() as connection:
        at = int(NOW.timestamp() * 1_000_000) if database.is_sqlite else NOW
        insert = "INSERT INTO customer (external_id, created_at, updated_at) VALUES ('c1', :at, :at)"
        connection.execute(text(insert), {"at": at})
    finding = Finding(database, flowbook, Settings(), dict)

    def sweep() -> object:
        with database.reading() as connection:
            return due_work(connection, flowbook.follow(connection), NOW, 2_000)

    def count() -> object:
        with database.reading() as connection:
            return connection.execute(select(func.count()).where(journey.c.state == "waiting")).scalar_one()

    def bare() -> object:
        with database.reading() as connection:
            return connection.execute(text("SELECT 1")).scalar_one()

    print(f"{'waiting journeys':>17} {'sweep':>10} {'turns':>10} {'SELECT 1':>10} {'counting them':>15}")
    there = 0
    for wanted in counts:
        fill(database, there + 1, wanted)
        there = wanted
        finding.run(NOW)
        assert not sweep()
        row = [median(sweep), median(lambda: finding.run(NOW)), median(bare), median(count, 3)]
        print(f"{wanted:>17,} {row[0]:>7.2f} ms {row[1]:>7.2f} ms {row[2]:>7.2f} ms {row[3]:>12,.0f} ms", flush=True)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure a tick while journeys wait and none is due.")
    parser.add_argument("--journeys", type=int, nargs="+", default=[10, 10_000, 5_000_000])
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = database_of(stack, postgres=options.postgres)
        database = Database(made.get("PHIN_DATABASE_URL", f"sqlite:///{folder / 'phin.db'}"))
        stack.callback(database.close)
        print("PostgreSQL" if options.postgres else "SQLite")
        measure(database, sorted(options.journeys))


if __name__ == "__main__":
    main()
