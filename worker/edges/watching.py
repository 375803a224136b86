"""Follows the files of flows, templates and settings, and says which of them changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from watchfiles import watch

SETTLED_AFTER = 300  # milliseconds; an editor writes a file in several steps
LOOK_EVERY = 100  # milliseconds
STANDS_AFTER = 1_000  # milliseconds; the first silence of that length says that the watch stands
KINDS = {".yaml", ".yml", ".html", ".css", ".txt", ".csv"}

_log = structlog.get_logger(__name__)


def follow(folders: Iterable[Path], changed: Callable[[set[Path]], None], stopped: threading.Event) -> None:
    """Call `changed` with the files that were written or removed, until `stopped` is set.

    It is called once with none when the watch stands, for what was written before.
    """
    there = [folder for folder in folders if folder.is_dir()]
    begun = False
    for changes in watch(
        *there,
        watch_filter=lambda _change, path: Path(path).suffix in KINDS,
        debounce=SETTLED_AFTER,
        step=LOOK_EVERY,
        rust_timeout=STANDS_AFTER,
        yield_on_timeout=True,
        stop_event=stopped,
        raise_interrupt=False,
    ):
        if changes or not begun:
            begun = True
            try:
                changed({Path(path) for _, path in changes})
            except Exception:
                _log.exception("a change of files could not be followed; save the file again to repeat it")
