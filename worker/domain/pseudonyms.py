"""What is left of an erased person's address and id: a keyed hash, that tells them again and gives them to nobody.

HMAC-SHA256 (RFC 2104) cut to 128 bits, with a key derived from the shop's secret: without that secret no list of
addresses can be tried against the hashes. Articles 4(5) and 17 of Regulation (EU) 2016/679 (GDPR); Law 91/2025/QH15.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

LENGTH = 32  # hexadecimal digits
_PURPOSE = b"phin erased person v1"


class Names(StrEnum):
    """What a person may be named by."""

    EMAIL = "email"  # normalised
    ID = "id"  # the shop's
    TEXT = "text"  # anything else that held one of them


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """A keyed hash, and the mark of the key that made it."""

    hash: str
    ring: str


class Pseudonyms:
    """Makes keyed hashes.

    Parameters:
        secrets: the shop's key ring; the first makes new hashes, those of each are known again. One that has made
            hashes has to stay in the ring, at its end: of an erased address nobody can make another.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(hmac.digest(secret, _PURPOSE, hashlib.sha256) for secret in secrets)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def of(self, kind: Names, text: str) -> Pseudonym:
        """Return the keyed hash of an address or id, by the first key.

        Raises:
            ValueError: there is no key.
        """
        if not self._keys:
            raise ValueError("no key is there to make keyed hashes with")
        return Pseudonym(_hash(self._keys[0], kind, text), _mark(self._keys[0]))

    def each(self, kind: Names, text: str) -> list[str]:
        """Return the hashes of an address or id by every key, by which one made earlier is found."""
        return [_hash(key, kind, text) for key in self._keys]

    @property
    def rings(self) -> frozenset[str]:
        """The marks of all keys that are there: hashes with another mark cannot be known again."""
        return frozenset(_mark(key) for key in self._keys)


NO_KEYS = Pseudonyms(())
"""Knows nobody again."""


def _hash(key: bytes, kind: Names, text: str) -> str:
    told = f"{kind.value}:{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key, told, hashlib.sha256).hexdigest()[:LENGTH]


def _mark(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]
