"""A campaign from its release to the last settled row, by a whole `phin up`, beside Postfix's smtp-source.

    python -m bench.sending [--mails 100000] [--rounds 3] [--postgres]

Each round queues so many mails of 7 KB with three tracked links, a pixel and one-click headers while their flow is
paused, and resumes it. The rate counts from then until no row of the ledger is open. CPU is that of Phin's workers and
clock (not of the web process, the queue, the database or the sink), memory the most that these held together, in PSS.
After each round smtp-source, which renders nothing and keeps no ledger, hands over as many mails of the same size to
the same sink, by one connection and by as many as Phin has threads for campaigns; connections stay open.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import func, select

from bench.support.campaign import NAME, fill, publish_campaign, write_flow, write_template
from bench.support.homes import ask_for_database, database_of, house, make_home
from bench.support.noise import Noise
from bench.support.postfix_tools import PostfixTools, tools_if_any
from bench.support.raw_sink import raw_sink
from tests.support.phin_up import PhinUp, phin_up
from worker.domain.messages import MessageState
from worker.edges.house import House
from worker.storage import flows
from worker.storage.ledger import stands
from worker.storage.tables import message

CONNECTIONS = (1, 4)  # of smtp-source
LOOK_EVERY = 0.1  # seconds
SETTLED = 1.0  # seconds of rest in which a house takes less than a tenth of them in CPU
STATES = (MessageState.QUEUED, MessageState.CLAIMED, MessageState.TRANSMITTING)
_ONE_OPEN = select(message.c.id).where(stands(*STATES)).limit(1)


@dataclass(frozen=True, slots=True)
class Figures:
    """One round: mails a second, milliseconds of CPU a mail, megabytes, and what smtp-source reached by connections."""

    rate: float
    cpu: float
    pss: float
    sources: tuple[float, ...]


def senders(up: PhinUp) -> list[psutil.Process]:
    """Return the processes that are counted: workers and clock."""
    found = [(process, " ".join(process.cmdline()).strip()) for process in up.family()]
    return [process for process, title in found if title.startswith(("phin worker", "phin clock"))]


def cpu_of(processes: list[psutil.Process]) -> float:
    """Return the seconds of CPU that they have taken."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def pss_of(processes: list[psutil.Process]) -> float:
    """Return the megabytes that they hold, shared ones divided."""
    found = 0
    for process in processes:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                found += int(line.split()[1])
    return found / 1024


def until_quiet(up: PhinUp) -> None:
    """Wait until a house has nothing to do."""
    while True:
        before = cpu_of(up.family())
        time.sleep(SETTLED)
        if cpu_of(up.family()) - before < SETTLED / 10:
            return


def pause(into: House, paused: bool) -> None:
    """Hold the campaign's flow, or go on with it."""
    with into.database.writing() as connection:
        flows.set_paused(connection, NAME, paused, into.clock.now())


def send(into: House, up: PhinUp, mails: int) -> tuple[float, float, float]:
    """Release what is queued; returns mails a second, milliseconds of CPU a mail, and megabytes."""
    processes = senders(up)
    before, most = cpu_of(processes), 0.0
    began = looked = time.perf_counter()
    pause(into, False)
    while True:
        time.sleep(LOOK_EVERY)
        with into.database.reading() as connection:
            if connection.execute(_ONE_OPEN).first() is None:
                break
        if time.perf_counter() - looked > 1:
            most, looked = max(most, pss_of(processes)), time.perf_counter()
    seconds = time.perf_counter() - began
    most = max(most, pss_of(processes))
    return mails / seconds, 1000 * (cpu_of(processes) - before) / mails, most


def measure(home: Path, options: argparse.Namespace, settings: dict[str, str], tools: PostfixTools | None) -> None:
    """Run the rounds and print their figures."""
    write_template(home)
    write_flow(home)
    size = mail_size()
    with tools.sink() if tools else raw_sink() as port:
        settings = {**settings, "PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}", "PHIN_BASE_URL": "https://m.shop.example"}
        into = house(home, **settings)
        version = publish_campaign(into)
        pause(into, True)
        database = "PostgreSQL" if options.postgres else "SQLite"
        print(f"{database}, {options.mails:,} mails of {size:,} bytes")
        noise = Noise()
        heads = "".join(f"{f'smtp-source -s {many}':>18}{'ratio':>8}" for many in CONNECTIONS if tools)
        print(f"{'':<12}{'mails/s':>10}{'CPU ms':>10}{'PSS MB':>10}{heads}")
        found: list[Figures] = []
        with phin_up(home, **settings) as up:
            for number in range(options.rounds):
                fill(into, version, 1 + number * options.mails, options.mails)
                until_quiet(up)
                rate, cpu, pss = send(into, up, options.mails)
                theirs = [source(tools, port, options.mails, size, many) for many in CONNECTIONS] if tools else []
                found.append(Figures(rate, cpu, pss, tuple(theirs)))
                tell(f"round {number + 1}", found[-1])
                pause(into, True)
        with into.database.reading() as connection:
            counted = connection.execute(select(message.c.state, func.count()).group_by(message.c.state)).all()
        into.close()
    assert dict(counted) == {"sent": options.mails * options.rounds}, counted
    middle = [statistics.median(getattr(one, name) for one in found) for name in ("rate", "cpu", "pss")]
    theirs = [statistics.median(rates) for rates in zip(*(one.sources for one in found), strict=True)]
    tell("median", Figures(middle[0], middle[1], middle[2], tuple(theirs)))
    print(noise.told())


def mail_size() -> int:
    """Capture one of the mails in a home of its own; returns its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        one = house(make_home(Path(folder)), PHIN_BASE_URL="https://m.shop.example")
        write_template(Path(folder))
        fill(one, publish_campaign(one), 1, 1)
        one.sending.run([1])
        (mail,) = (one.settings.var / "outbox").glob("*.eml")
        size = mail.stat().st_size
        one.close()
    return size


def source(tools: PostfixTools, port: int, mails: int, size: int, connections: int) -> float:
    """Let smtp-source hand over the same; returns its rate."""
    command = [tools.program("smtp-source"), "-s", str(connections), "-d", "-m", str(mails), "-l", str(size)]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], env=tools.environment, check=True)
    return mails / (time.perf_counter() - began)


def tell(what: str, figures: Figures) -> None:
    """Print a line of the table."""
    theirs = "".join(f"{one:>18,.0f}{figures.rate / one:>8.2f}" for one in figures.sources)
    print(f"{what:<12}{figures.rate:>10,.0f}{figures.cpu:>10.3f}{figures.pss:>10.0f}{theirs}", flush=True)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure a campaign from its release to the last settled row.")
    parser.add_argument("--mails", type=int, default=100_000, help="mails of a round")
    parser.add_argument("--rounds", type=int, default=3)
    ask_for_database(parser)
    options = parser.parse_args()
    tools = tools_if_any()
    with ExitStack() as stack:
        home = make_home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        measure(home, options, database_of(stack, postgres=options.postgres), tools)


if __name__ == "__main__":
    main()
