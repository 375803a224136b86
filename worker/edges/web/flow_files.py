"""The flows' files that cannot be used now, as this machine has them: read anew only when one of them changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from worker.domain.errors import Problem, Severity

ENDINGS = (".yaml", ".yml", ".html")
_Seen = tuple[tuple[str, int, int], ...]


class FlowFiles:
    """Looks at some folders.

    Parameters:
        folders: of flows and templates; where the first is not there, nothing is wrong with it.
        read: reads the flows and returns what is wrong; asked only when a file has changed.
    """

    def __init__(self, folders: Sequence[Path], read: Callable[[], Iterable[Problem]]) -> None:
        self._folders = folders
        self._read = read
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._errors: tuple[Problem, ...] = ()

    def errors(self) -> tuple[Problem, ...]:
        """Return the errors of the flows' files; none where there is no such folder on this machine."""
        with self._lock:
            seen = tuple(stamp for folder in self._folders for stamp in _stamps(folder))
            if seen != self._seen:
                problems = self._read() if self._folders[0].is_dir() else ()
                self._errors = tuple(problem for problem in problems if problem.severity is Severity.ERROR)
                self._seen = seen
            return self._errors


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in sorted(folder.rglob("*") if folder.is_dir() else ()):
        if path.suffix in ENDINGS:
            try:
                status = path.stat()
            except OSError:  # removed since the folder was read
                continue
            yield str(path), status.st_mtime_ns, status.st_size
