"""Tokens: what stands in the links of a mail. Signed, short, and without anything that names a customer.

    header (1 byte)     version in the upper half, flags in the lower (1: the target is compressed)
    key id (1 byte)     first byte of the key's hash: which key of the ring to try
    message (varint)    number of the message's row; of the task's, for a task; when it was issued, for a sign-in
    link (varint)       clicks only: number of the link in its template
    target (bytes)      clicks only: where the click leads; for a task and a sign-in the staff member's key
    mac (16 bytes)      HMAC-SHA256 over all before it, cut to 128 bits (RFC 2104, section 5)

in base64url without padding; in base32 of small letters where it stands in an envelope address, whose capitals a
server on the way may change. Each purpose has a key of its own, derived from the secret, so a token of one is
nothing to the others. Tokens never expire: a refusal must work as long as somebody keeps the mail. A sign-in says
when it was issued, so that whoever reads it may refuse an old one.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from base64 import b32decode, b32encode
from binascii import Error as NoBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from worker.delivery.macs import Mac
from worker.delivery.targets import TARGET_LIMIT

VERSION = 1
MAC = 16  # bytes
LONGEST = 4 * (TARGET_LIMIT + MAC + 24) // 3  # characters of a token
_COMPRESSED = 1
_LONGEST_BOUNCE = 60  # characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMEMBERED = 4_096  # targets that a campaign's mails share, packed once
_TO_BYTES, _TO_URL = bytes.maketrans(b"-_", b"+/"), bytes.maketrans(b"+/", b"-_")

# What shop links are made of; part of version 1 for ever, for without it old tokens cannot be read.
_DICTIONARY = (
    b".html.php?id=&ref=/collections//categories//blog//cart/checkout/coupon/account/orders//reviews/new/products/"
    b"?utm_source=phin&utm_medium=email&utm_campaign=https://www..com.vn/.com/.vn/http://https://"
)


class Use(StrEnum):
    """What a token is for."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"  # opens the page on which its receiver says what to get
    CONFIRM = "confirm"  # with which its receiver says that the address wants mail (double opt-in)
    VIEW = "view"  # shows the mail in a browser
    SURVEY = "survey"  # answers a question that the mail asks
    BOUNCE = "bounce"  # stands in the envelope sender (VERP), so that a report tells whose mail came back
    TASK = "task"  # opens the page of one task for one staff member
    STAFF = "staff"  # signs a staff member in to the pages


@dataclass(frozen=True, slots=True)
class Click:
    """What a click's token holds."""

    message: int
    link: int
    target: str


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """What a survey's token holds: the message that asks, the name of the survey, and the mark where one is chosen."""

    message: int
    survey: str
    mark: int | None


@dataclass(frozen=True, slots=True)
class TaskLink:
    """What a task's token holds: number of the task's row, and the key of the staff member whose link it is."""

    task: int
    person: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a sign-in's token holds: the staff member's key, and when it was issued (whole seconds, UTC)."""

    person: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys of one purpose.

    Parameters:
        mac: of the first, which signs.
        heads: what its tokens begin with, by their flags.
        accepted: all of them, by their id.
    """

    mac: Mac
    heads: tuple[bytes, ...]
    accepted: tuple[tuple[int, Mac], ...]


