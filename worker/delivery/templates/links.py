"""The links of a mail: which are tracked, their numbers, and what stands in their place while a mail is rendered."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Protocol

from worker.delivery.templates.pieces import STRINGS, Data, Piece, Tag, words

TRACKED = "_tracked"  # the filter around a link's address
LINKED = "_linked"  # the filter that `link` becomes in a text file of an author's own
_WEB = ("http://", "https://")
_UNTRACKED = ("mailto:", "tel:", "sms:", "#")
FOLLOWABLE = (*_WEB, *_UNTRACKED)
# The addresses of a mail's own pages, as templates name them: how to say no, what to get, a yes, the mail in a browser.
PAGES = words("unsubscribe_url preferences_url confirm_url view_url")
SURVEY = "survey_url"  # the filter that makes the address of a mark: {{ "support" | survey_url(5) }}


class Links(Protocol):
    """What makes the addresses of one mail; given by whoever renders it."""

    def tracked(self, number: int, url: str) -> str:
        """Return the address that leads to the url and counts; the url itself where nothing is tracked.

        Parameters:
            number: the link's number in its template, from 1.
            url: where it leads, http or https.
        """

    @property
    def pixel(self) -> str | None:
        """Address of the pixel, or None for a mail without one."""

    @property
    def honeypot(self) -> str | None:
        """Address of the link that no person sees, or None for a mail without one."""

    def survey(self, name: str, mark: int | None = None) -> str:
        """Return the address of the page that asks a survey's question, with a mark chosen or with none."""

    @property
    def pages(self) -> Mapping[str, str | None]:
        """Addresses of the mail's own pages by the names of `PAGES`, all of them; None for what a mail has not."""


@dataclass(frozen=True, slots=True)
class Link:
    """A tracked link of a template.

    Parameters:
        number: from 1, in the order of the template.
        url: its address as the template has it, `{{ shop.website }}/orders`.
        label: the text that is clicked, as the template has it.
    """

    number: int
    url: str
    label: str


@dataclass(slots=True)
class Anchor:
    """A link as it stands in a template.

    Parameters:
        pieces: the address.
        number: from 1; 0 for one that is not tracked.
        followable: whether it leads anywhere from a mail (a relative address does not).
        mark: the placeholder of its address.
    """

    pieces: list[Piece]
    line: int
    number: int
    followable: bool
    mark: str = ""

    @property
    def url(self) -> str:
        """The address as the template has it."""
        return unescape("".join(source_of(piece) for piece in self.pieces)).strip()


def anchor_of(pieces: Sequence[Piece], line: int, number: int) -> Anchor:
    """Look at a link's address: web addresses are tracked, and those that an expression begins.

    Those to the mail's own pages never are: a machine that counts clicks must not stand before a refusal.
    """
    tags = [piece for piece in pieces if isinstance(piece, Tag)]
    first = pieces[0] if pieces else Data("", line)
    start = unescape(first.text).strip().lower() if isinstance(first, Data) else ""
    followable = start.startswith(FOLLOWABLE) or (not start and bool(tags))
    own_page = any(not (PAGES | {SURVEY}).isdisjoint(tag.names) for tag in tags)
    tracked = followable and not start.startswith(_UNTRACKED) and not own_page
    return Anchor(list(pieces), line, number if tracked else 0, followable)


def tracked_pieces(pieces: Sequence[Piece], number: int, line: int) -> list[Piece]:
    """Put the filter that tracks around an address."""
    return [Tag("filter", f"filter {TRACKED}({number})", (), line), *pieces, Tag("endfilter", "endfilter", (), line)]


def source_of(piece: Piece) -> str:
    """Return a piece as an author would write it."""
    if isinstance(piece, Data):
        return piece.text
    if piece.shown and STRINGS.fullmatch(piece.code):
        return str(literal_eval(piece.code))
    return f"{{{{ {piece.code} }}}}" if piece.shown else f"{{% {piece.code} %}}"
