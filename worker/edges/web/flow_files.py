"""The flows' files that cannot be used now, as this machine has them: read anew only when one of them changes.

Templates are known by their names alone: compiling them all would keep everybody waiting whom this process serves.
What a template needs and a flow does not give is told by `phin check` and when the flow is published.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from worker.domain.errors import Problem, Severity
from worker.edges.publishing import FlowFolder, read_flows

ENDINGS = (".yaml", ".yml", ".html")
_Seen = tuple[tuple[str, int, int], ...]


class FlowFiles:
    """Looks at the folders of flows and templates."""

    def __init__(self, house: FlowFolder) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._errors: tuple[Problem, ...] = ()

    def errors(self) -> tuple[Problem, ...]:
        """Return the errors of the flows' files; none where there is no such folder on this machine."""
        settings = self._house.settings
        with self._lock:
            seen = (*_stamps(settings.flows), *_stamps(settings.templates))
            if seen != self._seen:
                self._errors = self._read() if settings.flows.is_dir() else ()
                self._seen = seen
            return self._errors

    def _read(self) -> tuple[Problem, ...]:
        known: dict[str, tuple[str, ...]] = dict.fromkeys(self._house.templates.names(), ())
        problems = read_flows(self._house, templates=known).problems
        return tuple(problem for problem in problems if problem.severity is Severity.ERROR)


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in sorted(folder.glob("*") if folder.is_dir() else ()):
        if path.suffix in ENDINGS:
            try:
                status = path.stat()
            except OSError:  # removed since the folder was read
                continue
            yield str(path), status.st_mtime_ns, status.st_size
