"""Requests at a fixed rate, whether or not those before are answered: an open loop, as customers are.

A closed loop (wrk) waits with whoever is slow, and so hides it. Here a request's time is counted from the moment at
which it was due, also where no connection was free to send it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from typing import cast

import uvloop

from bench.support.wrk import Load

ANSWERS_WITHIN = 10.0  # seconds after the last one is due


class _Connection(asyncio.Protocol):
    """One connection; it has one request on its way at most."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._said = b""
        self._due: float | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._said += data
        head, ended, body = self._said.partition(b"\r\n\r\n")
        if not ended:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        due, self._due, self._said = self._due, None, b""
        if due is not None:
            self._load.answered(self, due, int(head[9:12]))

    def connection_lost(self, _error: Exception | None) -> None:
        if self._due is not None:
            self._load.broken += 1
        self._load.lost(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Load:
    """What is asked, and what came of it."""

    def __init__(self, requests: Sequence[bytes], rate: float, seconds: float) -> None:
        self._requests = cycle(requests)
        self._rate = rate
        self._count = int(rate * seconds)
        self._late: deque[float] = deque()
        self._idle: deque[_Connection] = deque()
        self.took: list[float] = []
        self.wrong = 0
        self.broken = 0

    async def run(self, host: str, port: int, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), host, port)
            self._idle.append(connection)
        every, begin, asked = list(self._idle), time.perf_counter(), 0
        while asked < self._count:
            due_now = min(self._count, int((time.perf_counter() - begin) * self._rate))
            for number in range(asked, due_now):
                self._late.append(begin + number / self._rate)
            asked = max(asked, due_now)
            while self._late and self._idle:
                self._idle.popleft().ask(next(self._requests), self._late.popleft())
            await asyncio.sleep(0.001)
        end = time.perf_counter() + ANSWERS_WITHIN
        while len(self.took) + self.broken < self._count and time.perf_counter() < end:
            await asyncio.sleep(0.01)
        for connection in every:
            connection.close()

    def answered(self, connection: _Connection, due: float, status: int) -> None:
        self.took.append(time.perf_counter() - due)
        self.wrong += status >= 400
        if self._late:
            connection.ask(next(self._requests), self._late.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)


def load(host: str, port: int, paths: Sequence[str], rate: float, seconds: float, connections: int, agent: str) -> Load:
    """Ask for the paths in turn, so many a second, over so many connections."""
    requests = [f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {agent}\r\n\r\n".encode() for path in paths]
    asked = _Load(requests, rate, seconds)
    uvloop.run(asked.run(host, port, connections))
    took = sorted(asked.took)
    broken = int(rate * seconds) - len(took)
    return Load(len(took), seconds, asked.wrong, broken, _part(took, 0.5), _part(took, 0.99))


def _part(took: Sequence[float], part: float) -> float:
    return took[min(len(took) - 1, math.ceil(len(took) * part) - 1)] if took else math.inf
