"""The shop's seasons, followed as their file changes: one that breaks keeps its last good rule, and that is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from worker.domain.calendars.seasons import Season
from worker.domain.errors import Severity
from worker.edges.banner import near
from worker.language.config.seasons import SeasonFile, inspect_seasons
from worker.language.yaml.diagnostics import as_text

_log = structlog.get_logger(__name__)


class FollowedSeasons:
    """Returns the seasons of the file as they are now; it is read anew only when it was changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: object = object()
        self._seasons: dict[str, Season] = {}

    def __call__(self) -> Mapping[str, Season]:
        """Return the seasons by name."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            file = self.read()
            for problem in file.problems:
                if problem.severity is Severity.ERROR:
                    _log.error("a season cannot be used; what was known of it stays\n" + as_text(problem))
            kept = {name: one for name, one in self._seasons.items() if file.names is None or name in file.names}
            self._seasons, self._stamp = {**kept, **file.seasons}, stamp
        return self._seasons

    def read(self) -> SeasonFile:
        """Return what the file says now, with what is wrong with it."""
        return inspect_seasons(self._path, near(self._path))

    def _stamp_now(self) -> object:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
