"""Children by fork: they share what this process has loaded, so six processes need little more memory than one.

Only a process with a single thread and without connections may fork; `phin up` is such a one, it does nothing but
supervise. Where forking is not safe (macOS), a child is started as a command of its own.
"""

from __future__ import annotations

import gc
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from setproctitle import setproctitle

from worker.edges.lifeline import tie_to_parent

FORKS = platform.system() == "Linux"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Process(Protocol):
    """A child process, as `subprocess.Popen` describes one."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit status."""

    def terminate(self) -> None:
        """Ask it to leave."""

    def kill(self) -> None:
        """End it."""


class Offspring:
    """A child that was forked from this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after so many seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(["forked"], timeout or 0.0)
            time.sleep(0.01)
        return status

    def terminate(self) -> None:
        """Ask it to leave."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def prepare_to_fork() -> None:
    """Have what is loaded stay where it is, in memory that the children share."""
    gc.collect()
    gc.freeze()


def fork(title: str, run: Callable[[], int], let_go: Callable[[], None]) -> Offspring:
    """Run a function in a child of its own session, which dies with this process, and return the child.

    Parameters:
        title: what `ps` shows.
        run: returns the child's exit status.
        let_go: called in the child first; closes what belongs to the parent alone, such as locks.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # a signal that comes before the child has its own handlers waits for them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return Offspring(pid)
    status = 1
    try:
        os.setsid()  # Ctrl-C reaches the parent alone, which ends the children in order
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        tie_to_parent(signal.SIGTERM, parent=parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        setproctitle(title)
        _close_input()
        let_go()
        status = run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def spawn(command: Sequence[str], environment: Mapping[str, str], inherits: Sequence[int] = ()) -> Process:
    """Start a command as a child in a session of its own."""
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(inherits),
        start_new_session=True,
    )


def begin_command(
    title: str,
    arguments: Sequence[str],
    run: Callable[[Sequence[str]], int],
    environment: Mapping[str, str],
    let_go: Callable[[], None] = lambda: None,
    inherits: Sequence[int] = (),
) -> Process:
    """Run one of phin's commands in a child: forked from this process where that is safe, else as a command of its own.

    Parameters:
        run: runs a command and returns its exit status.
        environment: what the command is given.
        let_go: called first in a child that was forked, see `fork`.
        inherits: file descriptors that another one keeps.
    """

    def begin() -> int:
        os.environ.clear()
        os.environ.update(environment)
        return run(arguments)

    if FORKS:
        return fork(title, begin, let_go)
    return spawn([sys.executable, "-m", "worker.edges.cli", *arguments], environment, inherits)


def _close_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
