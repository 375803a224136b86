"""A mail as its reader's program has it: read from its bytes with the standard library."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr, parsedate_to_datetime
from urllib.parse import urlsplit

_PIXEL = re.compile(r'<img[^>]+src="([^"]+/o/[^"]+)"')
_CODE = re.compile(r'class="voucher-code"[^>]*>([^<]+)<')
_LINK = re.compile(r'<a(?![^>]*aria-hidden)[^>]+href="([^"]+/c/[^"]+)"')  # not what no person sees


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail.

    Parameters:
        to: the address alone.
        flow: the flow that sent it, by its Feedback-ID; empty where it names none.
        pixel, links, refusal: what can be asked for, as paths of Phin's own address: a mail may name another one, which
            is the shop's when it is live.
        code: the coupon's, where there is one.
    """

    to: str
    sent_at: datetime
    flow: str
    marketing: bool
    pixel: str | None
    links: tuple[str, ...]
    refusal: str | None
    code: str | None = None


def read_letter(content: bytes) -> Letter:
    """Read a mail."""
    message = email.message_from_bytes(content)
    html = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
    payload = b"" if html is None else html.get_payload(decode=True)
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    flow, _, rest = str(message.get("Feedback-ID", "")).partition(":")
    refusal = re.search(r"<(https?://[^>]+)>", str(message.get("List-Unsubscribe", "")))
    pixel, code = _PIXEL.search(text), _CODE.search(text)
    return Letter(
        to=parseaddr(str(message["To"]))[1].lower(),
        sent_at=parsedate_to_datetime(str(message["Date"])),
        flow=flow,
        marketing=":marketing:" in f":{rest}:",
        pixel=_path(pixel[1]) if pixel else None,
        links=tuple(dict.fromkeys(_path(link) for link in _LINK.findall(text))),
        refusal=_path(refusal[1]) if refusal else None,
        code=code[1].strip() if code else None,
    )


def _path(url: str) -> str:
    return urlsplit(url).path