class Tokens:
    """Makes and reads tokens.

    Parameters:
        secrets: the key ring; the first signs, each is accepted.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._rings = {use: _ring(use, secrets) for use in Use}
        self._packed: Callable[[str], tuple[int, bytes]] = lru_cache(_REMEMBERED)(_pack)

    def open(self, message: int) -> str:
        """Return the token of a message's pixel."""
        return _sign(self._rings[Use.OPEN], 0, _varint(message))

    def click(self, message: int, link: int, target: str) -> str:
        """Return the token of a link; the target has been checked (`worker.delivery.targets`)."""
        flags, packed = self._packed(target)
        return _sign(self._rings[Use.CLICK], flags, _varint(message) + _varint(link) + packed)

    def unsubscribe(self, message: int) -> str:
        """Return the token with which the receiver of this message says no to more."""
        return _sign(self._rings[Use.UNSUBSCRIBE], 0, _varint(message))

    def page(self, use: Use, message: int) -> str:
        """Return the token of a page of this message: PREFERENCES, CONFIRM or VIEW."""
        return _sign(self._rings[use], 0, _varint(message))

    def survey(self, message: int, survey: str, mark: int | None = None) -> str:
        """Return the token of a mark, from 0, for the question that this message asks; of none, to be chosen yet."""
        marked = _varint(0 if mark is None else mark + 1)
        return _sign(self._rings[Use.SURVEY], 0, _varint(message) + marked + survey.encode("ascii"))

    def bounce(self, message: int) -> str:
        """Return the token in the envelope sender of this message: small letters and digits, 31 to 45 of them."""
        return _small(_signed(self._rings[Use.BOUNCE], 0, _varint(message)))

    def task(self, task: int, person: str) -> str:
        """Return the token with which this staff member opens the page of a task."""
        return _sign(self._rings[Use.TASK], 0, _varint(task) + person.encode())

    def staff(self, person: str, now: datetime) -> str:
        """Return the token that signs this staff member in to the pages, issued now (aware)."""
        return _sign(self._rings[Use.STAFF], 0, _varint((now - _EPOCH) // timedelta(seconds=1)) + person.encode())

    def read_open(self, token: str) -> int | None:
        """Return the message whose pixel this is, or None for anything that was not made here."""
        return self._message(Use.OPEN, token)

    def read_unsubscribe(self, token: str) -> int | None:
        """Return the message whose receiver says no, or None for anything that was not made here."""
        return self._message(Use.UNSUBSCRIBE, token)

    def read_page(self, use: Use, token: str) -> int | None:
        """Return the message whose page this is, or None for anything that was not made here."""
        return self._message(use, token)

    def read_survey(self, token: str) -> SurveyAnswer | None:
        """Return what a survey's link answers, or None for anything that was not made here."""
        body = _verified(self._rings[Use.SURVEY], token)
        if body is None:
            return None
        message, at = _read_varint(body, 2)
        marked, at = _read_varint(body, at)
        return SurveyAnswer(message, body[at:].decode("ascii"), marked - 1 if marked else None)

    def read_bounce(self, token: str) -> int | None:
        """Return the message that came back, or None for anything that was not made here; capitals do not matter."""
        if not 1 <= len(token) <= _LONGEST_BOUNCE or not token.isascii():
            return None
        try:
            signed = b32decode(token.upper() + "=" * (-len(token) % 8))
        except NoBase64:
            return None
        return self._message(Use.BOUNCE, _encoded(signed)) if _small(signed) == token.lower() else None

    def read_click(self, token: str) -> Click | None:
        """Return where a click leads and what it is of, or None for anything that was not made here."""
        body = _verified(self._rings[Use.CLICK], token)
        if body is None:
            return None
        message, at = _read_varint(body, 2)
        link, at = _read_varint(body, at)
        target = _unpack(body[0] & 0x0F, body[at:])
        return None if target is None else Click(message, link, target)

    def read_task(self, token: str) -> TaskLink | None:
        """Return which task is opened for whom, or None for anything that was not made here."""
        found = self._of_person(Use.TASK, token)
        return None if found is None else TaskLink(*found)

    def read_staff(self, token: str) -> SignIn | None:
        """Return who signs in, and since when they might, or None for anything that was not made here."""
        found = self._of_person(Use.STAFF, token)
        return None if found is None else SignIn(found[1], _EPOCH + timedelta(seconds=found[0]))

    def _of_person(self, use: Use, token: str) -> tuple[int, str] | None:
        body = _verified(self._rings[use], token)
        if body is None:
            return None
        number, at = _read_varint(body, 2)
        return number, body[at:].decode()

    def _message(self, use: Use, token: str) -> int | None:
        body = _verified(self._rings[use], token)
        return None if body is None else _read_varint(body, 2)[0]


def _ring(use: Use, secrets: Sequence[bytes]) -> _Ring:
    keys = [hmac.digest(secret, f"phin token {VERSION} {use.value}".encode(), "sha256") for secret in secrets]
    accepted = tuple((hashlib.sha256(key).digest()[0], Mac(key)) for key in keys)
    key_id, mac = accepted[0]
    return _Ring(mac, tuple(bytes((VERSION << 4 | flags, key_id)) for flags in range(_COMPRESSED + 1)), accepted)


def _sign(ring: _Ring, flags: int, content: bytes) -> str:
    return _encoded(_signed(ring, flags, content))


def _signed(ring: _Ring, flags: int, content: bytes) -> bytes:
    body = ring.heads[flags] + content
    return body + ring.mac(body)[:MAC]


def _verified(ring: _Ring, token: str) -> bytes | None:
    """Return what a token holds before its signature, if it is one of this ring."""
    if not MAC < len(token) <= LONGEST or not token.isascii():
        return None
    written = token.encode().translate(_TO_BYTES, b"+/=")
    if len(written) != len(token):
        return None
    try:
        raw = a2b_base64(written + b"=" * (-len(written) % 4), strict_mode=True)
    except NoBase64:
        return None
    body, mac = raw[:-MAC], raw[-MAC:]
    if len(body) < 3 or body[0] >> 4 != VERSION or _encoded(raw) != token:
        return None
    for key_id, sign in ring.accepted:
        if key_id == body[1] and hmac.compare_digest(sign(body)[:MAC], mac):
            return body
    return None


def _encoded(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_TO_URL, b"=").decode()


def _small(raw: bytes) -> str:
    return b32encode(raw).rstrip(b"=").decode().lower()


@lru_cache(_REMEMBERED)  # a mail's number stands in each of its links
def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number that stands there and where it ends; what was signed is well formed."""
    number = shift = 0
    while True:
        part = body[at]
        number |= (part & 0x7F) << shift
        at += 1
        if part < 0x80:
            return number, at
        shift += 7


def _pack(target: str) -> tuple[int, bytes]:
    """Return the flags and bytes of a target, compressed where that is shorter (raw deflate, RFC 1951)."""
    plain = target.encode("ascii")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -12, 4, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    small = deflate.compress(plain) + deflate.flush()
    return (_COMPRESSED, small) if len(small) < len(plain) else (0, plain)


def _unpack(flags: int, packed: bytes) -> str | None:
    if not flags & _COMPRESSED:
        return packed.decode("ascii")
    inflate = zlib.decompressobj(-12, _DICTIONARY)
    plain = inflate.decompress(packed, TARGET_LIMIT + 1)
    return plain.decode("ascii") if len(plain) <= TARGET_LIMIT else None
