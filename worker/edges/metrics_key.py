"""The keys that may read `/metrics`: `PHIN_METRICS_KEY`, or a file that `PHIN_METRICS_KEY_FILE` names.

Several, separated by commas, are all accepted, while one changes over. They open nothing else, and no other key opens
the figures.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.domain.errors import SettingError
from worker.edges.secrets import SHORTEST, given

METRICS_KEY = "PHIN_METRICS_KEY"
NAME = "metrics"  # of whoever presents one


@dataclass(frozen=True, slots=True)
class MetricsKeys:
    """The keys' hashes; none where nobody gave one."""

    digests: tuple[bytes, ...] = field(default=(), repr=False)

    def source_of(self, presented: str) -> str | None:
        """Return `metrics` where this is one of the keys, else None; takes as long whichever it is."""
        digest = _digest(presented)
        matches = [hmac.compare_digest(digest, one) for one in self.digests]
        return NAME if any(matches) else None


def read_metrics_keys(environment: Mapping[str, str]) -> MetricsKeys:
    """Return the keys that are given.

    Raises:
        SettingError: one is too short, or the file cannot be read; the message never holds a key.
    """
    keys = [one.strip() for one in (given(environment, METRICS_KEY) or "").split(",") if one.strip()]
    for key in keys:
        if len(key) < SHORTEST:
            raise SettingError(
                f"{METRICS_KEY} holds a key of {len(key)} characters; use at least {SHORTEST} "
                "(for example: python3 -c 'import secrets; print(secrets.token_urlsafe(32))')"
            )
    return MetricsKeys(tuple(map(_digest, keys)))


def metrics_faults(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the keys that are given, as `read_metrics_keys` would raise it."""
    try:
        read_metrics_keys(environment)
    except SettingError as error:
        return (str(error),)
    return ()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
