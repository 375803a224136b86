"""Where compiled templates are kept for commands that leave the shop's own `var` alone: in the user's cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def kept_templates(folder: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the place of a shop in the user's cache (XDG Base Directory Specification); None where there is none.

    Parameters:
        folder: the shop's; each has a place of its own.
    """
    named = environment.get("XDG_CACHE_HOME")
    try:
        cache = (Path(named) if named else Path.home() / ".cache") / "phin"
        cache.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the latter: nobody's home is known
        return None
    return cache / hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
