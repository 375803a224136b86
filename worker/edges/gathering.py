"""Gathers the figures of one scrape: what the database keeps, its vital signs, the queue and this machine.

It waits for nobody: what cannot be asked is left out, and `phin_database_up` and `phin_queue_up` say so.
"""

from __future__ import annotations

import platform
import re
import shutil
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import Connection, text

from worker.edges.exposition import Seen
from worker.edges.presence import SILENT_AFTER
from worker.edges.queue_standing import Waiting
from worker.edges.spooled import spooled
from worker.storage import figures, processes
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook
from worker.storage.vital_signs import vital_signs

_NUMBERED = re.compile(r" \d+$")

_log = structlog.get_logger(__name__)


class _Clock(Protocol):
    def now(self) -> datetime: ...

    def machine(self) -> datetime: ...


class _Queue(Protocol):
    def standing(self) -> Mapping[str, Waiting] | None: ...


class Gathering:
    """Gathers, one scrape at a time.

    Parameters:
        var: the folder of the spool, and where this machine keeps things.
    """

    def __init__(self, database: Database, flowbook: FlowBook, clock: _Clock, queue: _Queue, var: Path) -> None:
        self._database = database
        self._flowbook = flowbook
        self._clock = clock
        self._queue = queue
        self._var = var
        self._version = metadata.version("phin")
        self._database_version: str | None = None

    def gather(self) -> Seen:
        """Return what is seen now; takes as long as the database and the queue do."""
        began = time.monotonic()
        seen = Seen()
        try:
            with self._database.reading() as connection:
                self._of_database(connection, seen)
        except Exception as error:
            _log.warning("the figures lack those of the database", why=told(error))
            seen = Seen()
        seen.put("database_up", bool(seen.kept or seen.now))
        for each in (self._of_queue, partial(spool, self._var / "spool"), self._of_disk):
            try:
                each(seen)
            except OSError as error:
                _log.warning("the figures lack some of this machine", why=told(error))
        known = self._database_version or ""
        seen.put("build_info", 1, version=self._version, python=platform.python_version(), database=known)
        seen.put("scrape_seconds", time.monotonic() - began)
        return seen

    def _of_database(self, connection: Connection, seen: Seen) -> None:
        now, machine = self._clock.now(), self._clock.machine()
        if self._database_version is None:
            self._database_version = database_version(connection)
        seen.kept = figures.read(connection)
        catalogue = self._flowbook.follow(connection)
        seen.flows = catalogue.sending | catalogue.held
        signs = vital_signs(connection, catalogue, now, machine)
        for kind, seconds in signs.due.items():
            seen.put("oldest_due_seconds", seconds, kind=kind)
        seen.put("lease_over_seconds", signs.lease_over)
        seen.put("unknown_oldest_seconds", signs.unknown_for)
        for state, count in (
            ("claimed", signs.claimed),
            ("transmitting", signs.transmitting),
            ("unknown", signs.unknown),
        ):
            seen.put("messages", count, state=state)
        seen.put("events", signs.refused_events, state="refused")
        for (relay, whole), count in signs.breakers.items():
            seen.put("breakers_open", count, relay=relay, scope="relay" if whole else "domain")
        seen.put("paused", catalogue.all_held)
        alive: dict[tuple[str, str], int] = {(role, self._version): 0 for role in ("web", "worker", "clock")}
        for row in processes.seen_since(connection, machine - SILENT_AFTER):
            key = (_NUMBERED.sub("", row.name), row.version or "")
            alive[key] = alive.get(key, 0) + 1
        for (role, version), count in alive.items():
            seen.put("processes", count, role=role, version=version)

    def _of_queue(self, seen: Seen) -> None:
        waiting = self._queue.standing()
        seen.put("queue_up", waiting is not None)
        for name, one in (waiting or {}).items():
            seen.put("queue_jobs", one.jobs, queue=name)
            seen.put("queue_oldest_job_seconds", one.oldest, queue=name)

    def _of_disk(self, seen: Seen) -> None:
        path = self._database.engine.url.database if self._database.is_sqlite else None
        volumes = {"var": self._var}
        if path is not None:
            volumes["database"] = Path(path).parent
            for name, file in (("database", path), ("wal", f"{path}-wal")):
                if Path(file).exists():
                    seen.put("database_bytes", Path(file).stat().st_size, file=name)
        for name, folder in volumes.items():
            usage = shutil.disk_usage(folder)
            seen.put("disk_free_bytes", usage.free, volume=name)
            seen.put("disk_size_bytes", usage.total, volume=name)


def spool(folder: Path, seen: Seen) -> None:
    """Count the files that wait for the database, and tell the oldest's age."""
    files, oldest = spooled(folder)
    seen.put("spool_files", files)
    seen.put("spool_oldest_seconds", oldest)


def database_version(connection: Connection) -> str:
    """Return the database's name and version, `SQLite 3.53.4`."""
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.execute(text('select sqlite_version()')).scalar_one()}"
    return f"PostgreSQL {connection.execute(text('show server_version')).scalar_one()}".split(" (")[0]
