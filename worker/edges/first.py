"""What `phin up --first` runs: a command, once, beside the processes, when the database is new.

A shop's own beginning stands there: its import, its demo. The command is given the settings that the processes have,
PHIN_UP_URL with the address of the web process, and the terminal; it is ended before they are.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import structlog

from worker.domain.durations import parse_duration
from worker.domain.errors import SettingError, UnavailableError
from worker.edges import banner, offspring
from worker.edges.banner import Line
from worker.edges.environment import Home
from worker.edges.movable_clock import Clock
from worker.edges.offspring import Process
from worker.storage.database import Database
from worker.storage.migrations import is_empty

OWN = "phin"  # a command that begins so is one of ours, and needs no interpreter started
LEAVES_WITHIN = 3.0  # seconds

_log = structlog.get_logger(__name__)


def has_nothing(home: Home) -> bool:
    """Say whether the shop's database is new; one that cannot be reached is not, whoever follows says so.

    Nothing is left open, so that this process may fork afterwards.
    """
    database = Database(home.database_url)
    try:
        path = database.engine.url.database if database.is_sqlite else None
        if path is not None and not Path(path).exists():
            return True  # looking would make it
        with database.reading() as connection:
            return is_empty(connection)
    except UnavailableError:
        return False
    finally:
        database.close()


def move_clock(home: Home, by: str) -> None:
    """Have the shop's time begin so long ago or ahead: `-34 days`.

    Raises:
        SettingError: it is no duration, or too long a one.
    """
    try:
        span: timedelta = parse_duration(by).span()
    except ValueError as error:
        raise SettingError(f"--clock '{by}' is no duration; write one like '-34 days'") from error
    Clock(home.settings.var / "clock").stand_off(span)


def clock_lines(home: Home) -> list[Line]:
    """Return the banner's line about a shop whose time is moved, or none."""
    path = home.settings.var / "clock"
    offset = Clock(path).offset()
    if not offset:
        return []
    amount = abs(offset)
    told = f"{amount.days} days" if amount.days > 1 else f"{amount.total_seconds() / 3_600:.1f} hours"
    way = "behind" if offset < timedelta() else "ahead"
    return [Line("time", f"{told} {way}", banner.near(path), "remove this file to go back to the present", good=False)]


class First:
    """The command, while it runs.

    Parameters:
        run: runs one of phin's commands in this process.
        let_go: closes what belongs to the parent alone, in a forked child.
    """

    def __init__(
        self,
        command: str,
        environment: Mapping[str, str],
        run: Callable[[Sequence[str]], int],
        let_go: Callable[[int | None], None],
    ) -> None:
        self._words = shlex.split(command)
        self._environment = dict(environment)
        self._run = run
        self._let_go = let_go
        self._process: Process | None = None
        if not self._words:
            raise SettingError("--first names no command")

    def start(self) -> None:
        """Begin; a command that cannot be started is told, and keeps nothing else from running."""
        try:
            self._process = self._begin()
        except OSError as error:
            _log.error("the first command cannot be run", command=self._words[0], why=error.strerror)

    def stop(self) -> None:
        """End it, if it still runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(LEAVES_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _begin(self) -> Process:
        if self._words[0] == OWN and offspring.FORKS:
            return offspring.fork(" ".join(self._words[:2]), self._inside, lambda: self._let_go(None))
        return offspring.spawn(self._words, self._environment)

    def _inside(self) -> int:
        os.environ.clear()
        os.environ.update(self._environment)
        return self._run(self._words[1:])
