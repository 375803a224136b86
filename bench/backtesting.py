"""Backtests over a year of a shop: how long the history takes to be played through flows, and how much memory.

    python -m bench.backtesting [--orders 100000] [--postgres] [--flows post-purchase win-back birthday]

A year of a shop is written straight into the tables: a third as many customers as orders, who sign up, look at
products, and buy; each order is packed, shipped and delivered, and some are given back. Beside it stands how long
reading the same history takes without playing it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from bench.support.homes import ask_for_database, database_of, house, make_home
from worker.edges import publishing
from worker.edges.house import House
from worker.rehearsal.backtest.playing import Question, backtest
from worker.rehearsal.backtest.tally import Window
from worker.storage.history import PastReader
from worker.storage.tables import address, consent_change, customer, event

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
FLOWS = ("post-purchase", "win-back", "birthday", "newsletter", "abandoned-checkout")
BATCH = 2_000  # customers of one insert
GOODS = (("AR-250", "arabica", 225_000), ("RO-250", "robusta", 145_000), ("CB-500", "cold-brew", 95_000))
STAGES = ("order.packing", "order.shipped", "order.delivered")


def person(n: int) -> list[tuple[datetime, str, dict[str, Any]]]:
    """Return what the n-th customer does in the year: events with their payloads."""
    email, began = f"khach{n}@example.com", SINCE + timedelta(minutes=n * 7_919 % 400_000)
    who: dict[str, Any] = {
        "id": f"c{n}",
        "email": email,
        "name": f"Khách {n}",
        "language": "en" if n % 9 == 0 else "vi",
    }
    born = date(1960, 1, 1) + timedelta(days=n * 7_919 % 18_262)
    said = {**who, "birthday": born.isoformat(), "consent": {"marketing": n % 5 != 0, "source": "sign-up"}}
    found = [(began, "signup", {"customer": said, "order": None, "data": {}})]
    for turn in range(n % 3 * 3):  # none, three or six orders: three at the average
        at = began + timedelta(days=turn * (20 + n % 60), minutes=n * 31 % 1_440)
        sku, category, price = GOODS[(n + turn) % 3]
        line = {"sku": sku, "name": sku, "category": category, "quantity": 1 + n % 3, "price": price}
        order = {"number": f"A{n}-{turn}", "total": str(price * (1 + n % 3)), "lines": [line]}
        found.append(
            (at - timedelta(hours=1), "product.viewed", {"customer": who, "order": None, "data": {"sku": sku}})
        )
        found.append((at, "purchase", {"customer": who, "order": order, "data": {}}))
        for stage, kind in enumerate(STAGES, start=1):
            told = {"number": order["number"], "status": kind.removeprefix("order.")}
            moment = at + timedelta(days=stage, hours=n % 7)
            found.append((moment, kind, {"customer": {"id": who["id"]}, "order": told, "data": {}}))
        if (n + turn) % 40 == 0:
            told = {"number": order["number"]}
            found.append((at + timedelta(days=9), "refund", {"customer": {"id": who["id"]}, "order": told, "data": {}}))
    return [one for one in found if one[0] < UNTIL]


def write_year(connection: Connection, customers: int) -> tuple[int, int]:
    """Write the year; returns how many orders and events there are."""
    orders = number = 0
    for start in range(1, customers + 1, BATCH):
        people, events, addresses, consents = [], [], [], []
        for n in range(start, min(start + BATCH, customers + 1)):
            told = person(n)
            email, state = f"khach{n}@example.com", "subscribed" if n % 5 else "unsubscribed"
            first = told[0][0] if told else SINCE
            row = {"id": n, "external_id": f"c{n}", "email": email, "name": f"Khách {n}"}
            people.append(row | {"created_at": first, "updated_at": first})
            addresses.append({"email": email, "marketing": state, "marketing_at": first})
            for at, kind, payload in told:
                number += 1
                orders += kind == "purchase"
                one = {"id": number, "source": "shop", "external_id": str(number), "type": kind, "occurred_at": at}
                order = (payload["order"] or {}).get("number")
                one |= {"received_at": at, "content_hash": "", "payload": payload, "state": "processed"}
                events.append(one | {"customer_id": n, "order_number": order})
                if kind == "signup":
                    word = {"email": email, "purpose": "marketing", "state": state, "at": at, "source": "sign-up"}
                    consents.append(word | {"event_id": number})
        rows = ((customer, people), (address, addresses), (event, events), (consent_change, consents))
        for table, values in rows:
            if values:
                connection.execute(insert(table), values)
    return orders, number


def reading(of: House) -> tuple[float, float]:
    """Return how many seconds it takes to read the history and do nothing with it, by the clock and of CPU."""
    began, busy = time.perf_counter(), time.process_time()
    for _ in PastReader(of.database).slices():
        pass
    return time.perf_counter() - began, time.process_time() - busy


def memory() -> float:
    """Return the most memory that this process has had, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure playing a year of a shop through flows.")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--flows", nargs="*", default=FLOWS)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        of = house(make_home(folder / "home"), **database_of(stack, postgres=options.postgres))
        stack.callback(of.close)
        began = time.perf_counter()
        with of.database.writing() as connection:
            orders, events = write_year(connection, options.orders * 3 // 8)
        if not of.database.is_sqlite:
            with of.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        wrote = time.perf_counter() - began
        print(f"{of.database_name()}: {orders:,} orders, {events:,} events, written in {wrote:.0f} s")
        flows = publishing.read_flows(of).flows
        segments = {name: one.when for name, one in of.read_segments().segments.items()}
        before = memory()
        print(f"{'flow':<24} {'time':>9} {'CPU':>9} {'to reading':>11} {'orders/s':>9} {'entered':>9} {'mails':>9}")
        took, alone = reading(of)
        print(f"{'(reading alone)':<24} {took:>7.1f} s {alone:>7.1f} s {1:>11.1f} {orders / took:>9,.0f}")
        for name in options.flows:
            flow = flows[name].flow
            question = Question(flow, Window(SINCE, UNTIL), of.settings, segments, of.seasons(), of.staff(), samples=3)
            began, busy = time.perf_counter(), time.process_time()
            tally = backtest(of.database, question).tally
            took, busy = time.perf_counter() - began, time.process_time() - busy
            assert not tally.failed, tally.failed
            print(
                f"{name:<24} {took:>7.1f} s {busy:>7.1f} s {busy / alone:>11.1f} {orders / took:>9,.0f}"
                f" {tally.entered:>9,} {tally.mails:>9,}"
            )
        print(f"memory: at most {memory():,.0f} MB, {memory() - before:,.0f} MB more than before the first")


if __name__ == "__main__":
    main()
