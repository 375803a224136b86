"""Postfix's smtp-sink and smtp-source, taken from Debian's package without installing it.

`python -m bench.support.postfix_tools` fetches them into var/bench-tools and says where they are.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path("var/bench-tools")
_READY_WITHIN = 10.0  # seconds


class MissingToolsError(Exception):
    """The tools cannot be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class PostfixTools:
    """The unpacked package."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which its programs find their libraries."""
        return {**os.environ, "LD_LIBRARY_PATH": str(self.root / "usr/lib/postfix")}

    def program(self, name: str) -> str:
        """Return the path of `smtp-sink` or `smtp-source`."""
        return str(self.root / "usr/sbin" / name)

    @contextmanager
    def sink(self, *, pipelining: bool = True) -> Iterator[int]:
        """Run smtp-sink on a free port of 127.0.0.1, and give the port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        command = [self.program("smtp-sink")]
        if os.geteuid() == 0:
            command += ["-u", "nobody"]  # it insists on giving up root's rights
        command += [] if pipelining else ["-p"]
        with subprocess.Popen([*command, f"127.0.0.1:{port}", "100"], env=self.environment) as process:
            try:
                _wait_for(port, process)
                yield port
            finally:
                process.terminate()

    def source(self, port: int, mails: int, size: int) -> None:
        """Let smtp-source hand over mails of this size over one connection."""
        command = [self.program("smtp-source"), "-s", "1", "-d", "-m", str(mails), "-l", str(size)]
        subprocess.run([*command, f"127.0.0.1:{port}"], env=self.environment, check=True)


def postfix_tools(folder: Path = TOOLS) -> PostfixTools:
    """Return the tools, fetched on first use.

    Raises:
        MissingToolsError: this is no Debian, or its archive cannot be reached.
    """
    tools = PostfixTools((folder / "postfix").resolve())
    if not Path(tools.program("smtp-sink")).exists():
        _fetch(folder, tools.root)
    return tools


def tools_if_any() -> PostfixTools | None:
    """Return the tools; where they cannot be had, say why and return None."""
    try:
        return postfix_tools()
    except MissingToolsError as error:
        print(f"without smtp-source: {error}")
        return None


def _fetch(folder: Path, root: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise MissingToolsError("apt-get and dpkg-deb are needed to fetch Debian's postfix package")
    folder.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(
        ["apt-get", "download", "postfix"], cwd=folder, capture_output=True, text=True, check=False
    )
    packages = sorted(folder.glob("postfix_*.deb"))
    if not packages:
        said = fetched.stderr.strip().splitlines() or ["no reason given"]
        raise MissingToolsError(f"apt-get cannot download postfix: {said[-1]}; 'apt-get update' may help")
    unpacked = root.with_suffix(".new")
    shutil.rmtree(unpacked, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", str(packages[-1]), str(unpacked)], check=True)
    unpacked.rename(root)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _READY_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise MissingToolsError("smtp-sink does not run here") from None
            time.sleep(0.02)


if __name__ == "__main__":
    try:
        print(postfix_tools().root)
    except MissingToolsError as error:
        raise SystemExit(str(error)) from error
