"""Requests a second and the 99th percentile of pixel and redirect, beside a bare endpoint of the same server.

    python -m bench.hits [--seconds 10] [--connections 64] [--rounds 3] [--postgres]

One web process each, loaded by wrk (Debian's package, fetched on first use) with one thread. Bare endpoint, pixel and
redirect take turns, so that other work on the machine falls on all. Then each is asked at half of the rate of its
median, in an open loop (`bench/support/paced.py`): of that the 99th percentile counts. Each hit is durable before it is
answered: at the end the web process is killed by SIGKILL, the rows of the database and the lines that its journal holds
beyond them are counted, and must be no fewer than the answers.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
from sqlalchemy import func, select

from bench.support import paced
from bench.support.homes import ask_for_database, database_of, environment, house, make_home
from bench.support.noise import Noise
from bench.support.postfix_tools import MissingToolsError
from bench.support.wrk import Load, Wrk
from worker.delivery.tokens import Tokens
from worker.edges.house import House
from worker.edges.web.recording import drain
from worker.storage.tables import hit

MAILS = 20_000  # so many that of none more hits come than are kept of one link
TARGET = "https://the-coffee.example/orders/A1?utm_source=phin&utm_medium=email&utm_campaign=post-purchase"
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
READY_WITHIN = 60.0  # seconds


@contextmanager
def process(command: list[str], environment: dict[str, str], url: str) -> Iterator[psutil.Process]:
    """Run a web process until it is needed no more; it is there when it answers."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            end = time.monotonic() + READY_WITHIN
            while True:
                try:
                    httpx.get(url)
                    break
                except httpx.TransportError:
                    if running.poll() is not None or time.monotonic() > end:
                        raise SystemExit(f"{' '.join(command)} does not answer") from None
                    time.sleep(0.1)
            yield psutil.Process(running.pid)
        finally:
            running.terminate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    ask_for_database(parser)
    asked = parser.parse_args()
    try:
        wrk = Wrk()
    except MissingToolsError as error:
        raise SystemExit(str(error)) from error
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None)))
        home = make_home(folder / "home")
        port, bare_port = free_port(), free_port()
        settings = {"PHIN_PORT": str(port), **database_of(stack, postgres=asked.postgres)}
        built = house(home, **settings)
        tokens = Tokens(built.secrets.signing)
        phin, bare = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bare_port}"
        web = [sys.executable, "-m", "worker.edges.cli", "web"]
        phins = stack.enter_context(process(web, environment(home, **settings), f"{phin}/healthz"))
        alone = [sys.executable, "-m", "bench.support.bare_web", str(bare_port)]
        bares = stack.enter_context(process(alone, environment(home), f"{bare}/o/x"))
        pixels = [f"/o/{tokens.open(number)}.gif" for number in range(1, MAILS + 1)]
        clicks = [f"/c/{tokens.click(number, 1, TARGET)}" for number in range(1, MAILS + 1)]
        what = {"bare": (bares, bare, pixels), "pixel": (phins, phin, pixels), "redirect": (phins, phin, clicks)}
        noise = Noise()
        found: dict[str, list[Load]] = {name: [] for name in what}
        took: dict[str, list[float]] = {name: [] for name in what}  # seconds of CPU for each request
        for number in range(asked.rounds + 1):  # the first one warms up
            for name, (server, url, paths) in what.items():
                seconds, before = asked.seconds if number else 2, cpu(server)
                found[name].append(wrk.load(url, paths, seconds, asked.connections, AGENT, folder))
                took[name].append((cpu(server) - before) / found[name][-1].answered)
        rates = {name: statistics.median(load.rate for load in loads[1:]) for name, loads in found.items()}
        half: dict[str, list[Load]] = {name: [] for name in what}
        for _ in range(asked.rounds):
            for name, (_, url, paths) in what.items():
                at = int(url.rpartition(":")[2]), paths, rates[name] / 2, asked.seconds, asked.connections, AGENT
                half[name].append(paced.load("127.0.0.1", *at))
        phins.kill()
        phins.wait(READY_WITHIN)
        hits = [load for name in ("pixel", "redirect") for load in (*found[name], *half[name])]
        show({name: loads[1:] for name, loads in found.items()}, {name: each[1:] for name, each in took.items()})
        show_half(half)
        tell_lost(built, sum(load.answered for load in hits))
        print(noise.told())
        built.close()


def tell_lost(built: House, answered: int) -> None:
    """Print whether every answered hit is in the database or in the journal that the killed process left."""
    spool = built.settings.var / "spool"
    with built.database.reading() as connection:
        rows = connection.execute(select(func.count()).select_from(hit)).scalar_one()
    drain(spool, built.database, built.clock.now())
    with built.database.reading() as connection:
        read_back = connection.execute(select(func.count()).select_from(hit)).scalar_one() - rows
    print(f"{answered:,} answers, {rows:,} rows when killed and {read_back:,} read back from the journal: ", end="")
    print("none is lost" if rows + read_back >= answered else "SOME ARE LOST")


def cpu(server: psutil.Process) -> float:
    """Return the seconds of CPU that a process has taken."""
    times = server.cpu_times()
    return float(times.user + times.system)


def show(found: dict[str, list[Load]], took: dict[str, list[float]]) -> None:
    """Print the medians of the rounds, and the ratios to the bare endpoint of the same round."""
    for name, loads in found.items():
        rate = statistics.median(load.rate for load in loads)
        slowest = statistics.median(load.slowest for load in loads)
        ratio = statistics.median(load.rate / bare.rate for load, bare in zip(loads, found["bare"], strict=True))
        later = statistics.median(load.slowest / bare.slowest for load, bare in zip(loads, found["bare"], strict=True))
        faults = sum(load.wrong + load.broken for load in loads)
        print(
            f"{name:9} {rate:8,.0f} requests a second ({ratio:.2f} of the bare endpoint) · 99th percentile "
            f"{slowest * 1000:6.1f} ms ({later:.1f} times) · {statistics.median(took[name]) * 1e6:.0f} µs CPU "
            f"a request · {faults} faults"
        )


def show_half(half: dict[str, list[Load]]) -> None:
    """Print what half of the rate comes to."""
    for name, loads in half.items():
        rate = statistics.median(load.rate for load in loads)
        middle, slowest = (
            statistics.median(each) for each in zip(*((x.median, x.slowest) for x in loads), strict=True)
        )
        faults = sum(load.wrong + load.broken for load in loads)
        print(
            f"{name:9} {rate:8,.0f} requests a second, half of that, in an open loop · median {middle * 1000:.1f} ms · "
            f"99th percentile {slowest * 1000:6.1f} ms · {faults} faults"
        )


if __name__ == "__main__":
    main()
