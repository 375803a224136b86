"""A process that dies with its parent, also when the parent is killed and can tell nobody.

Linux sends a signal at the parent's death when asked to (`prctl(2)`, PR_SET_PDEATHSIG); elsewhere the parent's
id is looked at twice a second. `python -m worker.edges.lifeline COMMAND …` ties a program that is not ours.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h
KERNEL_TELLS = platform.system() == "Linux"
LOOK_EVERY = 0.5  # seconds between two looks at the parent where the kernel does not tell


def tie_to_parent(number: int = signal.SIGTERM, *, parent: int | None = None) -> None:
    """Have this process signalled when its parent dies.

    Parameters:
        number: the signal to get.
        parent: the parent's process id, where the caller knows it; a parent that is already gone signals at once.
    """
    if KERNEL_TELLS:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if parent is not None and os.getppid() != parent:
            os.kill(os.getpid(), number)
        return
    expected = parent if parent is not None else os.getppid()
    threading.Thread(target=_watch, args=(expected, number), name="lifeline", daemon=True).start()


def _watch(parent: int, number: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os.kill(os.getpid(), number)


def tied(command: Sequence[str]) -> list[str]:
    """Return the command line that runs this command tied to the process that starts it."""
    return [sys.executable, "-m", "worker.edges.lifeline", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Tie this process to the parent named first, and become the command that follows."""
    parent, command = int(arguments[0]), list(arguments[1:])
    if KERNEL_TELLS:
        tie_to_parent(signal.SIGTERM, parent=parent)
        os.execvp(command[0], command)  # the kernel keeps the tie over exec
    return _guard(parent, command)


def _guard(parent: int, command: list[str]) -> int:
    """Run the command as a child and end it with the parent; for kernels that keep no tie."""
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while True:
        try:
            return child.wait(LOOK_EVERY)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
