"""Which mail of ours a report is about: signed tokens first, then our Message-ID, then the addresses that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from worker.delivery.bounces.opened import Opened
from worker.delivery.tokens import Tokens, Use
from worker.domain.addresses import normalise_address

T = TypeVar("T")

MOST = 20  # of each kind
_SENT_TO = (  # where a report says to whom it was itself sent
    "to",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "apparently-to",
    "cc",
)
_VERP = re.compile(r"(?<![a-z0-9])b\+([a-z2-7]{31,60})(?:@|=40|=[a-z0-9.-]+@)", re.IGNORECASE)
_LINK = re.compile(r"/([oupyv])/([A-Za-z0-9_-]{20,120})")
_IDENTIFIER = re.compile(r"<([^<>\s@]{8,120}@[^<>\s@]{3,120})>")
_ADDRESS = re.compile(r"[^\s@<>\"'()\[\]{},;:=/\\?&|]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")
_PAGES = {"p": Use.PREFERENCES, "y": Use.CONFIRM, "v": Use.VIEW}


@dataclass(frozen=True, slots=True)
class Clues:
    """What a report tells of the mail that it is about.

    Parameters:
        verp: messages whose envelope sender it names, by a token that only we can make.
        links: messages whose links it quotes, likewise.
        identifiers: Message-IDs that it names, without brackets.
    """

    verp: tuple[int, ...] = ()
    links: tuple[int, ...] = ()
    identifiers: tuple[str, ...] = ()


def clues_in(opened: Opened, raw: bytes, tokens: Tokens) -> Clues:
    """Return the clues of a report."""
    own = [str(value) for name in _SENT_TO for value in opened.headers.get_all(name, [])]
    returned = [str(value) for value in opened.returned.values()] if opened.returned is not None else []
    blocks = [
        str(value) for block in (*opened.status, opened.feedback) if block is not None for value in block.values()
    ]
    whole = raw.decode("latin-1")
    told = [*own, *blocks, *returned, opened.body, opened.notice]
    return Clues(
        verp=_first(_verp([*own, *blocks, *returned, whole], tokens)),
        links=_first(_links([*returned, *blocks, opened.body, opened.notice], tokens)),
        identifiers=_first(_identifiers(opened, told)),
    )


def clues_of(texts: Iterable[str], identifiers: Iterable[str], tokens: Tokens) -> Clues:
    """Return the clues in the texts of a provider's event, and the Message-IDs that it names."""
    told = list(texts)
    named = (one.strip().strip("<>") for one in identifiers)
    return Clues(_first(_verp(told, tokens)), _first(_links(told, tokens)), _first(one for one in named if one))


def addresses_in(text: str) -> Iterator[str]:
    """Yield the addresses that stand in a text, normalised."""
    for found in _ADDRESS.findall(text):
        address = address_of(found)
        if address is not None:
            yield address


def address_of(written: str) -> str | None:
    """Return an address as it is compared, from `rfc822; <a@b.example>` and the like, or None where there is none."""
    text = written.rpartition(";")[2].strip().strip("<>").strip()
    try:
        return normalise_address(text) if "@" in text and len(text) <= 320 else None
    except ValueError:
        return None


def _verp(texts: Iterable[str], tokens: Tokens) -> Iterator[int]:
    for text in texts:
        for token in _VERP.findall(text):
            number = tokens.read_bounce(token)
            if number is not None:
                yield number


def _links(texts: Iterable[str], tokens: Tokens) -> Iterator[int]:
    for text in texts:
        for kind, token in _LINK.findall(text):
            number = _message(kind, token, tokens)
            if number is not None:
                yield number


def _message(kind: str, token: str, tokens: Tokens) -> int | None:
    if kind == "o":
        return tokens.read_open(token)
    if kind == "u":
        return tokens.read_unsubscribe(token)
    return tokens.read_page(_PAGES[kind], token)


def _identifiers(opened: Opened, texts: Iterable[str]) -> Iterator[str]:
    for block in (opened.returned, opened.feedback, *opened.status):
        if block is not None:
            for name in ("message-id", "original-message-id", "x-original-message-id"):
                yield from (str(value).strip().strip("<>") for value in block.get_all(name, []))
    for name in ("in-reply-to", "references"):
        for value in opened.headers.get_all(name, []):
            yield from _IDENTIFIER.findall(str(value))
    for text in texts:
        yield from _IDENTIFIER.findall(text)


def _first(found: Iterator[T]) -> tuple[T, ...]:
    """Return the first of each, in order."""
    seen: dict[T, None] = {}
    for looked, one in enumerate(found):
        seen.setdefault(one)
        if len(seen) >= MOST or looked >= 50 * MOST:
            break
    return tuple(seen)
