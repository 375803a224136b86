"""Behind sentinels: the queue goes on when another server takes over, and by TLS every line is one."""

from __future__ import annotations

import itertools
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.certificate import certified
from tests.support.processes import wait_until
from tests.support.redis_server import RedisMissingError, RedisServer
from tests.support.sentinels import Sentinels
from worker.domain.work import Work
from worker.edges.consuming import Workers
from worker.edges.jobs import Job
from worker.edges.queue import open_queue
from worker.edges.redis_client import open_client

TAKES_OVER = 90.0  # seconds, on a busy machine; alone it is three


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    try:
        made = Sentinels(tmp_path)
    except RedisMissingError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def test_the_queue_goes_on_with_the_server_that_takes_over(sentinels: Sentinels) -> None:
    """Given workers behind sentinels, when the primary is lost, then hints are dropped and soon taken again."""
    done: set[int] = set()

    def note(ids: Sequence[int]) -> Work:
        done.update(ids)
        return Work()

    queue = open_queue(sentinels.url)
    workers = Workers(sentinels.url, dict.fromkeys(Job, note), queue, threads=2)
    workers.start()
    try:
        assert queue.enqueue(Work(events=(1,)))
        wait_until(lambda: 1 in done, "a job is done before")

        lost = sentinels.primary()
        sentinels.kill(lost)
        numbers = itertools.count(2)
        queue.enqueue(Work(events=(next(numbers),)))  # nobody knows yet; that it does not raise is all there is to say
        wait_until(lambda: queue.enqueue(Work(events=(next(numbers),))), "a hint is taken again", TAKES_OVER)
        last = next(numbers) - 1
        wait_until(lambda: last in done, "and its job is done", TAKES_OVER)
        assert sentinels.primary() != lost
    finally:
        workers.stop(5)
        queue.close()


class _Told(socketserver.StreamRequestHandler):
    """Answers as a sentinel that knows one server, to whoever logs in."""

    def handle(self) -> None:
        server: _Tls = self.server  # type: ignore[assignment]
        while words := self._command():
            server.heard.append(words)
            state = {"name": "phin", "ip": "127.0.0.1", "port": str(server.tells), "flags": "master"}
            state |= {"num-slaves": "0", "num-other-sentinels": "0"}
            parts = [part for pair in state.items() for part in pair]
            said = "".join(f"${len(part)}\r\n{part}\r\n" for part in parts)
            asked = words[0].upper() == "SENTINEL"
            self.wfile.write(f"*1\r\n*{len(parts)}\r\n{said}".encode() if asked else b"+OK\r\n")

    def _command(self) -> list[str]:
        head = self.rfile.readline()
        words = []
        for _ in range(int(head[1:] or 0)):
            length = int(self.rfile.readline()[1:])
            words.append(self.rfile.read(length + 2)[:-2].decode())
        return words


class _Passed(socketserver.BaseRequestHandler):
    """Passes all on to a server that knows no TLS."""

    def handle(self) -> None:
        server: _Tls = self.server  # type: ignore[assignment]
        with socket.socket(socket.AF_UNIX) as behind:
            behind.connect(str(server.behind))
            answers = threading.Thread(target=_copy, args=(behind, self.request))
            answers.start()
            _copy(self.request, behind)
            behind.shutdown(socket.SHUT_RDWR)
            answers.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass


class _Tls(socketserver.ThreadingTCPServer):
    daemon_threads = True
    heard: list[list[str]]
    tells: int
    behind: Path

    def __init__(self, context: ssl.SSLContext, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.heard = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def serving(server: _Tls) -> Iterator[_Tls]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_sentinels_and_servers_are_spoken_to_by_tls(redis_server: RedisServer, tmp_path: Path) -> None:
    """Given sentinels and servers that speak TLS alone, then one certificate is trusted, and no other."""
    context, certificate = certified()
    trusted, another = tmp_path / "ca.pem", tmp_path / "another.pem"
    trusted.write_bytes(certificate)
    another.write_bytes(certified()[1])
    with serving(_Tls(context, _Told)) as sentinel, serving(_Tls(context, _Passed)) as server:
        server.behind, sentinel.tells = redis_server.server.socket, server.port
        url = f"rediss+sentinel://127.0.0.1:{sentinel.port}/phin/1?sentinel_password=theirs&ssl_ca_certs="
        with open_client(f"{url}{trusted}", timeout=10.0) as client:
            client.set("a", "1")
        with redis_server.client() as direct:
            direct.select(1)
            assert direct.get("a") == b"1"
        assert ["AUTH", "theirs"] in sentinel.heard
        with open_client(f"{url}{another}", timeout=10.0) as client, pytest.raises(redis.ConnectionError):
            client.get("a")
