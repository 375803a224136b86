"""From claim to settled row: mails a second and CPU a mail for a campaign, beside Postfix's smtp-source.

    python -m bench.sending [--mails 20000] [--senders 2] [--postgres]

The mails are the shipped `review-invite` in Vietnamese, with tracked links, a pixel and one-click headers. Each
sender is a process of one thread. smtp-source, which renders nothing and keeps no ledger, then hands over as many
mails of the same size, by as many connections, to the same sink in the same run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from sqlalchemy import func, insert, select

from bench.support.homes import ask_for_database, database_of, environment, house, make_home
from bench.support.postfix_tools import MissingToolsError, PostfixTools, postfix_tools
from bench.support.raw_sink import raw_sink
from worker.edges.house import House
from worker.storage.tables import address, customer, message

PORTION = 1_000


def fill(into: House, mails: int) -> None:
    """Write customers who agreed to mail and tracking, and a queued message for each."""
    now = into.clock.now()
    for start in range(0, mails, PORTION):
        numbers = range(start + 1, min(start + PORTION, mails) + 1)
        with into.database.writing() as connection:
            connection.execute(
                insert(customer),
                [
                    {
                        "id": n,
                        "external_id": f"c{n}",
                        "email": f"khach{n}@example.com",
                        "name": f"Nguyễn Thị Lan {n}",
                        "first_name": "Lan",
                        "language": "vi",
                        "created_at": now,
                        "updated_at": now,
                    }
                    for n in numbers
                ],
            )
            agreed = {"marketing": "subscribed", "tracking": "subscribed"}
            connection.execute(insert(address), [{"email": f"khach{n}@example.com", **agreed} for n in numbers])
            connection.execute(
                insert(message),
                [
                    {
                        "key": f"bench:{n}",
                        "customer_id": n,
                        "kind": "marketing",
                        "template": "welcome",
                        "created_at": now,
                        "not_before": now,
                    }
                    for n in numbers
                ],
            )


def send(home: Path, senders: int, settings: dict[str, str]) -> tuple[float, float]:
    """Send all that is due; returns seconds of the clock and seconds of CPU of the senders."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.support.sender"],
            env=environment(home, **settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(senders)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    watched = [psutil.Process(process.pid) for process in processes]
    before = sum(sum(one.cpu_times()[:2]) for one in watched)
    began = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    cpu = {one.pid: 0.0 for one in watched}
    while any(process.poll() is None for process in processes):
        for one in watched:
            try:
                cpu[one.pid] = sum(one.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.005)
    return time.perf_counter() - began, sum(cpu.values()) - before


def measure(home: Path, options: argparse.Namespace, settings: dict[str, str], port: int) -> tuple[float, int]:
    """Send a campaign and print its figures; returns the rate and the size of a mail."""
    settings = {**settings, "PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}", "PHIN_BASE_URL": "https://mail.shop.example"}
    built = house(home, **settings)
    fill(built, options.mails)
    seconds, cpu = send(home, options.senders, settings)
    with built.database.reading() as connection:
        sent = connection.execute(select(func.count()).where(message.c.state == "sent")).scalar_one()
    assert sent == options.mails, f"{sent} of {options.mails} were sent"
    rate = options.mails / seconds
    print(f"{'Phin, ' + str(options.senders) + ' senders':<30} {rate:>9,.0f} {1000 * cpu / options.mails:>10.3f}")
    with tempfile.TemporaryDirectory() as folder:
        one = house(make_home(Path(folder)), PHIN_BASE_URL="https://mail.shop.example")
        fill(one, 1)
        one.sending.run_due()
        (mail,) = (one.settings.var / "outbox").glob("*.eml")
        size = mail.stat().st_size
        one.close()
    built.close()
    return rate, size


def compare(tools: PostfixTools, port: int, mails: int, size: int, connections: int) -> float:
    """Let smtp-source hand over the same; returns its rate."""
    command = [tools.program("smtp-source"), "-s", str(connections), "-d", "-m", str(mails), "-l", str(size)]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], env=tools.environment, check=True)
    return mails / (time.perf_counter() - began)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure a campaign from claim to settled row.")
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--senders", type=int, default=2)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        try:
            tools: PostfixTools | None = postfix_tools()
        except MissingToolsError as error:
            tools = None
            print(f"without smtp-source: {error}")
        port = stack.enter_context(tools.sink() if tools else raw_sink())
        home = make_home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        settings = database_of(stack, postgres=options.postgres)
        print(f"{'PostgreSQL' if options.postgres else 'SQLite':<30} {'mails/s':>9} {'CPU ms':>10}")
        rate, size = measure(home, options, settings, port)
        if tools is not None:
            theirs = compare(tools, port, options.mails, size, options.senders)
            print(f"{'smtp-source, same size':<30} {theirs:>9,.0f}")
            print(f"{'ratio':<30} {rate / theirs:>9.2f}   {size:,} bytes a mail")


if __name__ == "__main__":
    main()
