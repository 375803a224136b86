"""Follows the files of flows, templates and settings, and says which of them changed.

While a change is seen to, nothing watches: whoever sees to it may fork, for which a process must have one thread. What
is written meanwhile is seen afterwards, by how the files stand.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import structlog
from watchfiles import watch

SETTLED_AFTER = 300  # milliseconds; an editor writes a file in several steps
LOOK_EVERY = 100  # milliseconds
STANDS_AFTER = 1_000  # milliseconds; the first silence of that length says that the watch stands
KINDS = {".yaml", ".yml", ".html", ".css", ".txt", ".csv"}

_Stand = dict[str, tuple[int, int]]  # of each file when it was written and how long it is

_log = structlog.get_logger(__name__)


def follow(folders: Iterable[Path], changed: Callable[[set[Path]], None], stopped: threading.Event) -> None:
    """Call `changed` with the files that were written or removed, until `stopped` is set.

    It is called once with none when the watch stands, for what was written before.
    """
    there = [folder for folder in folders if folder.is_dir()]
    seen: _Stand | None = None
    while (reported := _next(there, seen, stopped)) is not None:
        before, seen = seen, _stand(there)
        others = set() if before is None else {path for path, _ in before.items() ^ seen.items()}
        try:
            changed({Path(path) for path in (reported | others)})
        except Exception:
            _log.exception("a change of files could not be followed; save the file again to repeat it")


def _next(there: list[Path], seen: _Stand | None, stopped: threading.Event) -> set[str] | None:
    """Wait for a change, and return what is reported of it; None where it is time to stop.

    Parameters:
        seen: how the files stood when they were last seen to; None where they never were.
    """
    watching = watch(
        *there,
        watch_filter=lambda _change, path: Path(path).suffix in KINDS,
        debounce=SETTLED_AFTER,
        step=LOOK_EVERY,
        rust_timeout=STANDS_AFTER,
        yield_on_timeout=True,
        stop_event=stopped,
        raise_interrupt=False,
    )
    stands = False
    with closing(watching):
        for changes in watching:
            if changes or seen is None or (not stands and _stand(there) != seen):
                return {path for _, path in changes}
            stands = True
    return None


def _stand(folders: Iterable[Path]) -> _Stand:
    found: _Stand = {}
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                if Path(name).suffix in KINDS:
                    file = os.path.join(path, name)  # noqa: PTH118 - as the watch names it
                    try:
                        status = os.stat(file)  # noqa: PTH116
                    except OSError:
                        continue  # it was removed at this moment
                    found[file] = (status.st_mtime_ns, status.st_size)
    return found
