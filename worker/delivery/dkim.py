"""DKIM signatures (RFC 6376), by RSA with SHA-256 and by Ed25519 (RFC 8463), relaxed/relaxed.

The keys are those of the `cryptography` package: dkimpy's own arithmetic takes 13 ms for an RSA signature, OpenSSL's
less than one. What is the same for all mails of a shop is laid out once; the body's hash is made once for all keys.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

# What a mail says about itself is signed: nobody can change it on the way, and both List headers are there as RFC 8058
# wants them. What is listed once more than it is there can neither be added (RFC 6376, 5.4.2 and 8.15).
OVERSIGNED = ("from", "to", "subject", "reply-to")
SIGNED = (
    *OVERSIGNED,
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
    "auto-submitted",
)
_LINE = 76  # characters, without the line break
_SPACES = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")


class DkimKey(Protocol):
    """A private key under its selector."""

    @property
    def selector(self) -> str:
        """Name of the record in which its public half is published."""

    @property
    def algorithm(self) -> str:
        """Name of the algorithm in a signature: `rsa-sha256`, `ed25519-sha256`."""

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text."""


class RsaKey:
    """An RSA key."""

    algorithm = "rsa-sha256"

    def __init__(self, selector: str, key: RSAPrivateKey) -> None:
        self.selector = selector
        self._key = key

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text (RFC 8017, 8.2)."""
        return self._key.sign(text, PKCS1v15(), SHA256())


class Ed25519Key:
    """An Ed25519 key."""

    algorithm = "ed25519-sha256"

    def __init__(self, selector: str, key: Ed25519PrivateKey) -> None:
        self.selector = selector
        self._key = key

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text's hash (RFC 8463, section 3)."""
        return self._key.sign(sha256(text).digest())


class DkimSigner:
    """Signs mails; safe to share between threads.

    Parameters:
        domain: in ASCII; mails of it, and of domains beneath it, are aligned (RFC 7489, 3.1.1).
        keys: one signature is made with each, in this order from above.
    """

    def __init__(self, domain: str, keys: Sequence[DkimKey]) -> None:
        self._keys = [
            (key, f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={domain};", f"s={key.selector};") for key in keys
        ]

    def sign(self, content: bytes, now: datetime) -> bytes:
        """Return the mail with its signatures above it.

        Parameters:
            content: the whole mail with CRLF line breaks, each header in it once.
            now: an aware datetime.
        """
        head, _, body = content.partition(b"\r\n\r\n")
        there = _headers(head)
        names = [name for name in SIGNED if name in there]
        signed = b"".join(there[name] + b"\r\n" for name in names)
        listed = _listed((*names, *OVERSIGNED))
        hashed = b64encode(sha256(relaxed_body(body)).digest()).decode()
        tail = (f"t={int(now.timestamp())};", *listed, f"bh={hashed};", "b=")
        signatures = []
        for key, begin, selector in self._keys:
            parts = (begin, selector, *tail)
            own = f"dkim-signature:{' '.join(parts)}".encode()
            signatures.append(_written(parts, b64encode(key.sign(signed + own)).decode()))
        return b"".join((*signatures, content))


def relaxed_body(body: bytes) -> bytes:
    """Return a body as it is hashed (RFC 6376, 3.4.4): runs of spaces are one, none at a line's end, no empty end."""
    if not _relaxed_already(body):
        body = _SPACES.sub(b" ", body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _relaxed_already(body: bytes) -> bool:
    """Say whether no space of a body would change: base64 has hardly any, and one letter is found quickly."""
    if b"\t" in body:
        return False
    at = body.find(b" ")
    while at >= 0:
        if body[at + 1 : at + 2] in (b" ", b"\r", b""):
            return False
        at = body.find(b" ", at + 1)
    return True


def _headers(head: bytes) -> dict[str, bytes]:
    """Return the headers by name as they are signed (RFC 6376, 3.4.2), without the line break."""
    found: dict[str, bytes] = {}
    for line in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        small = name.strip().lower()
        if b"  " in value or b"\t" in value:
            value = _SPACES.sub(b" ", value)
        found[small.decode("ascii", "replace")] = small + b":" + value.strip(b" ")
    return found


@lru_cache(maxsize=64)  # nearly all mails have the same headers
def _listed(names: Sequence[str]) -> tuple[str, ...]:
    """Return the list of names, cut where a line would grow too long; a space may stand after each colon."""
    lines, line = [], "h="
    for index, name in enumerate(names):
        item = name + (":" if index + 1 < len(names) else ";")
        if len(line) + len(item) > _LINE - 1:
            lines.append(line)
            line = ""
        line += item
    return (*lines, line)


def _written(parts: Sequence[str], signature: str) -> bytes:
    """Return a signature's header; the line breaks stand where a space is signed, and within the signature itself."""
    lines = [*parts[:-1]]
    text = parts[-1] + signature
    lines += [text[start : start + _LINE - 1] for start in range(0, len(text), _LINE - 1)]
    return ("DKIM-Signature: " + "\r\n ".join(lines) + "\r\n").encode()
