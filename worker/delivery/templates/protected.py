"""A template's document with placeholders where Jinja's tags stood, and what each of them stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from worker.delivery.templates.attached import Attached
from worker.delivery.templates.links import Anchor
from worker.delivery.templates.pieces import Piece, Tag


class Spot(StrEnum):
    """Where in a document a tag stands."""

    TEXT = "text"
    ATTRIBUTE = "attribute"
    STYLE = "style"
    VERBATIM = "verbatim"  # title, textarea, comment: text that holds no elements


@dataclass(frozen=True, slots=True)
class Token:
    """One placeholder: what it stands for, and where.

    Parameters:
        mark: the word in the document.
        pieces: one tag, or a link's whole address with the filter that tracks it around it.
        spot: where it stands.
        attribute: the attribute's name, where it stands in one.
        unit: number of the attribute, element or comment that it stands in; 0 for text.
    """

    mark: str
    pieces: tuple[Piece, ...]
    spot: Spot
    attribute: str = ""
    unit: int = 0

    @property
    def line(self) -> int:
        """The global line of its first piece."""
        return self.pieces[0].line

    @property
    def statement(self) -> Tag | None:
        """The tag, where it is an `if`, `for` … and not something shown."""
        first = self.pieces[0]
        return first if len(self.pieces) == 1 and isinstance(first, Tag) and not first.shown else None


TAG = "\x00"
"""Stands for a tag of the template in the value of an element's attribute."""


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag of the template, for the check.

    Parameters:
        attributes: by name their values, with `TAG` for each tag.
    """

    name: str
    line: int
    attributes: Mapping[str, str]


@dataclass(slots=True)
class Protected:
    """A template's document with placeholders.

    Parameters:
        html: the document.
        prelude: `set` tags before its first character.
        tokens: by mark, in the order of the source.
        pattern: finds a placeholder, in its comment where it has one; group 1 or 2 is the mark.
        styles: the text of the `<style>` elements.
        anchors: every link, those included that are not tracked.
        pictures: files of the folder that an `<img>` shows, by the address that it has in the document.
    """

    pattern: re.Pattern[str]
    html: str = ""
    prelude: list[Tag] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    styles: list[str] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    pictures: dict[str, Attached] = field(default_factory=dict)
