"""From an event's POST to the end of its mail's data at SMTP, with a whole `phin up`.

    python -m bench.latency [--rate 50] [--seconds 60] [--rest 60]

A purchase is reported at a steady rate, each by a customer of its own; the sink logs when it has read the final dot.
Then, after a rest, single events.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.support.phin_up import make_home, phin_up
from tests.support.smtp_sink import SmtpSink
from tests.support.visitor import Visitor, purchase


class Reporter:
    """Reports purchases and remembers when."""

    def __init__(self, visitor: Visitor) -> None:
        self._url = f"{visitor.up.url}/v1/events"
        self._client = httpx.Client(headers={"Authorization": f"Bearer {visitor.key}"}, timeout=30)
        self._lock = threading.Lock()
        self.posted: dict[str, float] = {}

    def report(self, number: int) -> None:
        """Report one purchase."""
        email = f"khach{number}@example.com"
        event = purchase(f"p{number}", f"A{number}", {"id": f"c{number}", "email": email, "name": "Lan"})
        with self._lock:
            self.posted[email] = time.time()
        assert self._client.post(self._url, json=event).status_code == 202


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure from an event to its mail.")
    parser.add_argument("--rate", type=int, default=50, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--singles", type=int, default=5, help="single events, each after a rest")
    parser.add_argument("--rest", type=int, default=60, help="seconds of rest before a single event")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, SmtpSink() as sink:
        settings = {"PHIN_SMTP_URL": sink.url}
        with phin_up(make_home(Path(folder)), **settings) as up:
            reporter = Reporter(Visitor(up, **settings))
            reporter.report(0)
            _arrived(sink, 1)
            count = options.rate * options.seconds
            began = time.perf_counter()
            with ThreadPoolExecutor(8) as pool:
                for number in range(1, count + 1):
                    time.sleep(max(0.0, began + number / options.rate - time.perf_counter()))
                    pool.submit(reporter.report, number)
            _arrived(sink, count + 1)
            _print(f"{options.rate} events a second for {options.seconds} s", _latencies(reporter, sink, 1, count))
            for single in range(options.singles):
                time.sleep(options.rest)
                reporter.report(count + 1 + single)
                _arrived(sink, count + 2 + single)
            _print(
                f"one event after {options.rest} s of rest",
                _latencies(reporter, sink, count + 1, count + options.singles),
            )


def _arrived(sink: SmtpSink, count: int, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while len(sink.mails) < count:
        assert time.monotonic() < end, f"{len(sink.mails)} of {count} mails arrived within {within:g} s"
        time.sleep(0.01)


def _latencies(reporter: Reporter, sink: SmtpSink, first: int, last: int) -> list[float]:
    taken = {mail.recipients[0]: mail.time for mail in sink.mails}
    emails = [f"khach{number}@example.com" for number in range(first, last + 1)]
    return sorted(1000 * (taken[email] - reporter.posted[email]) for email in emails)


def _print(what: str, latencies: list[float]) -> None:
    at = latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
    median = statistics.median(latencies)
    print(f"{what:<40} n {len(latencies):>6,}   median {median:>7.1f} ms   99th percentile {at:>7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
