"""A back-up of what Phin keeps in files on this machine: SQLite's database, made secrets, hits that wait in the spool.

The processes go on meanwhile: the database is copied as it is at one moment. Its copy is marked, so that no process
works on it by mistake: what happened after it was made would happen again (`worker.storage.restoring`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from worker.domain.errors import PhinError
from worker.edges.house import House
from worker.storage import restoring
from worker.storage.database import Database, sqlite_module

DATABASE = "phin.db"
FILES = ("spool", "secrets")  # under var; the spool before the database: a hit may be in both, and is counted once
PAGES = 4_096  # of the database that are copied at a time

Progress = Callable[[int, int], None]  # pages that are left, and all


def back_up(house: House, folder: Path, now: datetime, progress: Progress = lambda _left, _all: None) -> Path:
    """Write a back-up into a new folder under this one, and return the new one; whole, or not there.

    Raises:
        PhinError: the database is no file of ours, the copy is not sound, or it cannot be written.
    """
    database = house.database.engine.url.database
    if not house.database.is_sqlite or database is None:
        raise PhinError(
            "the database is PostgreSQL, which has its own tools: pg_dump or pg_basebackup; docs/operations.md tells "
            "what to keep beside it"
        )
    target = folder / f"phin-{now:%Y%m%dT%H%M%SZ}"
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, mode=0o700)
        for name in FILES:
            _copy_files(house.settings.var / name, unfinished / name)
        _copy(Path(database), unfinished / DATABASE, progress)
        _mark(unfinished / DATABASE, now)
        for path in (*unfinished.rglob("*"), unfinished):
            _sync(path)
        unfinished.rename(target)
        _sync(folder)
    except OSError as error:
        raise PhinError(f"the back-up cannot be written to {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _copy_files(source: Path, target: Path) -> None:
    """Copy a folder's files; one of the spool that goes meanwhile is in the database, which is copied afterwards."""
    target.mkdir(mode=0o700)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(mode=0o700)
            continue
        with suppress(FileNotFoundError):
            shutil.copy2(path, copy)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database that others write to, as it is now."""
    driver = sqlite_module()
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    reading, writing = (driver.connect(str(path), isolation_level=None) for path in (source, target))
    try:
        # held open: without it, SQLite would begin anew with each write of another process
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=PAGES, progress=lambda _status, left, every: progress(left, every))
        faults = writing.execute("PRAGMA quick_check(3)").fetchall()
    except driver.Error as error:
        raise PhinError(f"the database cannot be copied: {error}") from error
    finally:
        reading.close()
        writing.close()
    if faults != [("ok",)]:
        raise PhinError(f"the copy is not sound ({'; '.join(str(row[0]) for row in faults)}); is the database's disk?")


def _mark(path: Path, now: datetime) -> None:
    copy = Database(f"sqlite:///{path}")
    try:
        with copy.writing() as connection:
            restoring.set_state(connection, restoring.COPY, now)
    finally:
        copy.close()
    for lock in path.parent.glob(f"{path.name}.*"):  # of writers that it will never have
        lock.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
