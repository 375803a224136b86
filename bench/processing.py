"""CPU and statements that processing a purchase takes, in one process, with the shipped flows.

    python -m bench.processing [--events 1000] [--together 25] [--postgres] [--statements]

Each is the purchase of a new customer, taken in before; two of the flows take it in, and one of them writes a mail,
whose sending is not measured. The quarter of the batches with the least CPU counts, since a busy machine makes the
same work dearer. On PostgreSQL the CPU of its server is told apart. `--statements` lists what a batch asks, in its
order of number; counting is done in one more batch that is not timed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
from sqlalchemy import event

from bench.support.homes import ask_for_database, database_of, house, make_home
from bench.support.noise import Noise
from tests.support.visitor import purchase
from worker.domain.event_check import EventRules
from worker.edges.house import House
from worker.edges.jobs import Job
from worker.edges.publishing import publish
from worker.engine.intake import take_in
from worker.storage.database import Database

WARM = 3  # batches before it is measured


def server_cpu() -> float:
    """Return the seconds of CPU that the processes of a PostgreSQL on this machine have taken so far."""
    taken = 0.0
    for process in psutil.process_iter(["name", "cpu_times"]):
        if process.info["name"].startswith("postgres") and process.info["cpu_times"] is not None:
            taken += process.info["cpu_times"].user + process.info["cpu_times"].system
    return taken


@contextmanager
def counted(database: Database) -> Iterator[Counter[str]]:
    """Count the statements that reach the driver."""
    found: Counter[str] = Counter()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found[" ".join(statement.split())] += 1

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def measure(made: House, events: int, together: int) -> tuple[float, float, Counter[str]]:
    """Return the seconds of CPU of this process and of the server an event, and the statements of one more batch."""
    now = made.clock.now()
    batches = []
    for start in range(0, events + (WARM + 1) * together, together):
        told = []
        for number in range(start, start + together):
            customer = {"id": f"c{number}", "email": f"khach{number}@example.com", "name": "Lan"}
            told.append(purchase(f"p{number}", f"A{number}", customer))
        batches.append(take_in(made.database, told, "shop", EventRules.of(made.settings), now)[1].events)
    own, theirs = [], []
    for ids in batches[:-1]:
        server, began = server_cpu(), time.process_time()
        made.runners[Job.PROCESS_EVENTS](ids)
        own.append((time.process_time() - began) / together)
        theirs.append((server_cpu() - server) / together)
    with counted(made.database) as statements:
        made.runners[Job.PROCESS_EVENTS](batches[-1])
    quarter = max(1, (len(own) - WARM) // 4)
    return fmean(sorted(own[WARM:])[:quarter]), fmean(theirs[WARM:]), statements


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure the processing of purchases.")
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--together", type=int, default=25, help="events that wait at a time")
    parser.add_argument("--statements", action="store_true", help="list what a batch asks")
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = database_of(stack, postgres=options.postgres)
        made = house(make_home(folder), **settings)
        stack.callback(made.close)
        publish(made)
        noise = Noise()
        own, theirs, statements = measure(made, options.events, options.together)
        server = f", its server {1e6 * theirs:,.0f} µs" if options.postgres else ""
        print(f"{'PostgreSQL' if options.postgres else 'SQLite'}, {options.together} purchases at a time")
        each = statements.total() / options.together
        print(f"{1e6 * own:,.0f} µs of CPU a purchase{server}; {each:.1f} statements each")
        print(noise.told())
        if options.statements:
            for statement, number in statements.most_common():
                print(f"{number:>5} {statement}")


if __name__ == "__main__":
    main()
