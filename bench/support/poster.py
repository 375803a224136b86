"""A light shop: reports purchases over connections that stay open, each as soon as the last answer is there.

As a process of its own (`python -m bench.support.poster URL KEY BATCH CONNECTIONS SECONDS FIRST`) it prints one line of
JSON: how many events were accepted, in how many seconds, and what the answers took. It builds requests by filling in
a text and reads no more of an answer than it must, so that what is measured is the other side.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

_EVENT = (
    '{"id":"p%d","type":"purchase","customer":{"id":"c%d","email":"khach%d@example.com","name":"Nguyễn Thị Lan"},'
    '"order":{"number":"A%d","total":450000,"currency":"VND","lines":[{"sku":"AR-250",'
    '"name":"Arabica Cầu Đất 250 g","category":"arabica","quantity":2,"price":225000}]}}'
)


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a load.

    Parameters:
        events: accepted. wrong: answers that were not 202, or that accepted fewer than were sent.
        median, slowest: seconds that an answer took; the latter the 99th percentile.
        cpu: seconds of CPU that the load itself took.
    """

    events: int
    requests: int
    seconds: float
    wrong: int
    median: float
    slowest: float
    cpu: float

    @property
    def rate(self) -> float:
        """Events accepted a second."""
        return self.events / self.seconds


def post(url: str, key: str, *, batch: int, connections: int, seconds: float, first: int) -> Posted:
    """Report purchases by customers of their own, numbered from `first`, in a process of its own."""
    command = [sys.executable, "-m", "bench.support.poster", url, key]
    command += [str(number) for number in (batch, connections, seconds, first)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Posted(**json.loads(said))


class _Connection(asyncio.Protocol):
    """One connection of the shop."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        self._load.answered(head, body[:length], time.perf_counter() - self._sent_at)
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.ended(broken=not self._load.over)

    def _send(self) -> None:
        assert self._transport is not None
        if self._load.over:
            self._transport.close()
            return
        request = self._load.request()
        self._sent_at = time.perf_counter()
        self._transport.write(request)


class _Load:
    """What all connections share."""

    def __init__(self, host: str, key: str, batch: int, connections: int, seconds: float, first: int) -> None:
        self._head = (
            f"POST /v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._batch = batch
        self._next = first
        self._open = connections
        self._until = time.perf_counter() + seconds
        self.done = asyncio.Event()
        self.events = 0
        self.wrong = 0
        self.taken: list[float] = []

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent."""
        return time.perf_counter() >= self._until

    def request(self) -> bytes:
        """Return the next request."""
        numbers = range(self._next, self._next + self._batch)
        self._next += self._batch
        events = ",".join([_EVENT % (number, number, number, number) for number in numbers])
        body = (f"[{events}]" if self._batch > 1 else events).encode()
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def answered(self, head: bytes, body: bytes, seconds: float) -> None:
        """Take an answer down."""
        self.taken.append(seconds)
        accepted = json.loads(body).get("accepted", 0) if head.startswith(b"HTTP/1.1 202") else 0
        self.events += accepted
        self.wrong += accepted != self._batch

    def ended(self, *, broken: bool) -> None:
        """Note that a connection is gone."""
        self.wrong += broken
        self._open -= 1
        if not self._open:
            self.done.set()


async def _run(url: str, key: str, batch: int, connections: int, seconds: float, first: int) -> Posted:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    load = _Load(parts.netloc, key, batch, connections, seconds, first)
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(load), parts.hostname, parts.port)
    await load.done.wait()
    took, taken = time.perf_counter() - began, sorted(load.taken)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Posted(
        events=load.events,
        requests=len(taken),
        seconds=took,
        wrong=load.wrong,
        median=taken[len(taken) // 2],
        slowest=taken[int(len(taken) * 0.99)],
        cpu=used.ru_utime + used.ru_stime,
    )


def main() -> None:
    """Report, and print what came of it."""
    url, key, batch, connections, seconds, first = sys.argv[1:]
    posted = asyncio.run(_run(url, key, int(batch), int(connections), float(seconds), int(first)))
    print(json.dumps({name: getattr(posted, name) for name in Posted.__slots__}))


if __name__ == "__main__":
    main()
