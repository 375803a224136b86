"""Files that travel with a mail: pictures shown in it, and attachments; encoded once, when the template is read."""

from __future__ import annotations

import re
import struct
import unicodedata
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

_LINE = 76
_PIECE = 60  # characters of a name in one line: ` filename*12*=…;` has 78 at the most
_QUOTABLE = re.compile(r'["\\]')
_SAFE = "!#$&+-.^_`|~"  # what RFC 5987 lets stand beside letters and digits


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One file, ready for a mail.

    Parameters:
        name: as its reader sees it.
        type: media type, `image/png`.
        cid: its Content-ID without angle brackets where the HTML shows it, else empty: then it is an attachment.
        octets: the file.
        part: its whole MIME part, headers and base64, without the boundaries around it.
    """

    name: str
    type: str
    cid: str
    octets: bytes
    part: bytes


def enclosed(name: str, type_: str, cid: str, octets: bytes) -> Enclosed:
    """Make a file's MIME part.

    Parameters:
        name: no control characters in it.
        cid: ASCII, `3f2a….logo@thecoffee.example`; empty for an attachment.
    """
    plain = _ascii(name)
    shown = f'{type_}; charset=utf-8;\r\n name="{plain}"' if _is_text(type_, octets) else f'{type_};\r\n name="{plain}"'
    lines = [
        f"Content-Type: {shown}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {'inline' if cid else 'attachment'};{_filename(name)}",
        *([f"Content-ID: <{cid}>"] if cid else []),
        "",
        "",
    ]
    return Enclosed(name, type_, cid, octets, "\r\n".join(lines).encode("ascii") + base64_lines(octets))


def base64_lines(octets: bytes) -> bytes:
    """Return base64 in lines of 76 characters (RFC 2045, 6.8), without a line break at the end."""
    encoded = b2a_base64(octets, newline=False)
    whole, rest = divmod(len(encoded), _LINE)
    return b"\r\n".join(struct.unpack("76s" * whole + f"{rest}s" * (rest > 0), encoded))


def shown_alone(html: str, files: Sequence[Enclosed]) -> str:
    """Return a mail's HTML as it can be shown without the mail: with its pictures in it, as `data:` addresses."""
    for one in files:
        if one.cid:
            encoded = b2a_base64(one.octets, newline=False).decode("ascii")
            html = html.replace(f'"cid:{one.cid}"', f'"data:{one.type};base64,{encoded}"')
    return html


def _filename(name: str) -> str:
    """Write a file's name: plain where it is short ASCII, else as RFC 2231 says, in as many lines as it needs."""
    if name.isascii() and len(name) <= _PIECE:
        return f'\r\n filename="{_QUOTABLE.sub(_escape, name)}"'
    encoded = quote(unicodedata.normalize("NFC", name), safe=_SAFE)
    pieces = [""]
    for letter in _letters(encoded):
        if len(pieces[-1]) + len(letter) > _PIECE - len("utf-8''") * (len(pieces) == 1):
            pieces.append("")
        pieces[-1] += letter
    if len(pieces) == 1:
        return f"\r\n filename*=utf-8''{pieces[0]}"
    begun = [f"\r\n filename*0*=utf-8''{pieces[0]}"]
    return ";".join(begun + [f"\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces[1:], 1)])


def _letters(encoded: str) -> list[str]:
    """Split at what may not be parted: an escaped octet."""
    return re.findall(r"%[0-9A-F]{2}|[^%]", encoded)


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _ascii(name: str) -> str:
    """Return a name for old programs, which read no other: without marks, short."""
    bare = unicodedata.normalize("NFKD", name.replace("đ", "d").replace("Đ", "D"))
    stem, dot, suffix = re.sub(r"[^A-Za-z0-9._-]+", "-", bare.encode("ascii", "ignore").decode()).rpartition(".")
    return f"{stem[:40]}{dot}{suffix[:10]}".strip("-") or "file"


def _is_text(type_: str, octets: bytes) -> bool:
    if not type_.startswith("text/"):
        return False
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
