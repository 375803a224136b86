"""A finished mail: headers and body as bytes, ready for SMTP.

The standard library's `EmailMessage` is not used: it encodes a long `List-Unsubscribe` (Gmail then does not see
it), changes spaces in Vietnamese subjects, can be led to write headers that stand in a value (encoded line breaks
after `=?`), and takes four milliseconds. Here values that come from people lose control characters and `=?`,
and a header's value that holds a line break is refused.

Bodies are base64. It is half the work of quoted-printable here, Vietnamese text grows less by it, and no relay
can change a body (spaces at a line's end, long lines, a dot alone) on the way, which would break its DKIM
signature. SpamAssassin's rule against base64 text holds for ASCII only, so the charset is always said: UTF-8.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from worker.delivery.enclosures import base64_lines
from worker.delivery.templates.rendered import Rendered
from worker.domain.errors import PhinError
from worker.domain.instants import instant

LONGEST_LINE = 998  # RFC 5322, 2.1.1, without the line break
_LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
_LONGEST_TEXT = 1_000  # characters; some servers cut a head off at 64 KB, and what follows with it
_FOLDED = 76
_OCTETS = 45  # of text in an encoded-word that fits into a line of 74 characters
_LONGEST_LETTER = 4  # octets of a character in UTF-8
_OURS = ("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "cc", "bcc", "sender")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_NO_SPACE = re.compile("[!-;=?-~]{1,900}")  # printable ASCII, and no angle brackets
_BOUNDARY = re.compile(r"(?:=_)?[A-Za-z0-9]{8,60}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEAD = b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_TEXT, _HTML = _HEAD % b"plain", _HEAD % b"html"
_SURROGATES = re.compile("[\ud800-\udfff]")


class HeaderError(PhinError):
    """A header cannot be written: a line break or a character beyond ASCII in it, or it would be there twice."""


def build(
    rendered: Rendered,
    *,
    to_name: str | None,
    to_email: str,
    message_id: str,
    date: datetime,
    headers: Mapping[str, str],
    boundary: str,
    wide: bool = False,
) -> bytes:
    """Return the whole mail, text first and HTML last, with CRLF line breaks.

    Pictures that the HTML shows stand beside it in a `multipart/related` (RFC 2387), attachments after all else in a
    `multipart/mixed` (RFC 2046, 5.1.3).

    Parameters:
        to_name: the customer's name, or None.
        to_email: the customer's address; a domain beyond ASCII goes out as punycode.
        message_id: without angle brackets; the same for each try.
        date: an aware datetime; its own offset is shown.
        headers: further headers, as they stand on the wire: `List-Unsubscribe`, `Feedback-ID` …
        boundary: 8 to 60 letters and digits, with `=_` before them or without.
        wide: whether an address may have letters beyond ASCII before its @; they then stand in its header as UTF-8
            (RFC 6532), and the mail may go only where SMTPUTF8 is offered (RFC 6531). All else stays ASCII.

    Raises:
        HeaderError: an address, a header or the boundary cannot be written.
        NaiveDatetimeError: the date has no time zone.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise HeaderError("a boundary is made of 8 to 60 letters and digits")
    lines = [
        _from(rendered.from_name, rendered.from_email, wide),
        f"To: {_mailbox('To', to_name or '', to_email, wide)}",
        f"Subject: {_text('Subject', rendered.subject)}",
        f"Date: {_written(date, date.utcoffset())}",
        f"Message-ID: <{_ascii('Message-ID', message_id)}>",
    ]
    if rendered.reply_to:
        lines.append(f"Reply-To: {_address('Reply-To', rendered.reply_to, wide)}")
    seen = set(_OURS)
    for name, value in headers.items():
        known = _name(name)
        if known is None or known in seen:
            raise HeaderError(f"header '{_CONTROLS.sub('', name)}' is no name, or is there already")
        seen.add(known)
        lines.append(_folded(name, value))
    lines.append("MIME-Version: 1.0")
    letters = boundary.removeprefix("=_")
    parts = _alternative(rendered, letters)
    files = [file for file in rendered.files if not file.cid]
    if files:
        parts = _joined("multipart/mixed", f"=_m_{letters}", [parts, *([file.part] for file in files)])
    return b"".join(("\r\n".join(lines).encode("utf-8" if wide else "ascii"), b"\r\n", *parts))


def _alternative(rendered: Rendered, letters: str) -> list[bytes]:
    """Write text and HTML, the HTML with its pictures."""
    html = [_HTML, _body(rendered.html)]
    pictures = [file for file in rendered.files if file.cid]
    if pictures:
        related = 'multipart/related; type="text/html"'
        html = _joined(related, f"=_r_{letters}", [html, *([file.part] for file in pictures)])
    return _joined("multipart/alternative", f"=_{letters}", [[_TEXT, _body(rendered.text)], html])


