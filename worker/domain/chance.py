"""A share between 0 and 1 that is always the same for the same names: splits and holdouts stay as they fell."""

from __future__ import annotations

from hashlib import sha256


def share(*names: str) -> float:
    """Return a number in [0, 1) that depends on the names alone and is evenly spread over them."""
    digest = sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)
