"""The links of a mail that is only looked at: none is tracked, and those that would be are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import html as lxml_html

from worker.delivery.links import MessageLinks
from worker.delivery.templates.links import FOLLOWABLE


@dataclass(frozen=True, slots=True)
class SeenLink:
    """A link of a mail: where it leads and the words that are clicked.

    Parameters:
        counted: whether clicks on it are counted in a mail that is tracked.
    """

    url: str
    label: str
    counted: bool


class NotedLinks:
    """Links that are plain and remember which of them would be counted."""

    def __init__(self, links: MessageLinks) -> None:
        self._links = links
        self.counted: set[str] = set()

    def tracked(self, number: int, url: str) -> str:
        """Return the address as it stands in a mail that is not tracked."""
        plain = self._links.tracked(number, url)
        self.counted.add(plain)
        return plain

    @property
    def pixel(self) -> str | None:
        """None: nothing is tracked."""
        return self._links.pixel

    @property
    def honeypot(self) -> str | None:
        """None: nothing is tracked."""
        return self._links.honeypot

    def survey(self, name: str, mark: int | None = None) -> str:
        """Return the address of the page that asks a survey's question."""
        return self._links.survey(name, mark)

    @property
    def pages(self) -> Mapping[str, str | None]:
        """Addresses of the mail's own pages."""
        return self._links.pages


def links_of(html: str, counted: set[str]) -> tuple[SeenLink, ...]:
    """Return the links of a mail in their order, each address and label once."""
    found: dict[tuple[str, str], SeenLink] = {}
    document: Any = lxml_html.document_fromstring(html)
    for anchor in document.iter("a"):
        url = (anchor.get("href") or "").strip()
        if not url.lower().startswith(FOLLOWABLE):
            continue
        label = " ".join(anchor.text_content().split()) or _alt(anchor)
        found.setdefault((url, label), SeenLink(url, label, url in counted))
    return tuple(found.values())


def _alt(anchor: Any) -> str:
    return next((image.get("alt") for image in anchor.iter("img") if image.get("alt")), "")
