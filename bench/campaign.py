"""A campaign from its moment: the clock enters everybody, their journeys are taken on, their mails are sent.

    python -m bench.campaign [--customers 100000] [--postgres]

So many customers, who agreed to mail and tracking, and one flow for all of them on a day, by a whole `phin up`. The
shop's time is moved over its moment; then it is asked how many have entered, how many journeys have come to their end,
and how many mails the server has taken, until all have. CPU is that of Phin's workers and clock; `bench.sending` begins
where the mails are queued already.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, insert, select

from bench.sending import LOOK_EVERY, cpu_of, pss_of, senders, until_quiet
from bench.support.campaign import NAME, PORTION, write_template
from bench.support.homes import ask_for_database, database_of, house, make_home
from bench.support.noise import Noise
from bench.support.raw_sink import raw_sink
from tests.support.phin_up import PhinUp, phin_up
from worker.edges.house import House
from worker.storage.tables import address, customer, journey, message

DAYS = 2  # from today to the campaign's day
_FLOW = f"""\
flow: {NAME}
kind: marketing
trigger: {{{{date: {{day}}, at: "09:00"}}}}
when: customer.consent
steps: [{{{{send: {NAME}}}}}]
"""
_MILESTONES = {
    "entered": (journey.c.flow == NAME,),
    "taken on": (journey.c.flow == NAME, journey.c.state == "done"),
    "sent": (message.c.flow == NAME, message.c.state == "sent"),
}


def fill(into: House, count: int) -> None:
    """Keep so many customers."""
    now = into.clock.now()
    agreed = {"marketing": "subscribed", "tracking": "subscribed"}
    for start in range(1, count + 1, PORTION):
        numbers = range(start, min(start + PORTION, count + 1))
        people = [
            {"id": n, "external_id": f"c{n}", "email": f"khach{n}@example.com", "name": f"Nguyễn Thị Lan {n}"}
            | {"first_name": "Lan", "language": "vi", "created_at": now, "updated_at": now}
            for n in numbers
        ]
        with into.database.writing() as connection:
            connection.execute(insert(customer), people)
            connection.execute(insert(address), [{"email": one["email"], **agreed} for one in people])


def measure(home: Path, customers: int, settings: dict[str, str]) -> None:
    """Run the campaign and tell when what was done."""
    write_template(home)
    for path in (home / "flows").glob("*.yaml"):
        path.unlink()
    day = (datetime.now(UTC).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")) + timedelta(days=DAYS)).date()
    (home / "flows" / f"{NAME}.yaml").write_text(_FLOW.format(day=day), encoding="utf-8")
    with raw_sink() as port:
        settings = {**settings, "PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}", "PHIN_BASE_URL": "https://m.shop.example"}
        into = house(home, **settings)
        fill(into, customers)
        with phin_up(home, **settings) as up:
            until_quiet(up)
            noise = Noise()
            run(into, up, customers)
            print(noise.told())
        into.close()


def run(into: House, up: PhinUp, customers: int) -> None:
    """Move the shop's time over the moment, and wait until all is sent."""
    processes = senders(up)
    before, most = cpu_of(processes), 0.0
    left = dict(_MILESTONES)
    began = looked = time.perf_counter()
    into.clock.path.write_text(str(DAYS * 86_400))
    while left:
        time.sleep(LOOK_EVERY)
        name, which = next(iter(left.items()))
        if _count(into, *which) == customers:
            seconds = time.perf_counter() - began
            cpu = 1000 * (cpu_of(processes) - before) / customers
            print(
                f"{name:<10}{seconds:>8.1f} s{customers / seconds:>9,.0f} a second{cpu:>8.3f} ms CPU each", flush=True
            )
            del left[name]
        if time.perf_counter() - looked > 1:
            most, looked = max(most, pss_of(processes)), time.perf_counter()
    print(f"at most {most:.0f} MB PSS in workers and clock")


def _count(into: House, *which: ColumnElement[bool]) -> int:
    table = which[0].left.table
    with into.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure a campaign from its moment to its last mail.")
    parser.add_argument("--customers", type=int, default=100_000)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        home = make_home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        measure(home, options.customers, database_of(stack, postgres=options.postgres))


if __name__ == "__main__":
    main()
