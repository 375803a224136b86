"""The database: SQLite or PostgreSQL, with transactions that lose no update and keep what they committed.

SQLite is opened in WAL mode with `synchronous=FULL`. Writers begin with `BEGIN IMMEDIATE`, and before that they
queue for a lock file: the kernel wakes the next one at once, where SQLite's own busy handler would sleep.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from worker.domain.addresses import masked
from worker.domain.errors import SettingError, UnavailableError
from worker.storage.conditions import sqlite_functions
from worker.storage.lines import limited
from worker.storage.outages import outage
from worker.storage.postgresql import postgresql_engine
from worker.storage.quick import Kept
from worker.storage.quick_sqlite import QuickSqlite
from worker.storage.types import json_of
from worker.storage.writer_lock import WriterLock

try:
    import pysqlite3.dbapi2 as sqlite_driver
except ImportError:  # where no wheel exists, Python's own SQLite serves
    import sqlite3 as sqlite_driver

_TOLD = 500  # characters of an error that are kept
BUSY_TIMEOUT = 30_000  # milliseconds that SQLite waits for a lock held by a foreign program


def told(error: BaseException) -> str:
    """Return an error as a reason that may be kept or logged: its type and words, without an e-mail address.

    Of a database's error only the type and the SQLSTATE (SQLite: the name of its code): its words quote the row.
    """
    if isinstance(error, DBAPIError):
        said = error.orig
        code = getattr(said, "sqlstate", None) or getattr(said, "sqlite_errorname", None)
        return f"{type(said or error).__name__}: {code or 'no code'}"
    return masked(f"{type(error).__name__}: {error}")[:_TOLD]


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).strip().splitlines()), "no reason given")


class _Begins(threading.local):
    """How this thread's next transaction on SQLite begins; those within it are to read."""

    how = "BEGIN"

    @contextmanager
    def to_write(self) -> Iterator[None]:
        self.how = "BEGIN IMMEDIATE"
        try:
            yield
        finally:
            self.how = "BEGIN"


class Database:
    """One database; cheap to keep, safe to share between threads.

    Parameters:
        url: `sqlite:///path` or `postgresql://user:password@host:port/name`.
        pool: connections kept open for PostgreSQL.
        waited_for: whether somebody waits for what this process writes, which goes before what is done in the
            background; for SQLite, where one writes at a time.
        monotonic: seconds that only grow.
    """

    def __init__(
        self, url: str, *, pool: int = 5, waited_for: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            parsed = make_url(url)
        except Exception as error:
            forms = "sqlite:///var/phin.db or postgresql://user:password@host:5432/name"
            # without the URL and the parser's words about it: both may hold the password
            raise SettingError(f"database_url is no database URL ({type(error).__name__}); write {forms}") from None
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise SettingError("database_url names no file; write sqlite:///var/phin.db")
            path = Path(parsed.database)
            self._writer = WriterLock(path.with_name(path.name + ".writer"), waited_for=waited_for)
            self._begins = _Begins()
            url = str(parsed.set(drivername="sqlite").render_as_string(hide_password=False))
            self.engine = _sqlite(url, self._begins)
        elif backend in ("postgresql", "postgres"):
            self._writer = None
            self.engine = postgresql_engine(
                limited(parsed.set(drivername="postgresql+psycopg")),
                monotonic,
                pool_size=pool,
                max_overflow=pool,
                pool_use_lifo=True,  # what the server has prepared for one connection, it has not for another
                json_deserializer=json_of,
                hide_parameters=True,  # an error's text goes to the log, where no address may stand
                connect_args={"prepare_threshold": 5},
            )
        else:
            raise SettingError(f"database_url is of '{backend}'; Phin speaks sqlite and postgresql")

    _writer: WriterLock | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite, where one writer works at a time."""
        return self.engine.dialect.name == "sqlite"

    @property
    def on_this_machine(self) -> bool:
        """Whether it is lost with this machine, by its URL: a file, a socket, or a loopback address."""
        if self.is_sqlite:
            return True
        url = self.engine.url
        named = url.query.get("host", url.host or "")
        hosts = ",".join((named,) if isinstance(named, str) else named).split(",")
        return all(host.startswith("/") or host in ("localhost", "127.0.0.1", "::1") for host in hosts)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A short look; nothing is written."""
        with self._unavailable(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, waited_for: bool = False) -> Iterator[Connection]:
        """One transaction: committed durably at the end, rolled back whole at an error.

        Parameters:
            waited_for: whether it is short and somebody waits for it, so that it goes before the background.
        """
        with self._unavailable():
            if self._writer is None:
                with self.engine.begin() as connection:
                    yield connection
            else:
                with (
                    self._writer.held(waited_for=waited_for),
                    self._begins.to_write(),
                    self.engine.begin() as connection,
                ):
                    yield connection

    def pressed(self) -> bool:
        """Say whether this thread's transaction, which does work of many parts, should end and the rest be another's.

        Whoever is waited for wants to write, and has waited for a moment; only SQLite has one writer at a time.
        """
        return self._writer is not None and self._writer.pressed()

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            lost = isinstance(error, OperationalError) and "connect" in str(error.orig).lower()
            if lost or error.connection_invalidated:
                raise UnavailableError(f"{self._named()} cannot be reached: {_first_line(error)}") from error
            why = outage(error)
            if why is not None:
                raise UnavailableError(f"{self._named()} takes nothing now: {why} ({told(error)})") from error
            raise

    def _named(self) -> str:
        """Return which database it is and which setting says so; a password may stand anywhere else in the URL."""
        url = self.engine.url
        where = f" at {url.host}:{url.port or 5432}" if url.host else ""
        return f"the database '{url.database}'{where} (database_url, PHIN_DATABASE_URL)"

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _sqlite(url: str, begins: _Begins) -> Engine:
    engine = create_engine(
        url,
        module=sqlite_module(),
        connect_args={"check_same_thread": False, "isolation_level": None, "cached_statements": 1_000},
        json_deserializer=json_of,
        hide_parameters=True,
        query_cache_size=2_000,
    )
    # the engine's own word for what its connections are made by; it has no option for it
    engine._connection_cls = partial(QuickSqlite, kept=Kept())  # type: ignore[assignment]

    @event.listens_for(engine, "connect")
    def _opened(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",  # what is erased is overwritten, not only forgotten
            f"busy_timeout={BUSY_TIMEOUT}",
            "cache_size=-16000",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        sqlite_functions.register(connection)

    def begin(dbapi_connection: Any) -> None:
        how, begins.how = begins.how, "BEGIN"
        dbapi_connection.execute(how)

    # not by the event "begin": an engine with listeners asks them at every statement
    engine.dialect.do_begin = begin  # type: ignore[method-assign]  # of this engine alone
    return engine


def sqlite_module() -> ModuleType:
    """Return the driver: the wheel with a sound SQLite, or Python's own where there is none."""
    return sqlite_driver  # type: ignore[no-any-return]
