"""Real processes in tests: start them, wait for what they should do, leave none behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent


def wait_until(true: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    """Return as soon as it is true; fail with `what` where it does not become true in so many seconds."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(0.02)


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment without any setting of Phin but those given, that finds the house's modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PHIN_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def running(
    arguments: Sequence[str],
    *,
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m …` in a session of its own; afterwards the process and all its descendants are gone."""
    with (output or Path(os.devnull)).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=cwd,
            env=clean_environment() if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all its descendants."""
    family = descendants(process.pid)
    process.kill()
    process.wait()
    for child in family:
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            child.kill()
    psutil.wait_procs(family, timeout=10)


def descendants(pid: int) -> list[psutil.Process]:
    """Return the living descendants of a process."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run (a process that ended and was not waited for does not)."""
    return [process for process in processes if process.is_running() and _status(process) != psutil.STATUS_ZOMBIE]


def _status(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE
