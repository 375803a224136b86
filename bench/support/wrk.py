"""wrk, which loads a web server, taken from Debian's package without installing it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.support.postfix_tools import TOOLS, MissingToolsError

_PACKAGES = ("wrk", "libluajit-5.1-2")
# asks for one path after the other, and says at the end what was answered, in words that are read below
_SCRIPT = """
local paths = {}
for line in io.lines(os.getenv("WRK_PATHS")) do paths[#paths + 1] = line end
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
done = function(summary, latency)
  io.write(string.format("answered %d in %d us, wrong %d, broken %d, p50 %d us, p99 %d us\\n",
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load.

    Parameters:
        wrong: answers of a status of 400 or more; `broken`: requests without an answer.
        median, slowest: seconds; the latter the 99th percentile.
    """

    answered: int
    seconds: float
    wrong: int
    broken: int
    median: float
    slowest: float

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return self.answered / self.seconds


class Wrk:
    """The program.

    Raises:
        MissingToolsError: it is neither installed nor can it be fetched.
    """

    def __init__(self, folder: Path = TOOLS) -> None:
        installed = shutil.which("wrk")
        self._root = (folder / "wrk").resolve()
        self._program = installed or str(self._root / "usr/bin/wrk")
        if installed is None and not Path(self._program).exists():
            _fetch(folder, self._root)

    def load(self, url: str, paths: Sequence[str], seconds: int, connections: int, agent: str, work: Path) -> Load:
        """Ask for the paths in turn, over so many connections, each as soon as it has its answer.

        Parameters:
            work: a folder for what the program reads.
        """
        (work / "paths").write_text("\n".join(paths))
        (work / "load.lua").write_text(_SCRIPT)
        command = [self._program, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(work / "load.lua")]
        libraries = next(self._root.glob("usr/lib/*-linux-gnu*"), self._root)
        said = subprocess.run(
            [*command, "-H", f"User-Agent: {agent}", url],
            env={**os.environ, "WRK_PATHS": str(work / "paths"), "LD_LIBRARY_PATH": str(libraries)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(r"answered (\d+) in (\d+) us, wrong (\d+), broken (\d+), p50 (\d+) us, p99 (\d+) us", said)
        assert found is not None, said
        answered, took, wrong, broken, median, slowest = (int(number) for number in found.groups())
        return Load(answered, took / 1e6, wrong, broken, median / 1e6, slowest / 1e6)


def _fetch(folder: Path, root: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise MissingToolsError("wrk is not installed, and without apt-get and dpkg-deb it cannot be fetched")
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = root.with_suffix(".new")
    shutil.rmtree(unpacked, ignore_errors=True)
    for name in _PACKAGES:
        fetched = subprocess.run(["apt-get", "download", name], cwd=folder, capture_output=True, text=True, check=False)
        packages = sorted(folder.glob(f"{name}_*.deb"))
        if not packages:
            said = fetched.stderr.strip().splitlines() or ["no reason given"]
            raise MissingToolsError(f"apt-get cannot download {name}: {said[-1]}; 'apt-get update' may help")
        subprocess.run(["dpkg-deb", "-x", str(packages[-1]), str(unpacked)], check=True)
    unpacked.rename(root)
