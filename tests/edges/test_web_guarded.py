"""Clients that never end, with real sockets against the server as it runs: slow, endless, torn, ambiguous requests."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.support.web import KEY, SIGNING, web_house
from worker.delivery.tokens import Tokens
from worker.edges.serving import configured
from worker.edges.web.app import build_app
from worker.edges.web.guarded_http import BEHIND, HEAD, Watch
from worker.storage.database import Database

CLICK = f"/c/{Tokens([SIGNING]).click(12, 3, 'https://thecoffee.example/a')}"
ALIVE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWERS_WITHIN = 20.0  # seconds that a test waits for what comes at once on a quiet machine


@contextmanager
def served(database: Database, var: Path, watch: Watch | None = None) -> Iterator[tuple[str, int]]:
    """Serve the application as the web process does; gives address and port."""
    house = web_house(database, var, intake={"body_limit": 100_000})
    server = uvicorn.Server(configured(build_app(house), (), watch))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def read(connection: socket.socket) -> bytes:
    """Return what comes until the other end closes."""
    connection.settimeout(ANSWERS_WITHIN)
    found = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            found += piece
    return found


def spoken(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Send what is given, as far as it is taken; returns the answer until the server closes."""
    with socket.create_connection(address) as connection:
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        return read(connection)


def is_alive(address: tuple[str, int]) -> bool:
    url = f"http://{address[0]}:{address[1]}"
    with httpx.Client(base_url=url, timeout=ANSWERS_WITHIN) as web:
        return web.get("/healthz").status_code == 200 and web.get(CLICK).status_code == 302


def test_who_does_not_go_on_is_sent_away(sqlite_database: Database, tmp_path: Path) -> None:
    """Given connections that say nothing, half a head, a head bit by bit, a body that no one reads, or answers that
    nobody takes, then each is closed, and others are served in between."""
    watch = Watch(most=1_000, waits=0.5, works=3.0)
    bearer = f"Authorization: Bearer {KEY}\r\n".encode()
    with served(sqlite_database, tmp_path, watch) as address:
        silent, half, dribbling, unread, behind, deaf = (socket.create_connection(address) for _ in range(6))
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")
        dribbling.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")
        unread.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        behind.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + bearer + b"Content-Length: 10\r\n\r\n[")
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.sendall(b"GET /static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
        with suppress(ConnectionError):
            for _ in range(200):
                dribbling.send(b"a")
                unread.send(b"a")
                time.sleep(0.02)
        assert is_alive(address)
        assert read(silent) == read(half) == read(dribbling) == b""
        assert read(unread).startswith(b"HTTP/1.1 200 OK"), "it was answered before"
        assert read(behind) == b"", "a body that does not come has the time of an answer"
        until = time.monotonic() + ANSWERS_WITHIN
        while watch.open and time.monotonic() < until:
            time.sleep(0.05)
        assert not watch.open, "nobody who does not read holds a connection"
        deaf.close()


def test_a_crowd_that_says_nothing_keeps_nobody_out(sqlite_database: Database, tmp_path: Path) -> None:
    """Given more connections than may be, none of which asks anything, then who asks is answered, each click too."""
    watch = Watch(most=40, waits=60.0)
    with served(sqlite_database, tmp_path, watch) as address:
        crowd = [socket.create_connection(address) for _ in range(200)]
        assert is_alive(address)
        crowd += [socket.create_connection(address) for _ in range(100)]
        assert is_alive(address)
        assert len(watch.open) <= 41
        for one in crowd:
            one.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *[b"X-A: " + b"a" * 8_000 + b"\r\n"] * 1_000],
        [b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", *[b"a" * 65_000] * 1_000],
        [b"GET /", *[b"a" * 65_000] * 1_000],
        [*[b"\r\n" * 32_000] * 1_000],
    ],
)
def test_a_head_has_an_end(sqlite_database: Database, tmp_path: Path, pieces: list[bytes]) -> None:
    """Given a request whose line or headers do not end, then it is refused long before all of it is read."""
    with served(sqlite_database, tmp_path, Watch(most=100, waits=ANSWERS_WITHIN / 4)) as address:
        answer = spoken(address, *pieces)
        assert answer.partition(b"\r\n")[0] in (b"HTTP/1.1 431 Request Header Fields Too Large", b"")
        assert b"200 OK" not in answer
        assert is_alive(address)


