"""What is examined: the shop's folder and settings, as far as they can be read.

Nothing is opened before it is asked for, and nothing is made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, make_url

from worker.domain.errors import PhinError, Problem
from worker.domain.settings import Settings
from worker.edges.cli.shop_files import ShopFiles, read_shop
from worker.edges.movable_clock import Clock
from worker.storage.database import Database
from worker.storage.migrations import fits


class AwayError(PhinError):
    """The database cannot be asked: it is told where the database itself is looked at."""


@dataclass(slots=True)
class Patient:
    """What the checks look at.

    Parameters:
        folder: of the shop.
        settings: as much of them as can be used; paths are absolute.
        problems: of the settings and the files beside them.
        resolver: `address` or `address:port` of a name server, or None: this machine's.
        within: seconds that one look at a server may take.
    """

    folder: Path
    environment: Mapping[str, str]
    settings: Settings
    problems: tuple[Problem, ...]
    resolver: str | None = None
    within: float = 10.0
    _database: Database | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def clock(self) -> Clock:
        """The shop's clock."""
        return Clock(self.settings.var / "clock")

    @property
    def sends(self) -> bool:
        """Whether mail leaves this machine: then it is a shop, and not a trial."""
        return self.settings.smtp_url is not None

    @property
    def database_url(self) -> str:
        """The database's URL; where none is set, SQLite under `var`."""
        url = self.settings.database_url or f"sqlite:///{self.settings.var / 'phin.db'}"
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            return f"sqlite:///{self.folder / parsed.database}"
        return url

    @property
    def database_file(self) -> Path | None:
        """SQLite's file, or None where the database is a server."""
        parsed = make_url(self.database_url)
        return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None

    @property
    def database(self) -> Database:
        """The database, opened when it is first asked for.

        Raises:
            AwayError: there is no file; opening one would make it.
        """
        file = self.database_file
        if file is not None and not file.exists():
            raise AwayError(f"there is no database at {file}")
        with self._lock:
            if self._database is None:
                self._database = Database(self.database_url, pool=8)
            return self._database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A look at the database, where it is there and of this version.

        Raises:
            AwayError: it is not.
        """
        try:
            with self.database.reading() as connection:
                if not fits(connection):
                    raise AwayError("the database is not up to date")
                yield connection
        except AwayError:
            raise
        except PhinError as error:
            raise AwayError("the database cannot be reached") from error

    def now(self) -> datetime:
        """Return the shop's time; the machine's, where its file cannot be read."""
        try:
            return self.clock.now()
        except PhinError:
            return self.clock.machine()

    def close(self) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()


def read_patient(
    folder: Path, environment: Mapping[str, str], *, resolver: str | None = None, within: float = 10.0
) -> Patient:
    """Read the settings, as much of them as can be used."""
    shop: ShopFiles = read_shop(folder, environment)
    paths = {name: folder / getattr(shop.settings, name) for name in ("var", "flows", "templates")}
    settings = shop.settings.model_copy(update=paths)
    return Patient(folder, environment, settings, shop.problems, resolver, within)