def _joined(type_: str, mark: str, parts: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Write several parts as one. The mark begins like no other of the mail, and "=_" stands in no base64 text."""
    head = f'Content-Type: {type_};\r\n boundary="{mark}"\r\n'
    between = f"\r\n--{mark}\r\n".encode("ascii")
    pieces = [head.encode("ascii")]
    for part in parts:
        pieces += (between, *part)
    pieces.append(f"\r\n--{mark}--\r\n".encode("ascii"))
    return pieces


def clean(text: str) -> str:
    """Return a text that comes from people as it may stand in a header: one line, no controls, no `=?`, not endless."""
    text = text[:_LONGEST_TEXT]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = _SURROGATES.sub("", _CONTROLS.sub(" ", text))
    while "=?" in text:  # taking one out can bring another together
        text = text.replace("=?", "")
    return " ".join(text.split())


@lru_cache(maxsize=256)  # the mails of a batch are of one moment
def _written(date: datetime, offset: timedelta | None) -> str:  # noqa: ARG001 - tells zones apart: moments are equal
    """Write a moment (RFC 5322, 3.3), in its own zone."""
    instant(date)  # refuses one without a time zone
    return format_datetime(date)


@lru_cache(maxsize=256)
def _name(name: str) -> str | None:
    """Return a header's name in small letters, or None where it cannot be one, or is of those that a body has."""
    small = name.lower()
    return small if _HEADER_NAME.fullmatch(name) and not small.startswith("content-") else None


@lru_cache(maxsize=256)  # a flow's mails are from one
def _from(name: str, email: str, wide: bool) -> str:
    return f"From: {_mailbox('From', name, email, wide)}"


def _text(header: str, text: str) -> str:
    """Write free text: as it is where it is short ASCII, else as encoded-words (RFC 2047), folded."""
    cleaned = clean(text)
    if cleaned.isascii() and len(header) + 2 + len(cleaned) <= _FOLDED:
        return cleaned
    return _encoded(header, cleaned)


@lru_cache(maxsize=2048)  # the sender's name, and the subjects that are the same for everyone
def _encoded(header: str, text: str) -> str:
    """Write text as encoded-words in base64, one a line, none of which cuts a letter in two (RFC 2047, 2 and 5)."""
    octets, words, at = text.encode(), [], 0
    room = _OCTETS - 3 * (-(-(len(header) + 2) // 4))  # the first stands behind the header's name
    while at < len(octets):
        end = min(at + max(room, _LONGEST_LETTER), len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # in the midst of a letter
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(octets[at:end], newline=False).decode('ascii')}?=")
        at, room = end, _OCTETS
    return "\r\n ".join(words)


def _mailbox(header: str, name: str, email: str, wide: bool) -> str:
    """Write a name and an address."""
    address, cleaned = _address(header, email, wide), clean(name)
    if not cleaned:
        return address
    if cleaned.isascii() and len(cleaned) <= 60:
        if not _ATOMS.fullmatch(cleaned):
            quoted = cleaned.replace("\\", "\\\\").replace('"', '\\"')
            cleaned = f'"{quoted}"'
        return f"{cleaned} <{address}>"
    return f"{_encoded(header, cleaned)}\r\n <{address}>"


def _address(header: str, email: str, wide: bool) -> str:
    """Return an address in ASCII, or with a wide local part; the errors do not repeat it, for they go into logs."""
    if email.isascii():
        if len(email) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(email):
            raise HeaderError(f"the address for {header} is none that a mail can carry")
        return email
    try:
        found = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise HeaderError(f"the address for {header} is none that a mail can carry") from error
    if found.ascii_email is not None:
        return found.ascii_email
    if not wide:
        raise HeaderError(f"the address for {header} has letters beyond ASCII before its @, which needs SMTPUTF8")
    address = f"{found.local_part}@{found.ascii_domain}"
    if (
        len(address.encode()) > _LONGEST_ADDRESS
        or not found.local_part.isprintable()
        or set(address) & set(' ()<>,;:"\\')
    ):
        raise HeaderError(f"the address for {header} is none that a mail can carry")
    return address


def _ascii(header: str, value: str) -> str:
    if not _NO_SPACE.fullmatch(value):
        raise HeaderError(f"the value of {header} has a character that cannot stand there")
    return value


def _folded(name: str, value: str) -> str:
    """Write a structured header as it is given, folded after commas only: a URL is never encoded nor cut."""
    if not value.isascii() or not value.isprintable():
        raise HeaderError(f"the value of {name} has a line break or a character beyond ASCII")
    room = LONGEST_LINE if ", " not in value else _FOLDED  # what has no comma is in one line, however long
    if len(name) + 2 + len(value) <= room:
        return f"{name}: {value}"
    line, lines = f"{name}:", []
    for index, part in enumerate(value.split(", ")):
        joined = f"{line}, {part}" if index else f"{line} {part}"
        if index and len(joined) > _FOLDED:
            lines.append(f"{line},")
            line = f" {part}"
        else:
            line = joined
    lines.append(line)
    if any(len(one) > LONGEST_LINE for one in lines):
        raise HeaderError(f"the value of {name} makes a line of more than {LONGEST_LINE} characters")
    return "\r\n".join(lines)


def _body(text: str) -> bytes:
    """Return a text in base64, with CRLF line breaks in it."""
    octets = text.encode("utf-8", "replace")
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return base64_lines(octets.replace(b"\n", b"\r\n"))
