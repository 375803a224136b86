"""A process's own journal: lines that are durable before anybody is answered, and wait there to be committed.

A file is laid out in advance and used again, so that to sync it the disk writes what is new and the file system
nothing of its own: half the time of a file that grows (docs/performance.md). What is not written yet is NUL bytes. The
process holds a lock on each of its files for as long as it lives: what can be locked was left by one that died, and is
taken over by whoever looks next.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from worker.edges.web.spool import is_still, sync_folder, write_all

SUFFIX = ".journal"
SYNCED: int = getattr(os, "RWF_DSYNC", 0)  # where the kernel can: writing and syncing in one call
LAID_OUT = 64 * 1024  # bytes
KEPT = 1024 * 1024  # bytes of a file that was written full, which are used again
LONGEST = 4 * 1024 * 1024  # bytes, after which another file is begun: while the database is away it only gets more


class Segment:
    """One file of a journal, locked by this process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.used = 0
        self._descriptor = descriptor

    def append(self, lines: bytes) -> None:
        """Write lines behind the others, durably."""
        written = os.pwritev(self._descriptor, [lines], self.used, SYNCED)
        if written < len(lines):
            write_all(self._descriptor, lines[written:], self.used + written)
        if written < len(lines) or not SYNCED:
            os.fdatasync(self._descriptor)
        self.used += len(lines)

    def lines(self) -> list[bytes]:
        """Return what was written."""
        data = os.pread(self._descriptor, self.used, 0)
        return data.split(b"\n")[:-1]

    def lay_out(self) -> None:
        """Make room for lines, durably."""
        write_all(self._descriptor, bytes(LAID_OUT), 0)
        os.fsync(self._descriptor)

    def empty(self) -> None:
        """Write over what was written, for it is committed."""
        write_all(self._descriptor, bytes(min(self.used, KEPT)), 0)
        if self.used > KEPT:
            os.ftruncate(self._descriptor, KEPT)
        self.used = 0

    def close(self) -> None:
        """Let go of the file, and remove it where nothing is in it."""
        if self.used:
            os.ftruncate(self._descriptor, self.used)
        else:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


class Journal:
    """The files of this process; one thread may append while another takes.

    Parameters:
        folder: `var/spool`.
        kind: what the lines are, `hits`.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._lock = threading.Lock()
        self._writing: Segment | None = None
        self._full: deque[Segment] = deque()
        self._spare: Segment | None = None
        self._closed = False

    def append(self, lines: bytes) -> None:
        """Write whole lines durably: when this returns, they survive the loss of power.

        Raises:
            OSError: they could not be written; lines that come later take their place.
        """
        with self._lock:
            if self._closed:
                raise OSError("the journal is closed")
            segment = self._writing
            if segment is None or segment.used >= LONGEST:
                fresh = self._spare or self._begun()
                self._writing, self._spare = fresh, None
                if segment is not None:
                    self._full.append(segment)
                segment = fresh
            segment.append(lines)

    def take(self) -> Segment | None:
        """Return the oldest lines that wait, as a file that nothing more is written to; None where none do.

        Raises:
            OSError: a full disk has no room for another file; the lines stay where there is room for more.
        """
        with self._lock:
            if self._full:
                return self._full.popleft()
            segment = self._writing
            if segment is None or not segment.used:
                return None
            self._writing, self._spare = self._spare or self._begun(), None
            return segment

    def give_back(self, segment: Segment) -> None:
        """Forget the lines of a segment that was taken: they are committed; its room is used again.

        Raises:
            OSError: it could not be emptied; whoever reads it once more finds nothing new in it.
        """
        try:
            segment.empty()
        finally:
            with self._lock:
                kept = self._spare is None and not self._closed and not segment.used
                if kept:
                    self._spare = segment
            if not kept:
                segment.close()

    def rest(self) -> None:
        """Remove the files in which nothing is."""
        with self._lock:
            if self._writing is not None and not self._writing.used:
                self._writing.close()
                self._writing = None
            if self._spare is not None:
                self._spare.close()
                self._spare = None

    def close(self) -> None:
        """Take nothing more, and let go of what is there: what nobody took is read back by another process."""
        with self._lock:
            self._closed = True
            for segment in (*self._full, self._writing, self._spare):
                if segment is not None:
                    segment.close()
            self._full.clear()
            self._writing = self._spare = None

    def _begun(self) -> Segment:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            path = self._folder / f"{self._kind}.{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            segment = Segment(path, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not is_still(descriptor, path):  # somebody found it before it was locked
                    os.close(descriptor)
                    continue
                segment.lay_out()
                sync_folder(self._folder)
            except OSError:
                segment.close()
                raise
            return segment


def left_behind(folder: Path, kind: str) -> Iterator[Path]:
    """Find the files of processes that are no more, oldest first."""
    for path in sorted(folder.glob(f"{kind}.*{SUFFIX}"), key=_age):
        with _adopted(path) as descriptor:
            left = descriptor is not None
        if left:
            yield path


@contextmanager
def taken_over(path: Path) -> Iterator[list[bytes]]:
    """Give the lines of a file that was left behind; without an error it is removed at the end.

    A line that was torn by the death of its writer is among them: it was never answered for.
    """
    with _adopted(path) as descriptor:
        if descriptor is None:  # somebody else has it, or had it
            yield []
            return
        with open(descriptor, "rb", closefd=False) as file:
            yield [line for line in file.read().replace(b"\0", b"\n").split(b"\n") if line.strip()]
        path.unlink(missing_ok=True)


@contextmanager
def _adopted(path: Path) -> Iterator[int | None]:
    """Give the file, locked; None where its process lives or another has taken it over."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        locked = False
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = is_still(descriptor, path)
        yield descriptor if locked else None
    finally:
        os.close(descriptor)


def _age(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0
