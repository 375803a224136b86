"""Keeping segments: how long it takes to look through all customers for the shipped segments.

    python -m bench.segments [--customers 1000000] [--postgres]

A shop is written into the database as it would stand after two years: half of the customers have bought, some often,
and viewed products lately. Then the segments that ship are filled for the first time, the hourly pass runs with nothing
to change, it runs a day later, and customers whose facts changed are looked at.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, text

from bench.support.homes import ask_for_database, database_of, house, make_home
from worker.edges.house import House
from worker.edges.publishing import publish
from worker.storage import membership, segments
from worker.storage.tables import customer, event, order_line, orders, segment_member

CHANGED = 10_000  # customers whose facts change
BATCH = 20_000  # rows of one insert


def write_shop(connection: Connection, customers: int, now: datetime) -> None:
    """Write customers with orders, lines and events; the same each time."""
    for start in range(0, customers, BATCH):
        numbers = range(start + 1, min(start + BATCH, customers) + 1)
        people, bought, lines, done = [], [], [], []
        for n in numbers:
            count = 0 if n % 2 else 1 + n * 7 % 9 // 3 * (n % 5)
            last = now - timedelta(days=n * 11 % 400, minutes=n % 1_440)
            first = last - timedelta(days=30 * max(0, count - 1))
            total = Decimal(120_000 + n * 13 % 700_000)
            person = {"id": n, "external_id": f"c{n}", "email": f"khach{n}@example.com", "name": f"Khách {n}"}
            facts = {"orders_count": count, "total_spent": total * count}
            times = {"first_order_at": first if count else None, "last_order_at": last if count else None}
            people.append(person | facts | times | {"created_at": first, "updated_at": now})
            for turn in range(count):
                key = n * 100 + turn
                placed = last - timedelta(days=30 * turn)
                one = {"id": key, "number": f"A{key}", "customer_id": n, "total": total, "currency": "VND"}
                bought.append(one | {"status": "delivered", "placed_at": placed, "counted": True})
                category = "arabica" if (n + turn) % 3 else "robusta"
                line = {"order_id": key, "position": 0, "sku": category, "name": category, "category": category}
                lines.append(line | {"quantity": 1, "price": total})
            for turn, kind in enumerate(("signup", *(["product.viewed"] * (n % 4)))):
                at = first if kind == "signup" else now - timedelta(days=n * turn % 40)
                seen = {"source": "shop", "external_id": f"{n}-{turn}", "type": kind, "occurred_at": at}
                seen |= {"received_at": at, "content_hash": "", "payload": {}, "state": "processed", "customer_id": n}
                done.append(seen)
        for table, rows in ((customer, people), (orders, bought), (order_line, lines), (event, done)):
            if rows:
                connection.execute(insert(table), rows)


def timed(title: str, of: House, work: Callable[[], None], rows: int) -> None:
    """Do the work and print how long it took, and how many members there are then."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    took, busy = time.perf_counter() - began, time.process_time() - busy
    with of.database.reading() as connection:
        members = connection.execute(select(func.count()).select_from(segment_member)).scalar_one()
    print(f"{title:<40} {took:>8.1f} s {busy:>8.1f} s {rows / took:>12,.0f} {members:>12,}")


def keep(of: House, now: datetime) -> Callable[[], None]:
    """Return what takes turns until nothing is left to do."""

    def run() -> None:
        longest, more = 0.0, True
        while more:
            began = time.perf_counter()
            _, more = of.segments.turn(now)
            longest = max(longest, time.perf_counter() - began)
        print(f"{'':<40} longest turn {longest * 1_000:,.0f} ms")

    return run


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure looking through all customers for segments.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = database_of(stack, postgres=options.postgres)
        home = make_home(folder / "home")
        shutil.rmtree(home / "flows")
        (home / "flows").mkdir()
        of = house(home, **settings)
        stack.callback(of.close)
        now = of.clock.now()
        began = time.perf_counter()
        with of.database.writing() as connection:
            write_shop(connection, options.customers, now)
        if not of.database.is_sqlite:
            with of.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        print(f"{of.database_name()}, {options.customers:,} customers, written in {time.perf_counter() - began:.0f} s")
        done = publish(of)
        assert not done.segments_broken, done.problems
        print(f"{f'{done.segments} segments':<40} {'time':>10} {'CPU':>10} {'customers/s':>12} {'members':>12}")
        timed("the first pass", of, keep(of, now), options.customers)
        timed("the pass an hour later", of, keep(of, now + timedelta(hours=1)), options.customers)
        timed("the pass a day later", of, keep(of, now + timedelta(days=1)), options.customers)
        changed = {n * 7 % options.customers + 1: False for n in range(min(CHANGED, options.customers))}
        with of.database.writing() as connection:
            membership.mark(connection, changed)
        timed(f"{len(changed):,} customers who changed", of, keep(of, now + timedelta(days=1)), len(changed))
        began = time.perf_counter()
        with of.database.reading() as connection:
            segments.counts(connection)
            segments.customers_count(connection)
        print(f"counting members, as 'phin segments' does: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
