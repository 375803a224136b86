"""The flows' files, and those beside them, that cannot be used now, as this machine has them: read when one changes.

Templates are known by their names alone: compiling them all would keep everybody waiting whom this process serves.
What a template needs and a flow does not give is told by `phin check` and when the flow is published.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from worker.domain.errors import Problem, Severity
from worker.edges.publishing import FlowFolder, read_flows

ENDINGS = (".yaml", ".yml", ".html")
Beside = Mapping[Path, Callable[[], Sequence[Problem]]]
"""Files that flows name things of (staff, segments, seasons), each with what says what is wrong with it."""

_Seen = tuple[tuple[str, int, int], ...]


class FlowFiles:
    """Looks at the folders of flows and templates, and at the files beside them."""

    def __init__(self, house: FlowFolder, beside: Beside) -> None:
        self._house = house
        self._beside = beside
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._errors: tuple[Problem, ...] = ()

    def errors(self) -> tuple[Problem, ...]:
        """Return the errors of the files; none of flows where there is no such folder on this machine."""
        settings = self._house.settings
        with self._lock:
            seen = (
                *_stamps(_inside(settings.flows)),
                *_stamps(_inside(settings.templates)),
                *_stamps(self._beside),
            )
            if seen != self._seen:
                beside = tuple(problem for problems in self._beside.values() for problem in problems())
                self._errors = _errors(beside) + (self._read() if settings.flows.is_dir() else ())
                self._seen = seen
            return self._errors

    def _read(self) -> tuple[Problem, ...]:
        known: dict[str, tuple[str, ...]] = dict.fromkeys(self._house.templates.names(), ())
        return _errors(read_flows(self._house, templates=known).problems)


def _errors(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.severity is Severity.ERROR)


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in (folder.glob("*") if folder.is_dir() else ()) if path.suffix in ENDINGS)


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # there is none, or it was removed since the folder was read
            continue
        yield str(path), status.st_mtime_ns, status.st_size
