"""The process that follows the files, and what it has done in children: publishing, at the start and at each edit.

What publishing takes of memory, as much again as the process has, goes with the child that did it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from worker.edges import publishing, watching
from worker.edges.banner import Line, near
from worker.edges.environment import Home
from worker.edges.house import House
from worker.edges.offspring import Process
from worker.storage.migrations import migrate

REPORT_FD = "PHIN_REPORT_FD"  # the pipe on which `phin up` waits for the report
SETTINGS_FILE = "phin.yaml"
BY = "phin up"  # who publishes an edit
ASK_EVERY = 0.02  # seconds between two looks whether a child that publishes has ended
ENDS_WITHIN = 3.0  # seconds that it may take once it is time to leave

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say of database and flows at the start.

    Parameters:
        database: name and version.
        where: its file, or its URL without a password.
        flows: `11 live · 1 draft · 0 broken`.
        broken: how many flows' files cannot be used.
    """

    database: str
    where: str
    tables: int
    flows: str
    broken: int

    def database_line(self) -> Line:
        """Return the banner's line about the database."""
        return Line("database", self.database, self.where, f"{self.tables} tables, up to date")

    def flows_line(self) -> Line:
        """Return the banner's line about the flows."""
        state = "the lines above say what is wrong" if self.broken else ""
        return Line("flows", self.flows, "", state, good=not self.broken)

    def write(self) -> str:
        """Return it as a line of text."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def read(cls, text: str) -> Report:
        """Read what `write` returned."""
        return cls(**json.loads(text))


def follow_files(home: Home, leaving: threading.Event, publish: Callable[[Sequence[str]], int]) -> int:
    """Have the files published now and at each change of them, until it is time to leave; returns the exit status.

    Parameters:
        publish: has a child publish and returns its exit status; it is given the options of its command.
    """
    if status := publish(["--first"]):
        return status

    def changed(files: set[Path]) -> None:
        for file in sorted(files):
            _log.info("changed", file=near(file))
        if home.config / SETTINGS_FILE in files:
            _log.warning("settings are read at the start: press Ctrl-C and run phin up again")
        templates = not files or any(file.is_relative_to(home.settings.templates) for file in files)
        if publish(["--templates"] if templates else []) and not leaving.is_set():
            _log.error("a change of files could not be followed; save the file again to repeat it")

    watching.follow([home.settings.flows, home.settings.templates, home.config], changed, leaving)
    return 0


def ended(child: Process, leaving: threading.Event) -> int:
    """Wait for a child that publishes and return its exit status; what it has in hand is one transaction.

    Once it is time to leave it has a few seconds for that, and is ended then.
    """
    until: float | None = None
    while (status := child.poll()) is None:
        time.sleep(ASK_EVERY)
        if leaving.is_set():
            until = until or time.monotonic() + ENDS_WITHIN
            if time.monotonic() > until:
                child.kill()
    return status


def publish_first(house: House, environment: Mapping[str, str]) -> None:
    """Bring the database up to date, publish, and report to `phin up`, where it waits for that."""
    tables = migrate(house.database)
    publication = publishing.publish(house, by=BY)
    publishing.tell(publication)
    where = near(house.settings.var / "phin.db")
    if house.settings.database_url:
        where = house.database.engine.url.render_as_string(hide_password=True)
    summary = publishing.summary(publication)
    _say(Report(house.database_name(), where, tables, summary, publication.broken), environment)


def publish_edit(house: House, refresh: Callable[[], Sequence[Path]], *, templates: bool) -> None:
    """Publish what was edited.

    Parameters:
        refresh: writes what is made of the files' names for editors; returns what it wrote.
        templates: whether to tell what is wrong with the templates.
    """
    publishing.tell(publishing.publish(house, by=BY))
    if templates:
        publishing.tell_errors(publishing.template_problems(house))
    try:
        for file in refresh():
            _log.info("schema for editors written", file=near(file))
    except OSError as error:
        _log.warning("schemas for editors cannot be written", file=error.filename, why=error.strerror)


def _say(report: Report, environment: Mapping[str, str]) -> None:
    waiting = environment.get(REPORT_FD)
    if waiting is None:
        return
    try:
        with os.fdopen(int(waiting), "w") as pipe:
            pipe.write(report.write())
    except OSError:
        pass  # started anew: whoever waited has its report
