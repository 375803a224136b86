"""Events through matching with many live flows: the cost should grow with those that listen, not with all.

    python -m bench.matching [--events 2000] [--flows 1 20 200] [--postgres]

Each event is a purchase of its own customer, taken in and processed in batches of a hundred. Of each number of flows it
is measured once with one that listens to purchases (the others to events of the shop's own) and once with all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench.support.homes import ask_for_database, database_of
from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.engine.intake import take_in
from worker.engine.processing import Processing
from worker.engine.publishing import Source, publish
from worker.language.flow.flows import read_flow
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook
from worker.storage.migrations import migrate

NOW = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)
BATCH = 100
LISTENS = 'trigger: purchase\nwhen: order.total >= 300_000 and "arabica" in order.categories\nsteps: [{exit: done}]\n'
OTHERS = "trigger: {event: tasting.booked}\nwhen: customer.orders_count >= 2\nsteps: [{exit: done}]\n"


def flows(number: int, listening: int) -> dict[str, Source]:
    """Return so many flows, of which so many listen to purchases."""
    made = {}
    for one in range(number):
        whole = f"flow: flow-{one}\n{LISTENS if one < listening else OTHERS}"
        made[f"flow-{one}"] = Source(read_flow(whole, f"flow-{one}.yaml", None)[0], whole)
    return made


def purchases(first: int, count: int) -> list[dict[str, object]]:
    """Return purchases that no flow takes, so that matching is measured and not entering."""
    return [
        {
            "id": f"e{number}",
            "type": "purchase",
            "time": NOW.isoformat(),
            "customer": {"id": f"c{number}", "email": f"c{number}@example.com"},
            "order": {
                "number": f"A{number}",
                "total": 250_000,
                "lines": [{"sku": "R", "name": "Robusta", "category": "robusta", "quantity": 1, "price": 250_000}],
            },
        }
        for number in range(first, first + count)
    ]


def measure(url: str | None, folder: Path, events: int, number: int, listening: int) -> float:
    """Return the events a second with so many flows, of which so many listen."""
    database = Database(url or f"sqlite:///{folder / f'phin-{number}-{listening}.db'}")
    migrate(database)
    settings, flowbook = Settings(), FlowBook()
    publish(database, flows(number, listening), frozenset(), NOW)
    processing, rules = Processing(database, flowbook, settings), EventRules.of(settings)
    first = number * 10_000_000 + listening * 100_000
    taken = [
        take_in(database, purchases(start, BATCH), "shop", rules, NOW)[1].events
        for start in range(first, first + events + BATCH, BATCH)
    ]
    processing.run(taken[0], NOW)
    began = time.perf_counter()
    for ids in taken[1:]:
        processing.run(ids, NOW)
    rate = events / (time.perf_counter() - began)
    database.close()
    return rate


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure events through matching with many live flows.")
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--flows", type=int, nargs="+", default=[1, 20, 200])
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = database_of(stack, postgres=options.postgres).get("PHIN_DATABASE_URL")
        print("PostgreSQL" if options.postgres else "SQLite")
        print(f"{'live flows':>11} {'that listen':>12} {'events/s':>10} {'of one flow':>12}")
        alone = 0.0
        for number in options.flows:
            for listening in sorted({1, number}):
                rate = measure(url, folder, options.events, number, listening)
                alone = alone or rate
                print(f"{number:>11,} {listening:>12,} {rate:>10,.0f} {rate / alone:>12.2f}", flush=True)


if __name__ == "__main__":
    main()
