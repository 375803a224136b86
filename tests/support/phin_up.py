"""A whole Phin, started by its one command in a home of its own, as a newcomer would."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.support.processes import ROOT, alive, clean_environment, descendants, running, wait_until

BANNER_WITHIN = 120.0  # seconds, on a machine that does much else
PHIN_UP = ("worker.edges.cli", "up")


def make_home(folder: Path) -> Path:
    """Return a home folder with the shipped settings, flows and templates."""
    for name in ("config", "flows", "templates"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    return folder


class PhinUp:
    """A running `phin up`.

    Parameters:
        home: its home folder.
        output: what it prints.
    """

    def __init__(self, home: Path, output: Path, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.output = output
        self.process = process

    @property
    def said(self) -> str:
        """Everything that it has printed."""
        return self.output.read_text(errors="replace")

    @property
    def url(self) -> str:
        """The address of its web process."""
        found = re.search(r"web +(http://\S+)", self.said)
        assert found is not None, self.said
        return found[1]

    @property
    def command(self) -> str:
        """The curl line that it tells one to try."""
        found = re.search(r"^ *(curl .*)$", self.said, re.MULTILINE)
        assert found is not None, self.said
        return found[1]

    @property
    def outbox(self) -> list[Path]:
        """The captured mails, the oldest first."""
        return sorted(
            (self.home / "var" / "outbox").glob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name)
        )

    def family(self) -> list[psutil.Process]:
        """Return the processes that it has started."""
        return alive(descendants(self.process.pid))

    def child(self, name: str) -> psutil.Process:
        """Return one of its processes by its title without `phin`: `web`, `worker 1`, `clock`, `files`."""
        for process in self.family():
            if " ".join(process.cmdline()).strip() == f"phin {name}":
                return process
        raise AssertionError(f"no process '{name}' among {[p.cmdline() for p in self.family()]}")

    def ready(self) -> bool:
        """Say whether the web process answers that work can be done."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def phin_up(home: Path, *, arguments: Sequence[str] = PHIN_UP, **settings: str) -> Iterator[PhinUp]:
    """Run `phin up` until its banner stands; afterwards nothing of it is left.

    Parameters:
        arguments: of Python's `-m`.
        settings: variables of the environment.
    """
    output = home / f"output-{secrets.token_hex(4)}"
    whatever_the_hour = {"PHIN_POLICY_QUIET_HOURS": "none", **settings}
    environment = clean_environment(PHIN_HOME=str(home), PHIN_PORT="0", **whatever_the_hour)
    with running(arguments, output=output, environment=environment, cwd=home) as process:
        up = PhinUp(home, output, process)
        try:
            wait_until(
                lambda: "/v1/events\n" in up.said or process.poll() is not None,
                "phin up prints its banner",
                timeout=BANNER_WITHIN,
            )
            assert process.poll() is None, up.said
            yield up
        except BaseException:
            print(up.said)  # what it said is what explains a failure
            raise
