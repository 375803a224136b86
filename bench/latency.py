"""From an event's POST to the end of its mail's data at SMTP, with a whole `phin up`.

    python -m bench.latency [--rate 50] [--seconds 60] [--singles 5] [--rest 60] [--postgres]

A purchase is reported at a steady rate, each by a customer of its own; the sink logs when it has read the final dot.
Then, after a rest, single events. Beside the latencies stands what tells more on a busy machine: the CPU that each
process of Phin took for an event. `--busy 2` lets so many other processes count for themselves all the while.
A house that was just started reads its templates first: the stream runs for some seconds before it is measured.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from bench.support.homes import ask_for_database, database_of
from bench.support.noise import Noise
from bench.support.raw_sink import arrivals, raw_sink
from tests.support.phin_up import PhinUp, make_home, phin_up
from tests.support.visitor import Visitor, purchase

CONNECTIONS = 8
WARM = 5  # seconds of the stream before it is measured
DRAINED_WITHIN = 300.0  # seconds that the last mail may take


class Reporter:
    """Reports purchases over connections that stay open, and remembers when."""

    def __init__(self, visitor: Visitor) -> None:
        self._host = urlsplit(visitor.up.url).netloc
        self._headers = {"Authorization": f"Bearer {visitor.key}", "Content-Type": "application/json"}
        self._own = threading.local()
        self.posted: dict[str, float] = {}

    def report(self, number: int) -> None:
        """Report one purchase."""
        email = address(number)
        event = purchase(f"p{number}", f"A{number}", {"id": f"c{number}", "email": email, "name": "Lan"})
        body = json.dumps(event).encode()
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(self._host, timeout=30)
        self.posted[email] = time.time()
        self._own.connection.request("POST", "/v1/events", body, self._headers)
        answer = self._own.connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status

    def rest(self) -> None:
        """Close this thread's connection before the server does; the next report opens it again."""
        self._own.connection.close()


def address(number: int) -> str:
    """Return the address of a customer."""
    return f"khach{number}@example.com"


def cpu(up: PhinUp) -> dict[str, float]:
    """Return the CPU seconds that each process of Phin has taken, workers together, by its title."""
    found: dict[str, float] = {}
    for process in up.family():
        title = " ".join(process.cmdline()).strip()
        name = title.removeprefix("phin ").rstrip(" 0123456789") if title.startswith("phin ") else "queue"
        times = process.cpu_times()
        found[name] = found.get(name, 0.0) + times.user + times.system
    return found


def stream(reporter: Reporter, sink: Path, rate: int, numbers: range) -> None:
    """Report events at a steady rate, and wait for the last mail."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for place, number in enumerate(numbers):
            time.sleep(max(0.0, began + place / rate - time.perf_counter()))
            pool.submit(reporter.report, number)
    arrived(sink, numbers.stop)


def until_quiet(up: PhinUp) -> None:
    """Wait until a house that was just started has nothing to do."""
    while True:
        before = sum(cpu(up).values())
        time.sleep(1.0)
        if sum(cpu(up).values()) - before < 0.1:
            return


def measure(folder: Path, options: argparse.Namespace, settings: dict[str, str]) -> None:
    """Measure with these settings."""
    log = folder / "sink.log"
    with raw_sink(log) as port:
        settings = {**settings, "PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}"}
        with phin_up(make_home(folder), **settings) as up:
            reporter = Reporter(Visitor(up, **settings))
            reporter.report(0)
            arrived(log, 1)
            until_quiet(up)
            first, count = 1 + options.rate * WARM, options.rate * options.seconds
            last = first + count - 1
            stream(reporter, log, options.rate, range(1, first))
            before, noise = cpu(up), Noise()
            stream(reporter, log, options.rate, range(first, last + 1))
            after = cpu(up)
            tell(f"{options.rate} events a second for {options.seconds} s", latencies(reporter, log, first, last))
            each = {name: 1000 * (after[name] - before.get(name, 0.0)) / count for name in after}
            said = ", ".join(f"{name} {taken:.2f}" for name, taken in sorted(each.items()) if taken >= 0.005)
            print(f"{'CPU an event':<40} {sum(each.values()):.2f} ms ({said}); {noise.told()}", flush=True)
            for single in range(options.singles):
                reporter.rest()
                time.sleep(options.rest)
                reporter.report(last + 1 + single)
                arrived(log, last + 2 + single)
            if options.singles:
                found = latencies(reporter, log, last + 1, last + options.singles)
                tell(f"one event after {options.rest} s of rest", found)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure from an event to its mail.")
    parser.add_argument("--rate", type=int, default=50, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--singles", type=int, default=5, help="single events, each after a rest")
    parser.add_argument("--rest", type=int, default=60, help="seconds of rest before a single event")
    ask_for_database(parser)
    parser.add_argument("--busy", type=int, default=0, help="other processes that count for themselves meanwhile")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = database_of(stack, postgres=options.postgres)
        for _ in range(options.busy):
            busy = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(busy.kill)
        others = f", {options.busy} others busy" if options.busy else ""
        print(f"{'PostgreSQL' if options.postgres else 'SQLite'}{others}")
        measure(folder, options, settings)


def arrived(sink: Path, count: int) -> None:
    """Wait until so many mails are there."""
    end = time.monotonic() + DRAINED_WITHIN
    while (there := sink.read_bytes().count(b"\n") if sink.exists() else 0) < count:
        assert time.monotonic() < end, f"{there} of {count} mails arrived within {DRAINED_WITHIN:g} s"
        time.sleep(0.05)


def latencies(reporter: Reporter, sink: Path, first: int, last: int) -> list[float]:
    """Return the milliseconds from POST to final dot, in order of size."""
    taken = arrivals(sink)
    emails = [address(number) for number in range(first, last + 1)]
    return sorted(1000 * (taken[email] - reporter.posted[email]) for email in emails)


def tell(what: str, found: list[float]) -> None:
    """Print median and 99th percentile."""
    at = found[min(len(found) - 1, int(len(found) * 0.99))]
    median = statistics.median(found)
    print(f"{what:<40} n {len(found):>6,}   median {median:>7.1f} ms   99th percentile {at:>7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
