"""Seconds from `make up` in a fresh clone to the first captured mail.

    python -m bench.first_mail

The clone gets an almost empty environment; packages come from the registry (or the installer's own cache).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parent.parent
WITHIN = 600.0  # seconds
Found = TypeVar("Found")


def main() -> None:
    """Clone, start, send the banner's event, wait for its mail."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "phin"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        said = Path(folder) / "said"
        path = "/usr/local/bin:/usr/bin:/bin"
        kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        bare = {"HOME": str(Path.home()), "PATH": path, "PHIN_PORT": "0", "LANG": "C.UTF-8", **kept}
        began = time.monotonic()
        with said.open("wb") as output:
            up = subprocess.Popen(
                ["make", "up"], cwd=clone, env=bare, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            command = _wait(lambda: _command(said), began)
            started = time.monotonic() - began
            subprocess.run(["bash", "-c", command], check=True, capture_output=True)
            outbox = clone / "var" / "outbox"
            _wait(lambda: next(outbox.glob("*.eml"), None) if outbox.is_dir() else None, began)
            print(f"make up to everything runs  {started:6.1f} s")
            print(f"make up to the first mail   {time.monotonic() - began:6.1f} s")
        finally:
            os.killpg(up.pid, signal.SIGINT)
            up.wait(30)


def _command(said: Path) -> str | None:
    found = re.search(r"^ *(curl .*/v1/events)$", said.read_text(errors="replace"), re.MULTILINE)
    return found[1] if found else None


def _wait(look: Callable[[], Found | None], began: float) -> Found:
    while (found := look()) is None:
        assert time.monotonic() - began < WITHIN, "it took too long"
        time.sleep(0.05)
    return found


if __name__ == "__main__":
    main()
