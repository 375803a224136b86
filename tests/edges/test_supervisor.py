"""The supervisor keeps its children running, ends them in order, and is outlived by none."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.support.processes import clean_environment, wait_until
from worker.domain.errors import SettingError
from worker.edges import supervisor as supervising
from worker.edges.offspring import spawn
from worker.edges.standing import AlreadyRunningError, Lock, address_of, listen
from worker.edges.supervisor import Role, Supervisor, told

NOTES = """
import os, signal, sys, time
path, name, manner = sys.argv[1:]
def note(what):
    with open(path, "a") as file:
        file.write(f"{name} {what} {os.getpid()}\\n")
def leave(*_):
    note("leaves")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if manner == "stubborn" else leave)
note("begins")
if manner == "fails":
    sys.exit(3)
while True:
    time.sleep(0.05)
"""


class House:
    """A supervisor over toy children that note what they do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.woken = threading.Event()
        self.leaving = threading.Event()
        self.supervisor: Supervisor | None = None
        self.thread: threading.Thread | None = None

    def role(self, name: str, manner: str = "steady", turn: int = 0, beat: Path | None = None) -> Role:
        command = [sys.executable, "-c", NOTES, str(self.path), name, manner]
        return Role(name, lambda: spawn(command, clean_environment()), beat=beat, turn=turn)

    def start(self, *roles: Role) -> None:
        self.supervisor = Supervisor(roles, self.woken)
        self.thread = threading.Thread(target=self.supervisor.tend_until, args=(self.leaving,))
        self.thread.start()

    def pids(self, name: str, what: str = "begins") -> list[int]:
        return [int(line.split()[2]) for line in self._lines() if line.startswith(f"{name} {what} ")]

    def order(self, what: str) -> list[str]:
        return [line.split()[0] for line in self._lines() if f" {what} " in line]

    def stop(self, seconds: float = 10.0, hurry: threading.Event | None = None) -> None:
        self.leaving.set()
        self.woken.set()
        if self.thread is not None and self.supervisor is not None:
            self.thread.join()
            self.supervisor.stop(seconds, hurry or threading.Event())

    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "notes")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_killed_child_is_started_again(house: House) -> None:
    """Given two children, when one is killed, then it is started again and the other is left alone."""
    house.start(house.role("web"), house.role("clock"))
    try:
        wait_until(lambda: bool(house.pids("web") and house.pids("clock")), "both run")
        os.kill(house.pids("web")[0], signal.SIGKILL)
        wait_until(lambda: len(house.pids("web")) == 2, "the killed one runs again")
        assert len(house.pids("clock")) == 1
    finally:
        house.stop()


def test_one_that_fails_at_once_is_not_started_in_a_rage(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a child that ends as soon as it begins, then the pauses between its starts grow to the longest."""
    monkeypatch.setattr(supervising, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(supervising, "PAUSES", (0.0, 0.1, 3600.0))
    house.start(house.role("web", "fails"))
    try:
        supervisor = house.supervisor
        assert supervisor is not None
        wait_until(lambda: supervisor.children[0].due_in() > 3000, "it is not started for an hour")
        assert len(house.pids("web")) == 3
    finally:
        house.stop()


def test_children_end_in_order(house: House) -> None:
    """Given children of three turns, when all are stopped, then those of a lower turn leave first, and none is left."""
    house.start(house.role("queue", turn=2), house.role("worker", turn=1), house.role("web", turn=0))
    wait_until(lambda: len(house.order("begins")) == 3, "all run")
    house.stop()
    assert house.order("leaves") == ["web", "worker", "queue"]
    assert all(gone(pid) for name in ("web", "worker", "queue") for pid in house.pids(name))


def test_one_that_will_not_end_is_killed(house: House) -> None:
    """Given a child that ignores SIGTERM, when all are stopped, then it is gone all the same."""
    house.start(house.role("stubborn", "stubborn"))
    wait_until(lambda: bool(house.pids("stubborn")), "it runs")
    house.stop(seconds=0.3)
    assert gone(house.pids("stubborn")[0])


def test_a_second_ctrl_c_does_not_wait(house: House) -> None:
    """Given a child that ignores SIGTERM and a person in a hurry, then it is killed without waiting for it."""
    house.start(house.role("stubborn", "stubborn"))
    wait_until(lambda: bool(house.pids("stubborn")), "it runs")
    hurry = threading.Event()
    hurry.set()
    house.stop(seconds=600, hurry=hurry)
    assert gone(house.pids("stubborn")[0])


def test_a_silent_child_is_killed_and_started_anew(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a child that should touch a file and does not, then it is replaced."""
    monkeypatch.setattr(supervising, "SILENT_FOR", 0.5)
    monkeypatch.setattr(supervising, "LOOK_EVERY", 0.1)
    house.start(house.role("clock", beat=tmp_path / "beat"))
    try:
        wait_until(lambda: len(house.pids("clock")) >= 2, "it was started anew")
        wait_until(lambda: gone(house.pids("clock")[0]), "the silent one is gone")
    finally:
        house.stop()


def test_an_end_is_told_in_words() -> None:
    """Given a status of a process, then a person can read it."""
    assert told(3) == "exit status 3"
    assert told(-9) == "signal 9"


def test_a_var_has_one_lock(tmp_path: Path) -> None:
    """Given a held lock, when another wants it, then the error says whose it is; released, it is free."""
    held = Lock(tmp_path)
    held.tell("http://127.0.0.1:8787")
    with pytest.raises(AlreadyRunningError) as caught:
        Lock(tmp_path)
    assert str(os.getpid()) in str(caught.value)
    assert "http://127.0.0.1:8787" in str(caught.value)
    assert "PHIN_VAR" in str(caught.value)
    held.release()
    Lock(tmp_path).release()


def test_a_port_in_use_is_named() -> None:
    """Given a port that another program has, when it is wanted, then the error names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingError, match=f"PHIN_PORT.*{port} is in use"):
            listen("127.0.0.1", port)


def test_a_wrong_address_is_named() -> None:
    """Given an address that is none, or not of this machine, then the error names the setting."""
    for address in ("not an address", "192.0.2.1"):
        with pytest.raises(SettingError, match="PHIN_BIND"):
            listen(address, 0)


def test_any_free_port_can_be_had() -> None:
    """Given port 0, then the address tells which port it became."""
    with listen("127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    with listen("0.0.0.0", 0) as listener:
        assert address_of(listener).startswith("http://127.0.0.1:")
