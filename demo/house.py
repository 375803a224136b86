"""Phin as the demo finds it: a house of its own that it starts and ends, or the one that runs here."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from demo.door import Door

UP_WITHIN = 300.0  # seconds that `phin up` may take to answer, on a machine that is busy
HERE_WITHIN = 5.0  # … and one that is said to run already
DOWN_WITHIN = 15.0
COMMAND_WITHIN = 600.0
UP_URL = "PHIN_UP_URL"  # where `phin up --first` says that it can be reached
MARK = "demo"  # a file that says that a folder is the demo's own
# Settings that would have the demo's own house use the shop's database, queue or relay.
_NOT_OURS = ("PHIN_DATABASE_URL", "PHIN_REDIS_URL", "PHIN_SMTP_URL", "PHIN_BASE_URL", "PHIN_INGEST_KEY_FILE")


class HouseError(click.ClickException):
    """Phin could not be started, or a command of it failed; the message says which, and what it said."""


@dataclass(frozen=True, slots=True)
class Phin:
    """A running Phin.

    Parameters:
        var: its folder, with the clock's file and the secrets.
        environment: with which its commands are run.
    """

    url: str
    key: str
    var: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """Run a command of Phin and return what it prints.

        Raises:
            HouseError: it failed.
        """
        try:
            done = subprocess.run(
                [*phin_command(), *arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_WITHIN,
            )
        except subprocess.TimeoutExpired as error:
            raise HouseError(f"'phin {arguments[0]}' takes longer than {COMMAND_WITHIN:.0f} seconds") from error
        if done.returncode:
            raise HouseError(f"'phin {' '.join(arguments)}' failed:\n{(done.stderr or done.stdout).strip()[-2_000:]}")
        return done.stdout


def phin_command() -> list[str]:
    """Return how Phin's own command is run: the one that stands beside this Python, else its module."""
    beside = Path(sys.executable).with_name("phin")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "worker.edges.cli"]


def clear(var: Path) -> None:
    """Remove what an earlier play left in the demo's own folder.

    Raises:
        HouseError: the folder holds something, and it is not a play's.
    """
    if not var.exists() or not any(var.iterdir()):
        return
    if _runs(var):
        raise HouseError(
            f"a Phin runs on {var}, of an earlier 'phin demo --keep'; end it, or name another folder by --var"
        )
    if not (var / MARK).exists():
        raise HouseError(f"{var} holds something that no earlier 'phin demo' made; name another folder by --var")
    shutil.rmtree(var)


@contextmanager
def own_house(var: Path, environment: Mapping[str, str], prepare: Callable[[], object]) -> Iterator[Phin]:
    """Run `phin up` in a folder of its own, on a free port, with database, queue and outbox there.

    Parameters:
        prepare: called before it starts, when the folder is there.
    """
    clear(var)
    var.mkdir(parents=True, mode=0o700)
    (var / MARK).write_text("made by 'phin demo'; the next one removes this folder\n")
    prepare()
    key, port = f"demo-{secrets.token_urlsafe(24)}", _free_port()
    settings = {name: value for name, value in environment.items() if name not in _NOT_OURS} | {
        "PHIN_VAR": str(var),
        "PHIN_PORT": str(port),
        "PHIN_BIND": "127.0.0.1",
        "PHIN_DATABASE_URL": f"sqlite:///{var / 'phin.db'}",
        "PHIN_INGEST_KEY": f"shop:{key}",
        "PHIN_LOG": "console",
    }
    log = var / "phin-up.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*phin_command(), "up"],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    phin = Phin(f"http://127.0.0.1:{port}", key, var, settings)
    try:
        wait_for(phin, lambda: process.poll() is None, log)
        yield phin
    finally:
        process.terminate()
        try:
            process.wait(DOWN_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def house_here(environment: Mapping[str, str]) -> Phin:
    """Return the Phin that runs on this home's own `var`.

    `phin up --first` tells its address by PHIN_UP_URL; else it is the one of PHIN_PORT on this machine.
    """
    home = Path(environment.get("PHIN_HOME") or Path.cwd()).absolute()
    var = home / (environment.get("PHIN_VAR") or "var")
    url = environment.get(UP_URL) or f"http://127.0.0.1:{environment.get('PHIN_PORT', '8787')}"
    wait_for(Phin(url, "", var, environment), lambda: True, None, HERE_WITHIN)
    return Phin(url, _ingest_key(environment, var), var, environment)


def wait_for(phin: Phin, lives: Callable[[], bool], log: Path | None, within: float = UP_WITHIN) -> None:
    """Wait until Phin answers that work can be done.

    Raises:
        HouseError: it ended, or does not answer in time.
    """
    door = Door(phin.url, phin.key)
    until = time.monotonic() + within
    while not door.ready():
        said = "" if log is None else "\n" + log.read_text(errors="replace").strip()[-2_000:]
        if not lives():
            raise HouseError(f"'phin up' ended:{said}")
        if time.monotonic() > until:
            raise HouseError(f"no Phin answers at {phin.url}; start it by 'phin up'{said}")
        time.sleep(0.05)
    door.close()


def _runs(var: Path) -> bool:
    """Say whether a `phin up` holds the lock of a folder."""
    try:
        with (var / "phin.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _ingest_key(environment: Mapping[str, str], var: Path) -> str:
    """Return a key that Phin takes events with: of the environment, else the one that it made itself."""
    given = environment.get("PHIN_INGEST_KEY")
    if given:
        return given.split(",")[0].strip().rpartition(":")[2]
    named = environment.get("PHIN_INGEST_KEY_FILE")
    file = Path(named) if named else var / "secrets" / "ingest_key"
    try:
        return file.read_text().split(",")[0].strip().rpartition(":")[2]
    except OSError as error:
        raise HouseError(f"the ingest key cannot be read from {file}: {error.strerror}; set PHIN_INGEST_KEY") from error


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def process_environment() -> dict[str, str]:
    """Return this process's variables, without those of a `phin up` that it may be a child of."""
    return {name: value for name, value in os.environ.items() if name not in ("PHIN_PARENT", "PHIN_NAME")}
