"""A queue server that fails: killed, emptied, or back as it was some time ago."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.redis_server import RedisServer


class FailingQueue(RedisServer):
    """A real queue server that is killed, forgets, and comes back as it was some time ago."""

    def remember(self) -> None:
        """Copy what it keeps now, while it runs."""
        shutil.rmtree(self._old, ignore_errors=True)
        shutil.copytree(self.folder / "appendonlydir", self._old)

    def restart(self) -> None:
        """Kill it and start it with what it kept."""
        self.kill()
        self.start()

    def restart_empty(self) -> None:
        """Kill it and start it with nothing."""
        self.lose_everything()
        self.start()

    def restart_old(self) -> None:
        """Kill it and start it with what it kept at `remember`: what was done since is in it once more."""
        self.lose_everything()
        if self._old.exists():
            shutil.copytree(self._old, self.folder / "appendonlydir")
        self.start()

    @property
    def _old(self) -> Path:
        return self.folder / "old"
