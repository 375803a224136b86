"""A folder on a disk of its own so small that a test can fill it, seen by the processes of one house alone."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pytest

from tests.support.processes import wait_until

T = TypeVar("T")
LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_FS, _CLONE_NEWNS = 0x200, 0x20000  # clone(2)
_PIECE = 64 * 1024


class SmallDisk:
    """A tmpfs on a folder, in a mount namespace of its own; a context manager.

    Parameters:
        folder: what it lies on, for processes that are started with `prefix`.
        size: as mount(8) reads it.
    """

    def __init__(self, folder: Path, size: str) -> None:
        if os.geteuid() or not shutil.which("unshare") or not shutil.which("nsenter"):
            pytest.skip("a disk of its own needs root, unshare and nsenter (util-linux)")
        self._folder = folder
        self._size = size
        self._holder: subprocess.Popen[bytes] | None = None
        self._visitor: ThreadPoolExecutor | None = None

    @property
    def prefix(self) -> list[str]:
        """What comes before the command of a process that is to see the disk."""
        assert self._holder is not None
        return ["nsenter", "-t", str(self._holder.pid), "-m", "--"]

    @property
    def seen(self) -> Path:
        """The folder as seen from here."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root{self._folder}")

    def inside(self, work: Callable[[], T]) -> T:
        """Return what the work comes to where the disk is seen under its own path; SQLite resolves every other."""
        assert self._visitor is not None
        return self._visitor.submit(work).result()

    def _enter(self) -> None:
        """Have this thread, and no other, see what the house's processes see."""
        assert self._holder is not None
        LIBC.unshare(_CLONE_FS)
        namespace = os.open(f"/proc/{self._holder.pid}/ns/mnt", os.O_RDONLY)
        try:
            assert LIBC.setns(namespace, _CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(namespace)

    def fill(self) -> None:
        """Fill it to the last byte."""
        ballast = os.open(self.seen / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        piece = b"\0" * _PIECE
        try:
            while piece:
                try:
                    os.write(ballast, piece)
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    piece = piece[: len(piece) // 2]
        finally:
            os.close(ballast)

    def clear(self) -> None:
        """Make room again."""
        (self.seen / "ballast").unlink()

    def __enter__(self) -> SmallDisk:
        self._folder.mkdir(parents=True, exist_ok=True)
        mount = f"mount -t tmpfs -o size={self._size},mode=700 none '{self._folder}' && echo && exec sleep infinity"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount]
        self._holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        if not self._holder.stdout.readline():
            self._holder.wait()
            pytest.skip("this machine allows no mount namespace")
        wait_until(self.seen.is_dir, "the disk is mounted")
        self._visitor = ThreadPoolExecutor(1, initializer=self._enter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._holder is not None
        if self._visitor is not None:
            self._visitor.shutdown()
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()
