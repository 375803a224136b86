"""The processes of production, as the Procfile starts them: each alone, each ending in order."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.phin_up import make_home
from tests.support.processes import ROOT, clean_environment, running, wait_until
from worker.domain.settings import Settings
from worker.edges.banner import trial_event
from worker.edges.ticks import beat_path

KEY = "an-ingest-key-for-tests"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Machine:
    """A machine of production: a home, a database of its own, and what the environment says."""

    def __init__(self, home: Path, database_url: str, **settings: str) -> None:
        self.home = make_home(home)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = clean_environment(
            PHIN_HOME=str(home),
            PHIN_PORT=str(self.port),
            PHIN_DATABASE_URL=database_url,
            PHIN_INGEST_KEY=KEY,
            PHIN_SECRET_KEY="a-secret-key-for-tests",
            **settings,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of phin to its end."""
        return subprocess.run(
            [sys.executable, "-m", "worker.edges.cli", *arguments],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @contextmanager
    def started(self, *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Run these processes; each writes to a file of its name."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(
                    running(
                        ["worker.edges.cli", command],
                        output=self.home / command,
                        environment=self.environment,
                        cwd=self.home,
                    )
                )
                for command in commands
            ]

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def report_purchase(self) -> httpx.Response:
        return httpx.post(
            f"{self.url}/v1/events",
            json=trial_event(Settings()),
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=30,
        )

    def outbox(self) -> list[Path]:
        return list((self.home / "var" / "outbox").glob("*.eml"))


def test_released_and_started_they_do_the_work_and_end_in_order(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    """Given a release, when a purchase is reported, then its mail goes out; on SIGTERM each ends with status 0."""
    machine = Machine(tmp_path, database_url, PHIN_REDIS_URL=redis_url)
    released = machine.run("release")
    assert released.returncode == 0, released.stderr
    assert f"{len(list((ROOT / 'flows').glob('*.yaml')))} live" in released.stdout
    with machine.started("web", "worker", "clock") as processes:
        wait_until(machine.ready, "the web process is ready")
        assert machine.report_purchase().status_code == 202
        wait_until(lambda: bool(machine.outbox()), "the mail is captured")
        wait_until(beat_path(machine.home / "var").exists, "the clock ticks")
        for process in processes:
            process.terminate()
        assert [process.wait(10) for process in processes] == [0, 0, 0]
    for name in ("web", "worker", "clock"):
        lines = (machine.home / name).read_text().splitlines()
        assert all(json.loads(line)["process"] == name for line in lines)
        assert "lan@example.com" not in "\n".join(lines)


def test_a_release_done_twice_changes_nothing(tmp_path: Path, database_url: str) -> None:
    """Given a database that is up to date, when it is released again, then nothing is published anew."""
    machine = Machine(tmp_path, database_url)
    assert '"event": "published' in machine.run("release").stderr
    again = machine.run("release")
    assert again.returncode == 0
    assert '"event": "published' not in again.stderr


def test_a_broken_flow_does_not_hold_up_a_release(tmp_path: Path, sqlite_url: str) -> None:
    """Given a flow's file with an error, then the release publishes the others and says which line is wrong."""
    machine = Machine(tmp_path, sqlite_url)
    (machine.home / "flows" / "welcome.yaml").write_text("flow: welcome\ntriger: signup\n")
    released = machine.run("release")
    assert released.returncode == 0
    assert "1 broken" in released.stdout
    assert "welcome.yaml:2:1" in released.stderr


@pytest.mark.parametrize("command", ["web", "worker", "clock"])
def test_before_a_release_a_process_says_what_is_missing(tmp_path: Path, command: str, redis_url: str) -> None:
    """Given a database without tables, then a process does not start, and names the command that is missing."""
    machine = Machine(tmp_path, f"sqlite:///{tmp_path}/empty.db", PHIN_REDIS_URL=redis_url)
    told = machine.run(command)
    assert told.returncode == 1
    assert "phin release" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_secret_that_cannot_be_used_keeps_everything_from_starting(
    tmp_path: Path, sqlite_url: str, command: str
) -> None:
    """Given secrets that are too short and a mailbox that is none, then each is told, and nothing was started."""
    machine = Machine(
        tmp_path,
        sqlite_url,
        PHIN_POSTMARK_LOGIN="phin:pm-password-9",
        PHIN_MAILGUN_KEY="mailgun-key-7",
        PHIN_BOUNCES_IMAP_URL="imaps://imap-user@host/",
    )
    done = machine.run(command)
    assert done.returncode == 1
    assert [word in done.stderr for word in ("PHIN_POSTMARK_LOGIN", "PHIN_MAILGUN_KEY", "PHIN_BOUNCES_IMAP_URL")] == (
        [True] * 3
    )
    assert not any(word in done.stderr + done.stdout for word in ("pm-password-9", "mailgun-key-7", "imap-user"))
    assert not (tmp_path / "var").exists()


def test_a_worker_without_a_queue_says_so(tmp_path: Path, sqlite_url: str) -> None:
    """Given no queue, then a worker does not start, and names the setting."""
    told = Machine(tmp_path, sqlite_url).run("worker")
    assert told.returncode == 1
    assert "PHIN_REDIS_URL" in told.stderr


def test_a_database_that_is_away_is_told_in_a_line(tmp_path: Path) -> None:
    """Given a database that cannot be reached, then the error says so without a traceback and without a password."""
    told = Machine(tmp_path, "postgresql://phin:geheim@127.0.0.1:1/phin").run("release")
    assert told.returncode == 1
    assert "(database_url, PHIN_DATABASE_URL) cannot be reached" in told.stderr
    assert "geheim" not in told.stderr
    assert "Traceback" not in told.stderr


def test_the_version_can_be_asked_for(tmp_path: Path, sqlite_url: str) -> None:
    """Given --version, then phin says it; given a command that there is not, it says that with status 2."""
    machine = Machine(tmp_path, sqlite_url)
    assert machine.run("--version").stdout.startswith("Phin 0.")
    assert machine.run("brew").returncode == 2
