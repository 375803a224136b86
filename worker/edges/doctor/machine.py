"""This machine: its disks, the folder of what is kept, its clock beside those of others."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import redis
from sqlalchemy import text

from worker.domain.errors import SettingError
from worker.edges.doctor.findings import Findings, fault, fine, note, size, span, warning
from worker.edges.doctor.patient import AwayError, Patient
from worker.edges.doctor.queue import queue_url
from worker.edges.presence import FORGOTTEN_AFTER
from worker.edges.redis_client import open_client
from worker.edges.var import PERSONAL, UMASK
from worker.storage import processes

LOW, SCARCE = 1_000_000_000, 200_000_000  # bytes free
LOW_SHARE, SCARCE_SHARE = 0.05, 0.01
SKEW, GREAT_SKEW = 2.0, 30.0  # seconds


def disk(patient: Patient) -> Findings:
    """Look at the volumes that Phin writes to."""
    var = patient.settings.var
    if not var.is_dir():
        yield note("disk.var", "var", f"{var} is not there yet; the first start makes it")
        return
    if not os.access(var, os.R_OK | os.W_OK | os.X_OK):
        remedy = "give it to the user that runs Phin, or name another folder by PHIN_VAR"
        yield fault("disk.var", "var", f"{var} cannot be written by this user", remedy)
    yield from _open_to_others(var)
    volumes = {"var": var}
    file = patient.database_file
    if file is not None and file.parent.is_dir() and not os.path.samestat(file.parent.stat(), var.stat()):
        volumes["database"] = file.parent
    for name, folder in volumes.items():
        usage, files = shutil.disk_usage(folder), os.statvfs(folder)
        yield from space(f"disk.{name}", name, folder, usage.free, usage.total)
        if files.f_files:
            yield from inodes(f"disk.{name}-inodes", f"{name} files", files.f_favail, files.f_files)


def space(key: str, subject: str, folder: Path, free: int, total: int) -> Findings:
    """Judge the free space of a volume."""
    said = f"{size(free)} free of {size(total)} ({folder})"
    remedy = "free space there: a full disk stops intake and sending; 'phin retention' tells what is kept how long"
    if free < SCARCE or free < total * SCARCE_SHARE:
        yield fault(key, subject, said, remedy)
    elif free < LOW or free < total * LOW_SHARE:
        yield warning(key, subject, said, remedy)
    else:
        yield fine(key, subject, said)


def inodes(key: str, subject: str, free: int, total: int) -> Findings:
    """Judge how many files may still be made; told only where they run out."""
    if free < total * LOW_SHARE:
        level = fault if free < total * SCARCE_SHARE else warning
        said = f"only {free:,} of {total:,} files (inodes) may still be made"
        yield level(key, subject, said, "remove files there: df -i tells which volume, var/outbox is Phin's own")


def _open_to_others(var: Path) -> Findings:
    paths = (path for pattern in PERSONAL for path in var.glob(pattern))
    found = sorted(path.name for path in paths if not path.is_symlink() and path.lstat().st_mode & UMASK)
    if found:
        said = f"{', '.join(found)} in {var} may be read by other users; names, orders and keys are in there"
        yield fault("disk.private", "privacy", said, f"cd {var} && chmod -R go= {' '.join(found)}")


def clocks(patient: Patient) -> Findings:
    """Hold this machine's clock against those of database, queue and the other machines."""
    looks: list[tuple[str, Callable[[Patient], float | None]]] = [("database", _of_database), ("queue", _of_queue)]
    compared = 0
    for name, ask in looks:
        try:
            off = ask(patient)
        except (AwayError, redis.RedisError, SettingError, OSError):
            compared += 1  # that it is away is told elsewhere
            continue
        if off is not None:
            compared += 1
            yield from skew(name, off)
    if not compared:
        said = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC; database and queue have no other"
        yield fine("clock.skew", "clock", said)
    try:
        offset = patient.clock.offset()
    except SettingError as error:
        yield fault("clock.moved", "shop's clock", str(error), f"rm {patient.clock.path}")
        return
    if offset:
        said = f"the shop's time is moved by {span(offset.total_seconds())} ({patient.clock.path})"
        if patient.sends:
            remedy = f"rm {patient.clock.path}: mails go to real people by a time that is not"
            yield fault("clock.moved", "shop's clock", said, remedy)
        else:
            yield note("clock.moved", "shop's clock", said)
    yield from _of_others(patient)


def skew(name: str, off: float) -> Findings:
    """Judge by how many seconds another clock is ahead of this machine's."""
    subject, ahead = f"{name}'s clock", "ahead of" if off > 0 else "behind"
    if abs(off) < SKEW:
        yield fine("clock.skew", subject, f"as this machine's (within {max(abs(off), 0.01):.2f} s)")
        return
    level = fault if abs(off) >= GREAT_SKEW else warning
    remedy = "have both follow the same time servers (timedatectl set-ntp true, or chrony)"
    yield level("clock.skew", subject, f"{abs(off):.1f} s {ahead} this machine's", remedy)


def _of_database(patient: Patient) -> float | None:
    with patient.reading() as connection:
        if connection.dialect.name != "postgresql":
            return None
        connection.execute(text("SELECT 1"))  # a connection that is warm
        before = time.time()
        there = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
        return there - (before + time.time()) / 2


def _of_queue(patient: Patient) -> float | None:
    url = queue_url(patient)
    if url is None or url.startswith("unix:"):
        return None
    with open_client(url, timeout=2.0) as client:
        client.ping()
        before = time.time()
        seconds, micro = client.time()
        return float(seconds + micro / 1e6) - (before + time.time()) / 2


def _of_others(patient: Patient) -> Findings:
    """Look at the signs of life of other machines: one from the future tells of a clock that is ahead."""
    now = datetime.now(UTC)
    with patient.reading() as connection:
        rows = processes.seen_since(connection, now - FORGOTTEN_AFTER)
    ahead: dict[str, float] = {}
    for row in rows:
        ahead[row.host] = max(ahead.get(row.host, 0.0), (row.seen_at - now).total_seconds())
    for host, seconds in ahead.items():
        if seconds > SKEW:
            yield from skew(f"machine {host}", seconds)
