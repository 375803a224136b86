"""Events in: how many a second a whole `phin up` takes in, each durable when it is answered.

    python -m bench.intake [--seconds 10] [--rounds 3] [--postgres]

Purchases by customers of their own, in batches of a hundred over four connections and singly over 64, each sent as soon
as the answer before it is there. The workers process them all the while and send mails to a sink, so what is measured
is what a web process takes in beside them. In the same minute, turn by turn, a bare loop of inserts into a table of the
same columns on a database of its own beside it: a hundred rows in a commit, and one. At the end each event that was
answered 202 must be a row; the backlog and the jobs that wait in the queue are told.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import func, select, text

from bench.latency import cpu, until_quiet
from bench.support.homes import ask_for_database
from bench.support.noise import Noise
from bench.support.poster import Posted, post
from bench.support.raw_sink import raw_sink
from tests.support.phin_up import PhinUp, make_home, phin_up
from tests.support.postgres import PostgresServer
from tests.support.visitor import Visitor
from worker.edges.queue import open_queue
from worker.edges.queue_server import QueueServer
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import event

LOADS = {"batches of 100": (100, 4), "singly": (1, 64)}  # events in a request, connections
_COLUMNS = "source, external_id, type, occurred_at, received_at, content_hash, customer_key, email_key, payload"
_PAYLOAD = json.dumps({"customer": {"id": "c", "name": "Nguyễn Thị Lan"}, "order": {"number": "A", "total": "450000"}})


@contextmanager
def bare_database(url: str | None, folder: Path) -> Iterator[Database]:
    """Give a database with Phin's tables that nobody else works on."""
    database = Database(url or f"sqlite:///{folder / 'bare.db'}")
    migrate(database)
    try:
        yield database
    finally:
        database.close()


def bare(database: Database, batch: int, seconds: float, first: int) -> float:
    """Insert rows by the driver alone, so many in a commit; returns the rows a second."""
    driver = database.engine.raw_connection()
    mark = "?" if database.is_sqlite else "%s"
    now = int(time.time() * 1e6) if database.is_sqlite else "now"
    statement = f"INSERT INTO event ({_COLUMNS}) VALUES ({', '.join([mark] * 9)})"
    cursor, number, began = driver.cursor(), first, time.perf_counter()
    while time.perf_counter() - began < seconds:
        rows = [
            ("bare", str(one), "purchase", now, now, "0" * 64, f"id:{one}", f"email:khach{one}@example.com", _PAYLOAD)
            for one in range(number, number + batch)
        ]
        if database.is_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
        cursor.executemany(statement, rows)
        driver.commit()
        number += batch
    took = time.perf_counter() - began
    driver.close()
    return (number - first) / took


def told(up: PhinUp, database: Database, accepted: int) -> None:
    """Print what became of all events."""
    with database.reading() as connection:
        waiting = connection.execute(select(func.count()).where(event.c.state == "received")).scalar_one()
        mine = connection.execute(text("SELECT count(*) FROM event WHERE external_id LIKE 'p%'")).scalar_one()
    memory = {" ".join(one.cmdline()).strip()[:40]: one.memory_full_info().pss / 1e6 for one in up.family()}
    web = memory.get("phin web", 0.0)
    verdict = "none is lost" if mine == accepted else "SOME ARE LOST"
    print(f"{accepted:,} accepted, {mine:,} rows: {verdict}; {waiting:,} still to be processed")
    print(f"{sum(memory.values()):.0f} MB PSS in all processes, {web:.0f} MB in the web process", flush=True)


def measure(settings: dict[str, str], bare_url: str | None, folder: Path, options: argparse.Namespace) -> None:
    """Measure with these settings."""
    found: dict[str, list[tuple[Posted, float, dict[str, float]]]] = {name: [] for name in LOADS}
    first = 1
    home = make_home(folder / "home")
    with raw_sink() as port, bare_database(bare_url, folder) as beside:
        settings = {
            **settings,
            "PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "PHIN_INTAKE_REQUESTS_PER_SECOND": "100000",
        }
        with phin_up(home, **settings) as up:
            key = Visitor(up, **settings).key
            database = Database(settings.get("PHIN_DATABASE_URL", f"sqlite:///{home / 'var' / 'phin.db'}"))
            until_quiet(up)  # the first start compiles every template
            accepted, noise = 0, Noise()
            for number in range(options.rounds + 1):  # the first one warms up
                for name, (batch, connections) in LOADS.items():
                    seconds = options.seconds if number else 2
                    least = bare(beside, batch, min(seconds, 3), first)
                    before = cpu(up)
                    posted = post(up.url, key, batch=batch, connections=connections, seconds=seconds, first=first)
                    after = cpu(up)
                    first += 10_000_000
                    accepted += posted.events
                    taken = {one: 1e6 * (after[one] - before.get(one, 0.0)) / posted.events for one in after}
                    if number:
                        found[name].append((posted, least, taken))
            show(found)
            told(up, database, accepted)
            waiting = open_queue(QueueServer(home / "var" / "queue", Path()).url).waiting()
            print(f"{waiting:,} jobs wait in the queue; {noise.told()}")
            database.close()


def show(found: dict[str, list[tuple[Posted, float, dict[str, float]]]]) -> None:
    """Print the medians of the rounds."""
    for name, rounds in found.items():
        rate = statistics.median(posted.rate for posted, _, _ in rounds)
        ratio = statistics.median(posted.rate / least for posted, least, _ in rounds)
        median = statistics.median(posted.median for posted, _, _ in rounds)
        slowest = statistics.median(posted.slowest for posted, _, _ in rounds)
        web = statistics.median(taken.get("web", 0.0) for _, _, taken in rounds)
        load = statistics.median(1e6 * posted.cpu / posted.events for posted, _, _ in rounds)
        wrong = sum(posted.wrong for posted, _, _ in rounds)
        print(
            f"{name:<16} {rate:8,.0f} events a second ({ratio:.2f} of a bare loop of inserts) · answers after "
            f"{1e3 * median:.1f} ms, 99th percentile {1e3 * slowest:.1f} ms · {web:.0f} µs CPU an event in the web "
            f"process, {load:.0f} µs in the load · {wrong} refused or wrong"
        )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure how many events a second are taken in.")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None)))
        settings, bare_url = {}, None
        if options.postgres:
            server = PostgresServer(fsync=True)
            stack.callback(server.close)
            settings["PHIN_DATABASE_URL"] = server.url(server.create_database())
            bare_url = server.url(server.create_database())
        print("PostgreSQL" if options.postgres else "SQLite", flush=True)
        measure(settings, bare_url, folder.resolve(), options)


if __name__ == "__main__":
    main()
