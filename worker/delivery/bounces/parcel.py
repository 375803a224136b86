"""A report as it comes in: read to its end in constant memory, its beginning kept, known again by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email import message_from_bytes
from typing import BinaryIO

KEPT = 1_000_000  # bytes; a report says all it has to say within a few thousand, and returns a mail of 100 kB after it
PIECE = 65_536
_SAME = ("from", "to", "date", "message-id", "subject")  # what stays the same on whichever way a report comes


@dataclass(frozen=True, slots=True)
class Parcel:
    """A report's first bytes, and how long all of it is."""

    raw: bytes
    size: int

    @property
    def key(self) -> str:
        """What makes it one: the same mail piped twice, or read again from a mailbox, has the same."""
        text = self.raw.replace(b"\r\n", b"\n")
        head, _, body = text.partition(b"\n\n")
        told = hashlib.sha256()
        try:
            headers = message_from_bytes(head + b"\n\n")
            for name in _SAME:
                told.update(f"{name}:{headers.get(name, '')}\n".encode("utf-8", "replace"))
            if not any(name in headers for name in _SAME):  # then nothing but its bytes tells it from others
                told.update(head)
        except Exception:  # whatever the parser stumbles over: then all of it counts
            told.update(head)
        told.update(body)
        return told.hexdigest()


def take(stream: BinaryIO) -> Parcel:
    """Read a stream to its end; what is beyond `KEPT` is counted and let go.

    The end is waited for, since a server that cannot write all of it calls that a failure.
    """
    parts, kept, size = [], 0, 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if kept < KEPT:
            parts.append(piece[: KEPT - kept])
            kept += len(parts[-1])
    return Parcel(b"".join(parts), size)
