"""How a process of the house learns that it should leave, and that it leaves in time.

SIGTERM and Ctrl-C set an event; what is in hand is finished. Whatever happens then, the kernel ends the process
after the time that was promised.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from types import FrameType

from worker.edges.lifeline import tie_to_parent

LEAVES_WITHIN = 10  # seconds from SIGTERM to the end, promised to whoever runs us
FINISHES_WITHIN = 7.0  # seconds of them for what is in hand
PARENT = "PHIN_PARENT"  # the process id of the `phin up` that started this process


def on_leaving(environment: Mapping[str, str]) -> threading.Event:
    """Return the event that is set when this process should leave; a child of `phin up` also leaves at its death."""
    leaving = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        end_in_time()
        leaving.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    parent = environment.get(PARENT)
    if parent:
        tie_to_parent(signal.SIGTERM, parent=int(parent))
    return leaving


def end_in_time() -> None:
    """Have the kernel end this process when its time to leave is over."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LEAVES_WITHIN - 1)


def environment_of_child(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """Return what a child process of this one is given."""
    return {**environment, PARENT: str(os.getpid()), **more}