def test_frames_and_trailers_of_chunks_have_an_end(sqlite_database: Database, tmp_path: Path) -> None:
    """Given chunks with more frame than content, or trailers without end, then the connection is closed; small chunks
    of an honest client are read."""
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served(sqlite_database, tmp_path) as address:
        for flood in (b"1;" + b"a" * 60_000 + b"\r\n \r\n", b"0\r\n" + b"X-A: " + b"a" * 60_000 + b"\r\n"):
            assert spoken(address, head.encode(), flood, *[flood.removeprefix(b"0\r\n")] * 200) == b""
        honest = b"".join(b"10\r\n" + b" " * 16 + b"\r\n" for _ in range(6_000))
        answer = spoken(
            address, head.replace("Host", "Connection: close\r\nHost").encode(), honest + b"2\r\n[]\r\n0\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 202")
        assert len(honest) > HEAD


def test_requests_one_behind_the_other_have_an_end(sqlite_database: Database, tmp_path: Path) -> None:
    """Given thousands of requests at once and nobody who reads, then the connection is closed; a few are answered."""
    with served(sqlite_database, tmp_path) as address:
        flood = spoken(address, *[ALIVE * 1_000] * 50)
        assert flood.count(b"HTTP/1.1 200 OK") <= 5_000 // BEHIND
        few = spoken(address, ALIVE * (BEHIND // 2) + ALIVE.replace(b"Host", b"Connection: close\r\nHost"))
        assert few.count(b'{"alive":true}') == BEHIND // 2 + 1
        assert is_alive(address)


EVENTS = b"POST /v1/events HTTP/1.1\r\nHost: x\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": EVENTS + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "two lengths": EVENTS + b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n" + SECOND,
    "a list of lengths": EVENTS + b"Content-Length: 0, 50\r\n\r\n" + SECOND,
    "a signed length": EVENTS + b"Content-Length: +0\r\n\r\n" + SECOND,
    "unknown coding": EVENTS + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SECOND,
    "chunks are not last": EVENTS + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SECOND,
    "blank before the colon": EVENTS + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "folded line": EVENTS + b"X-A: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "bare line feeds": EVENTS.replace(b"\r", b"") + b"Content-Length: 0\n\n" + SECOND,
    "bare return": EVENTS + b"X-A: a\rTransfer-Encoding: chunked\r\n\r\n" + SECOND,
    "NUL": EVENTS + b"X-A: a\0b\r\nContent-Length: 0\r\n\r\n" + SECOND,
    "endless chunk": EVENTS + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n" + SECOND,
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_two_servers_may_read_differently_is_read_by_none(
    sqlite_database: Database, tmp_path: Path, what: str
) -> None:
    """Given a request whose end is ambiguous, with another hidden behind it (request smuggling, RFC 9112, section
    11.2), then it is refused, the connection closed, and the hidden one never answered."""
    with served(sqlite_database, tmp_path) as address:
        answer = spoken(address, AMBIGUOUS[what])
    assert b"200 OK" not in answer
    assert b'"alive"' not in answer
    assert answer.count(b"HTTP/1.1 ") <= 2


def test_no_other_protocol_is_spoken(sqlite_database: Database, tmp_path: Path) -> None:
    """Given wishes for a tunnel, HTTP/2, WebSocket or to hear oneself, then plain HTTP/1.1 is spoken, or nothing."""
    upgrade = b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: %s\r\nConnection: Upgrade, close\r\n\r\n"
    with served(sqlite_database, tmp_path) as address:
        for protocol in (b"websocket", b"h2c"):
            assert b"101 " not in spoken(address, upgrade % protocol)
        assert b"200 " not in spoken(address, b"CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: 127.0.0.1:25\r\n\r\n")
        assert b"HTTP/2" not in spoken(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        traced = spoken(address, b"TRACE / HTTP/1.1\r\nHost: x\r\nX-Secret: 1\r\nConnection: close\r\n\r\n")
        assert traced.startswith(b"HTTP/1.1 405") and b"X-Secret" not in traced
        assert is_alive(address)


def test_bombs_are_not_unpacked(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a small body that unpacks to gigabytes, nests a million lists, or is longer than may be, then it is
    refused, and the memory does not grow with it."""
    bearer = {"Authorization": f"Bearer {KEY}"}
    bomb = gzip.compress(b" " * 50_000_000)
    with served(sqlite_database, tmp_path) as address, httpx.Client(timeout=ANSWERS_WITHIN) as web:
        url = f"http://{address[0]}:{address[1]}/v1/events"
        packed = web.post(url, content=bomb, headers={**bearer, "Content-Encoding": "gzip"})
        deep = web.post(url, content=b"[" * 99_000, headers=bearer)
        long = web.post(url, content=b" " * 200_000, headers=bearer)
        twice = web.post(url, content=gzip.compress(bomb), headers={**bearer, "Content-Encoding": "gzip, gzip"})
        assert [one.status_code for one in (packed, deep, long, twice)] == [413, 400, 413, 415]
        assert is_alive(address)
