"""What stands in a compiled source for each placeholder of a document, and the links as a person would name them."""

from __future__ import annotations

from collections.abc import Sequence
from html import unescape

from lxml import etree

from worker.delivery.templates.environment import marked
from worker.delivery.templates.links import Link, source_of
from worker.delivery.templates.pieces import Data, Piece
from worker.delivery.templates.protected import Protected
from worker.delivery.templates.text_part import label_of


def html_code(protected: Protected) -> dict[str, str]:
    """Return what stands for each placeholder in the HTML."""
    return {mark: marked(token.pieces) for mark, token in protected.tokens.items()}


def text_code(protected: Protected) -> dict[str, str]:
    """Return what stands for each placeholder in the text, where nothing is escaped."""

    def plain(pieces: Sequence[Piece]) -> list[Piece]:
        return [Data(unescape(piece.text), piece.line) if isinstance(piece, Data) else piece for piece in pieces]

    return {mark: marked(plain(token.pieces)) for mark, token in protected.tokens.items()}


def links_of(protected: Protected, root: etree._Element) -> list[Link]:
    """Return the tracked links with the text that is clicked."""
    labels: dict[str, str] = {}
    sources = {mark: "".join(source_of(piece) for piece in token.pieces) for mark, token in protected.tokens.items()}
    for element in root.iter("a", "area"):
        label = label_of(element, protected)
        labels[element.get("href", "")] = protected.pattern.sub(lambda found: sources[found[1] or found[2]], label)
    return [
        Link(anchor.number, anchor.url, labels.get(anchor.mark, "")) for anchor in protected.anchors if anchor.number
    ]
