"""A report taken apart: its notice for people, its parts for machines, and what it returns of our mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string
from email.message import Message
from itertools import islice

from lxml.etree import ParserError
from lxml.html import fragment_fromstring

NOTICE = 20_000  # characters of what is written for people
RETURNED = 200_000  # characters of what is returned
PARTS = 200

# A line after which our own mail follows, in a report of one part.
_MARKER = re.compile(
    r"^[ \t>*]*[-=_*]{2,}[^\n]{0,20}(original message|this is a copy|copy of the message|below this line"
    r"|returned message|message (header|text|body) follow"
    r"|(header|body|text)s? of (the |your )?(original|message)|unsent message|thư gốc"
    r"|message d'origine|original-?nachricht|included is|undelivered message)[^\n]*$"
    r"|^[^\n]{0,40}(the header of the original message is following|original message follows|here is a copy of)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADERS = re.compile(
    r"^(?:(?:Received|Return-Path|From|To|Date|Subject|Message-ID|MIME-Version)\s?:[^\n]*\n(?:[ \t][^\n]*\n)*){3}",
    re.IGNORECASE | re.MULTILINE,
)
_BREAKS = ("br", "p", "div", "tr", "li", "h1", "h2", "h3")


@dataclass(slots=True)
class Opened:
    """What a report is made of.

    Parameters:
        headers: the report's own.
        notice: what it says to people.
        status: blocks of a delivery status, the first about the mail, the others about recipients (RFC 3464).
        feedback: fields of a feedback report (RFC 5965).
        returned: headers of our mail, where it returns them.
        body: what it returns of our mail's text.
    """

    headers: Message
    notice: str = ""
    status: list[Message] = field(default_factory=list)
    feedback: Message | None = None
    returned: Message | None = None
    body: str = ""


def open_up(raw: bytes) -> Opened:
    """Take a report apart; whatever it is made of, something comes of it."""
    mail = message_from_bytes(raw)
    opened = Opened(mail)
    plain: list[str] = []
    marked_up: list[str] = []
    for part, depth in islice(_parts(mail), PARTS):
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):  # some stand in a mail about them
            opened.status += [] if opened.status else _blocks(part)
        elif depth == 0 and kind == "message/feedback-report":
            opened.feedback = opened.feedback or next(iter(_blocks(part)), None)
        elif depth == 0 and kind in ("text/rfc822-headers", "message/global-headers"):
            opened.returned = opened.returned or message_from_string(text_of(part).lstrip()[:RETURNED])
        elif kind.startswith("message/") and isinstance(part.get_payload(), list):
            opened.returned = opened.returned or _first(part)
        elif kind.startswith("text/") and depth:
            opened.body += text_of(part)[: RETURNED - len(opened.body)]
        elif kind == "text/plain":
            plain.append(text_of(part))
        elif kind == "text/html":
            marked_up.append(_unmarked(text_of(part)))
    _split(opened, "\n".join(plain if any(one.strip() for one in plain) else marked_up))
    return opened


def text_of(part: Message) -> str:
    """Return the text of a part, decoded as well as can be."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    payload = payload[:RETURNED]
    for charset in (str(part.get_content_charset() or "utf-8"), "utf-8"):
        try:
            return payload.decode(charset)
        except (LookupError, ValueError):
            continue
    return payload.decode("latin-1")


def _first(part: Message) -> Message | None:
    payload: object = part.get_payload()
    return next((one for one in payload if isinstance(one, Message)), None) if isinstance(payload, list) else None


def _split(opened: Opened, text: str) -> None:
    """Tell the notice from our own mail that follows it."""
    found = _MARKER.search(text, 1) or _HEADERS.search(text, 1)
    if found is None:
        opened.notice = text[:NOTICE].strip()
        return
    opened.notice = text[: found.start()][:NOTICE].strip()
    rest = text[found.start() :]
    headers = _HEADERS.search(rest)
    if headers is not None:
        follows = rest[headers.start() :][:RETURNED]
        if opened.returned is None:
            opened.returned = message_from_string(follows)
        opened.body += follows


def _parts(mail: Message, depth: int = 0) -> Iterator[tuple[Message, int]]:
    """Yield the parts, with whether they stand in a mail within the mail."""
    kind = mail.get_content_type()
    yield mail, depth
    payload = mail.get_payload()
    if isinstance(payload, list) and not kind.endswith("delivery-status") and kind != "message/feedback-report":
        for part in payload:
            if isinstance(part, Message):
                yield from _parts(part, depth + kind.startswith("message/"))


def _blocks(part: Message) -> list[Message]:
    """Return the blocks of fields of a part, however the parser took them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message) and block.keys()] or [
            message_from_string(str(block.get_payload())) for block in payload if isinstance(block, Message)
        ]
    blocks = re.split(r"\n\s*\n", text_of(part).replace("\r\n", "\n").strip())
    return [message_from_string(block + "\n\n") for block in blocks[:PARTS]]


def _unmarked(text: str) -> str:
    """Return the words of a page, in lines."""
    if not text.strip():
        return ""
    try:
        page = fragment_fromstring(text[:RETURNED], create_parent="div")
        for element in page.iter():
            if element.tag in ("script", "style"):
                element.text = None
            elif element.tag in _BREAKS:
                element.tail = f"\n{element.tail or ''}"
        return str(page.text_content())
    except (ParserError, ValueError):  # no page at all
        return text
