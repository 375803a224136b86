"""How much waits in the spool for the database: files that hold something, and how old the oldest is."""

from __future__ import annotations

import time
from pathlib import Path

MOST = 10_000  # files that are looked at
KINDS = (".jsonl", ".reading", ".journal")


def spooled(folder: Path) -> tuple[int, float]:
    """Return how many files wait, and the seconds since the oldest was written; journals with nothing in them do not.

    Raises:
        OSError: the folder cannot be read.
    """
    files, oldest = 0, 0.0
    if not folder.exists():
        return files, oldest
    for looked_at, path in enumerate(folder.iterdir()):
        if looked_at == MOST:
            break
        if path.suffix not in KINDS:
            continue
        try:
            with path.open("rb") as file:
                holds_something = file.read(1) not in (b"", b"\0")  # a journal is laid out with zeros
            written_at = path.stat().st_mtime
        except FileNotFoundError:  # read back meanwhile
            continue
        if holds_something:
            files += 1
            oldest = max(oldest, time.time() - written_at)
    return files, oldest
