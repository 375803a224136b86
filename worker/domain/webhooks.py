"""Webhooks: how they are signed, when they are tried again, and whether an address is one of the open internet.

Signing and the schedule follow the Standard Webhooks specification (github.com/standard-webhooks, version 1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from worker.domain.chance import share

SECRET_PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a secret

# How long after a try that failed the next one follows.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRIES = len(WAITS) + 1
_SPREAD = 0.1  # of a wait, up or down, so that what failed together does not come again together
_LONGEST_WISH = timedelta(hours=24)  # that a server may have us wait by Retry-After

_GONE = 410
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an address of version 4
# What newer Pythons know to be closed and older ones do not: protocols' own (RFC 6890), addresses of version 4 as they
# were once written (RFC 4291, 2.5.5.1), a network's own translation (RFC 8215), sites' own (RFC 3879), documentation
# (RFC 9637), segment routing (RFC 9602).
_CLOSED = tuple(map(ip_network, ("192.0.0.0/24", "::/96", "64:ff9b:1::/48", "fec0::/10", "3fff::/20", "5f00::/16")))


class WebhookState(StrEnum):
    """Where a webhook stands."""

    QUEUED = "queued"  # to be sent, for the first time or again
    DELIVERED = "delivered"  # the other system said yes
    FAILED = "failed"  # given up, with the reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try.

    Parameters:
        code: HTTP status, or None where there was no answer.
        text: the beginning of the answer, or what went wrong.
        final: whether it is of no use to try again, whatever the code.
        retry_after: how long the server asks to be left alone.
    """

    code: int | None
    text: str = ""
    final: bool = False
    retry_after: timedelta | None = None

    @property
    def ok(self) -> bool:
        """Whether the other system took it."""
        return self.code is not None and 200 <= self.code < 300

    @property
    def told(self) -> str:
        """The answer in words: `503 try later`."""
        return " ".join(part for part in (str(self.code) if self.code else "", self.text) if part)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a webhook after a try; `not_before` only where it is tried again."""

    state: WebhookState
    not_before: datetime | None = None


def judge(key: str, attempts: int, answer: Answer, now: datetime) -> Verdict:
    """Decide what becomes of a webhook.

    410 Gone says that nobody wants it any more. Every other answer than 2xx may be a fault that will be mended,
    a redirect too: it is not followed, since what is signed for one address is not to be told to another.

    Parameters:
        key: the webhook's own, by which its waits are spread.
        attempts: how often it was tried, this time included.
    """
    if answer.ok:
        return Verdict(WebhookState.DELIVERED)
    if answer.final or answer.code == _GONE or attempts >= TRIES:
        return Verdict(WebhookState.FAILED)
    wait = WAITS[attempts - 1] * (1 + _SPREAD * (2 * share(key, str(attempts)) - 1))
    wished = min(answer.retry_after or timedelta(), _LONGEST_WISH)
    return Verdict(WebhookState.QUEUED, now + max(wait, wished))


def secret_bytes(secret: str) -> bytes:
    """Return the key of a secret `whsec_…`.

    Raises:
        ValueError: it is not base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is no base64: {error}") from error
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"it holds {len(key)} bytes; {SHORTEST} to {LONGEST} are needed")
    return key


def signature(keys: tuple[bytes, ...], id_: str, at: datetime, body: bytes) -> str:
    """Return the header `webhook-signature`: one signature for each key, so that a receiver may change over."""
    signed = b".".join((id_.encode(), str(int(at.timestamp())).encode(), body))
    found = (base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys)
    return " ".join(f"v1,{one}" for one in found)


def is_open(address: str) -> bool:
    """Say whether an IP address is one of the open internet: not private, not this machine, not a test network.

    An address of version 6 that stands for one of version 4 (mapped, translated, 6to4, Teredo) is what that one is.
    """
    try:
        return _is_open(ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
        if any(one is not None and not _is_open(one) for one in inner):
            return False
        if address.ipv4_mapped is not None or address.sixtofour is not None or address in _NAT64:
            return True  # Pythons differ in whether a 6to4 address is global
    return address.is_global and not address.is_multicast and not any(address in network for network in _CLOSED)
