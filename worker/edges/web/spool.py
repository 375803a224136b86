"""The spool: what must not be lost and cannot be committed now is written to a file, and read back later.

One JSON object a line. Files are appended to under a lock, by as many processes as like, and are durable before
anybody is answered. To read one back it is renamed first, so that writers go on with a new one; it is removed only
when all of it is committed. Read back twice, each line is still one row, by its own key.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SUFFIX = ".jsonl"
READING = ".reading"
AT_ONCE = 1_000  # lines handed over at a time

Record = Mapping[str, Any]

log = logging.getLogger(__name__)


class Spool:
    """One kind of records in a folder.

    Parameters:
        folder: `var/spool`.
        kind: what the records are, `hits`; the file's name.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._path = folder / f"{kind}{SUFFIX}"

    def append(self, records: Sequence[Record]) -> None:
        """Write records durably: when this returns, they survive the loss of power.

        Raises:
            OSError: they could not be written (the disk is full); what was written of them is taken back.
        """
        lines = "".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records).encode()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = self._opened()
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # somebody died in the middle of a line; ours begins on its own
            try:
                write_all(descriptor, lines)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            if not size:
                sync_folder(self._folder)
        finally:
            os.close(descriptor)

    def waiting(self) -> bool:
        """Say whether there is anything to read back."""
        return any(self._files())

    def read_back(self, take: Callable[[list[dict[str, Any]]], None]) -> int:
        """Hand everything over, oldest first, and forget what was taken; returns how many records there were.

        Parameters:
            take: commits the records; may be given a record again that it has committed already.

        Raises:
            Whatever `take` raises; what it did not take stays for the next time.
        """
        if self._path.exists():
            self._set_aside()
        count = 0
        for path in self._files():
            if path == self._path:
                continue
            records = _records(path)
            for start in range(0, len(records), AT_ONCE):
                take(records[start : start + AT_ONCE])
            path.unlink(missing_ok=True)
            count += len(records)
        return count

    def _files(self) -> list[Path]:
        aside = sorted(self._folder.glob(f"{self._kind}.*{READING}"))
        return [*aside, *([self._path] if self._path.exists() else [])]

    def _set_aside(self) -> None:
        """Rename the file while nobody writes to it; writers that waited for the lock see it and open a new one."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return  # another reader was quicker
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_still(descriptor, self._path):
                name = f"{self._kind}.{os.fstat(descriptor).st_mtime_ns}.{secrets.token_hex(4)}{READING}"
                self._path.rename(self._folder / name)
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        """Return the file, locked, and still the one that the name stands for."""
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_still(descriptor, self._path):
                return descriptor
            os.close(descriptor)


def is_still(descriptor: int, path: Path) -> bool:
    """Say whether a name still stands for the file that was opened by it."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)


def write_all(descriptor: int, data: bytes, at: int | None = None) -> None:
    """Write all of it, at this place of the file or, without one, where the descriptor stands.

    Raises:
        OSError: some of it could not be written.
    """
    view = memoryview(data)
    while view:
        if at is None:
            view = view[os.write(descriptor, view) :]
        else:
            written = os.pwrite(descriptor, view, at)
            view, at = view[written:], at + written


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive the loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file; a line that was torn by a crash was never answered for, and is left out."""
    records = []
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []  # another reader was quicker
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            records.append(record)
        else:
            log.warning("%s: line %d is torn and left out", path.name, number)
    return records
