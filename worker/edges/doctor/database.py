"""The database: reached, quick, up to date, taking what is written; and what holds it up."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from worker.domain.addresses import masked
from worker.domain.errors import PhinError
from worker.edges.doctor.findings import Findings, fault, fine, note, size, span, warning
from worker.edges.doctor.patient import AwayError, Patient
from worker.edges.gathering import database_version
from worker.storage.database import told
from worker.storage.migrations import fits, is_empty, up_to_date
from worker.storage.probe import probe_writing

SLOW = 0.02  # seconds for an answer to nothing: a mail waits for several
LONG_WAL = 128_000_000  # bytes
LONG_TRANSACTION = 60  # seconds
FEW_CONNECTIONS = 0.85  # share of them that is taken
OLDEST_POSTGRESQL = 13  # for pg_current_xact_id and what else Phin asks for
SOUND_SQLITE = (3, 51, 3)  # the first without the fault of resetting the WAL, https://sqlite.org/releaselog/3_51_3.html
OVER_THE_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph")


def database(patient: Patient) -> Findings:
    """Look whether it is reached, how quick it is, and whether it has the tables of this version."""
    file = patient.database_file
    if file is not None and not file.exists():
        remedy = "phin up, or phin release, makes it; else check var and database_url (PHIN_DATABASE_URL)"
        yield fault("database.missing", "database", f"there is none at {file}", remedy)
        return
    try:
        with patient.database.reading() as connection:
            took = _round_trips(connection)
            name = database_version(connection)
            yield fine("database.reachable", "database", f"{name}, {_named(patient)}")
            yield from _speed(took)
            yield from _version(patient, connection)
            yield from _tables(connection)
            if connection.dialect.name == "postgresql":
                yield from _postgresql(connection)
            else:
                yield from _sqlite(connection, file)
    except (PhinError, DBAPIError) as error:
        if isinstance(error, AwayError):
            raise
        remedy = (
            "start it, or check database_url (PHIN_DATABASE_URL); until then events and hits are spooled or refused"
        )
        said = masked(str(error)) if isinstance(error, PhinError) else told(error)
        yield fault("database.reachable", "database", said, remedy)


def writing(patient: Patient) -> Findings:
    """Look whether it takes what is written."""
    file = patient.database_file
    if file is not None and not file.exists():
        return
    began = time.monotonic()
    try:
        probe_writing(patient.database)
    except (PhinError, DBAPIError) as error:
        if _reads(patient):  # else it is away; that is told where it is reached for
            said = str(error) if isinstance(error, PhinError) else f"it takes nothing that is written ({told(error)})"
            remedy = "free space on its disk, and look whether it is read-only: nothing is taken in until then"
            yield fault("database.writes", "writing", said, remedy)
        return
    took = time.monotonic() - began
    if took > 1.0:
        remedy = "a long write holds it up: look for an import, a back-up or a program that keeps a transaction open"
        yield warning("database.writes", "writing", f"a small write waited {span(took)}", remedy)
    else:
        yield fine("database.writes", "writing", f"a small write took {took * 1000:.0f} ms")


def _reads(patient: Patient) -> bool:
    try:
        with patient.database.reading() as connection:
            connection.execute(text("SELECT 1"))
            return True
    except (PhinError, DBAPIError):
        return False


def _named(patient: Patient) -> str:
    file, url = patient.database_file, patient.database.engine.url
    return str(file) if file is not None else f"'{url.database}' at {url.host or 'a socket'}:{url.port or 5432}"


def _round_trips(connection: Connection) -> float:
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        connection.execute(text("SELECT 1")).scalar_one()
        taken.append(time.perf_counter() - began)
    return min(taken)  # others are this machine's own business


def _speed(took: float) -> Findings:
    said = f"an answer takes {took * 1000:.1f} ms"
    if took > SLOW:
        remedy = "put the database nearer to the workers: each mail and event waits for several answers"
        yield warning("database.round-trip", "round trip", said, remedy)
    else:
        yield fine("database.round-trip", "round trip", said)


def _version(patient: Patient, connection: Connection) -> Findings:
    if connection.dialect.name == "postgresql":
        number = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
        if number < OLDEST_POSTGRESQL:
            yield fault("version.postgresql", "PostgreSQL", f"{number} is too old", "use PostgreSQL 13 or later")
        return
    version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
    if tuple(map(int, version.split("."))) < SOUND_SQLITE:
        said = f"SQLite {version} can lose what is in its log when that is reset (3.7.0 to 3.51.2)"
        remedy = "pip install 'pysqlite3>=0.6.1', which brings its own; else SQLite 3.51.3, or PostgreSQL"
        level = fault if patient.sends else warning
        yield level("version.sqlite", "SQLite", said, remedy)


def _tables(connection: Connection) -> Findings:
    if is_empty(connection):
        yield fault("database.tables", "tables", "there are none yet", "phin release")
        return
    if up_to_date(connection):
        yield fine("database.tables", "tables", "up to date with this version")
    elif fits(connection):
        said = "of a later version than this; this one goes on working"
        remedy = "bring this machine up to that version, and start its processes anew"
        yield warning("database.tables", "tables", said, remedy)
    else:
        yield fault("database.tables", "tables", "of an older version than this", "phin release")


def _postgresql(connection: Connection) -> Findings:
    asked = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
    settings = {row.name: row.setting for row in connection.execute(text(asked))}
    off = [name for name in ("fsync", "full_page_writes") if settings.get(name) == "off"]
    if off:
        said = f"off: {', '.join(off)}; after a power cut the database may be lost"
        yield fault("database.durable", "durability", said, f"set {off[0]} = on in postgresql.conf, and reload")
    elif settings.get("synchronous_commit") == "off":
        said = "synchronous_commit is off: after a crash mails may go out twice, and answered events be gone"
        yield fault(
            "database.durable", "durability", said, "set synchronous_commit = on in postgresql.conf, and reload"
        )
    else:
        yield fine("database.durable", "durability", "a commit is on disk when it is answered")
    busy = "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity WHERE backend_type = :kind"
    used, most = connection.execute(text(busy), {"kind": "client backend"}).one()
    said = f"{used} of {most} connections are taken"
    if used > most * FEW_CONNECTIONS:
        remedy = "raise max_connections, or run fewer processes; each takes up to twice queue.threads + 2"
        yield warning("database.connections", "connections", said, remedy)
    else:
        yield fine("database.connections", "connections", said)
    yield from _long_transactions(connection)
    whole = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    yield note("database.size", "size", f"{size(whole)}; its disk is looked at on its own machine")


def _long_transactions(connection: Connection) -> Findings:
    asked = text(
        "SELECT pid, state, extract(epoch FROM clock_timestamp() - xact_start) AS age, application_name AS program"
        " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND xact_start < clock_timestamp() - make_interval(secs => :seconds) ORDER BY xact_start LIMIT 5"
    )
    rows = connection.execute(asked, {"seconds": LONG_TRANSACTION}).all()
    for row in rows:
        program = f" of {row.program}" if row.program else ""
        said = f"process {row.pid}{program} has been in one for {span(float(row.age))} ({row.state})"
        remedy = f"end what it does; if nobody needs it: SELECT pg_terminate_backend({row.pid})"
        yield warning("database.long-transaction", "transaction", said, remedy)


def _sqlite(connection: Connection, file: Path | None) -> Findings:
    assert file is not None
    mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
    if mode != "wal":
        said = f"its journal is '{mode}', so that readers and writers wait for each other"
        yield warning("database.wal", "log", said, "let nothing else set journal_mode; Phin sets it at each start")
    log = file.with_name(f"{file.name}-wal")
    length = log.stat().st_size if log.exists() else 0
    if length > LONG_WAL:
        remedy = f"a program keeps reading, so that it cannot be cut short: lsof {file} tells which"
        yield warning("database.wal", "log", f"{log.name} has grown to {size(length)}", remedy)
    else:
        yield fine("database.wal", "log", f"{size(length)} beside {size(file.stat().st_size)}")
    kind = volume_kind(file)
    if kind in OVER_THE_NETWORK:
        said = (
            f"its file is on a network volume ({kind}), where locks are not kept and SQLite is damaged sooner or later"
        )
        yield fault("database.volume", "volume", said, "put var on a disk of this machine, or use PostgreSQL")


def volume_kind(path: Path) -> str:
    """Return the kind of file system that a path is on, such as ext4; empty where nobody knows."""
    real = path.resolve()
    mounts = [one for one in psutil.disk_partitions(all=True) if real.is_relative_to(one.mountpoint)]
    return max(mounts, key=lambda one: len(one.mountpoint)).fstype if mounts else ""
