"""What only one `phin up` may have: the lock of its `var`, and the port that it listens on."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path

from worker.domain.errors import PhinError, SettingError
from worker.domain.settings import Settings
from worker.edges.var import open_var, unwritable


class AlreadyRunningError(PhinError):
    """Another `phin up` runs on the same `var`; the message says which, and what to do."""


class Lock:
    """Held as long as this process lives, whatever becomes of it; tells others who holds it.

    Raises:
        AlreadyRunningError: another one holds it.
        SettingError: nothing can be written in `var`.
    """

    def __init__(self, var: Path) -> None:
        open_var(var)
        try:
            self._file = (var / "phin.lock").open("a+")
        except OSError as error:
            raise unwritable(var, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            pid, _, url = self._file.read().strip().partition(" ")
            self._file.close()
            where = f" at {url}" if url else ""
            raise AlreadyRunningError(
                f"phin up already runs on {var}{where} (process {pid or 'unknown'}); "
                f"use that one, end it with 'kill {pid or 'PID'}', or give this one another folder by PHIN_VAR"
            ) from None

    def tell(self, url: str) -> None:
        """Write down who holds the lock, for the one who finds it taken."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{os.getpid()} {url}\n")
        self._file.flush()

    def release(self) -> None:
        """Let another one in."""
        self._file.close()


def running_at(var: Path) -> str | None:
    """Return the URL of the `phin up` that runs on `var`, None where none does or it cannot be said."""
    try:
        with (var / "phin.lock").open() as file:
            pid, _, url = file.read().strip().partition(" ")
            if not pid.isdigit() or not url or not _lives(int(pid)):  # first: the lock is not to be in a start's way
                return None
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return url
    except OSError:
        return None
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def pages_url(settings: Settings) -> str:
    """Return under which address the pages are opened: `base_url`, else that of the running house, else the port's."""
    if settings.base_url is not None:
        return settings.url
    return running_at(settings.var) or settings.url


def listen(address: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        SettingError: the port or the address cannot be had; the message names the setting.
    """
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((address, port), family=family, backlog=1024)
    except socket.gaierror as error:
        raise SettingError(f"bind (PHIN_BIND) is '{address}', which is no address: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingError(
                f"port (PHIN_PORT) {port} is in use by another program; set another one: PHIN_PORT={port + 1}"
            ) from error
        if error.errno == errno.EACCES:
            raise SettingError(f"port (PHIN_PORT) {port} may not be used by this user; use one from 1024 on") from error
        raise SettingError(f"bind (PHIN_BIND) is '{address}', which cannot be listened on: {error.strerror}") from error


def address_of(listener: socket.socket) -> str:
    """Return the URL under which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
