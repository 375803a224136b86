"""A YAML file as nodes: texts, mappings and sequences with their places, and nothing typed yet.

Which type a text has is said by our schema where it is read, never by YAML: no dates made of text, leading
zeros kept, `450_000`, `10%` and `"09:00"` the same quoted or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from worker.language.yaml.source import Span

Style = Literal["plain", "single", "double", "literal", "folded"]


@dataclass(frozen=True, slots=True)
class Scalar(Span):
    """A text.

    Parameters:
        text: what it means: quotes and escapes resolved, lines folded.
        comment: offset of a ` #` that follows it unquoted on its line, else None.
    """

    text: str
    style: Style = "plain"
    comment: int | None = None

    @property
    def missing(self) -> bool:
        """Whether nothing was written where a value could stand."""
        return self.style == "plain" and not self.text


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping and its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping(Span):
    """Keys and values, in the order of the file; no key twice."""

    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Sequence(Span):
    """Items, in the order of the file."""

    items: tuple[Node, ...] = ()


Node = Scalar | Mapping | Sequence


def kind_of(node: Node) -> str:
    """Say what a node is, to a person."""
    if isinstance(node, Mapping):
        return "a group of keys"
    if isinstance(node, Sequence):
        return "a list"
    return "a text"


def within(source_text: str, scalar: Scalar, at: int, length: int) -> Span:
    """Return where a part of a scalar's text stands in the file.

    The text and its source are walked side by side: quotes, escapes, indentation and folded line breaks of the
    source are passed over.

    Parameters:
        at: offset in the scalar's text; may be its end.
        length: characters of the part in the scalar's text.
    """
    offsets = _offsets(source_text, scalar)
    start = offsets[min(max(at, 0), len(offsets) - 1)]
    end = offsets[min(max(at + length, 0), len(offsets) - 1)]
    return Span(start, max(end, start + 1))


def _offsets(source_text: str, scalar: Scalar) -> list[int]:
    """Return the offset in the source of each character of the scalar's text, and that of its end."""
    at, end = scalar.start, scalar.end
    if scalar.style in ("single", "double"):
        at, end = at + 1, end - 1
    elif scalar.style in ("literal", "folded"):
        at = source_text.find("\n", at, end) + 1 or end
    found: list[int] = []
    for letter in scalar.text:
        if scalar.style == "double" and source_text[at : at + 1] == "\\" and at < end:
            while source_text[at : at + 2] == "\\\n":  # a line break that the text does not have
                at = _past_blank(source_text, at + 1, end)
            if source_text[at : at + 1] == "\\":
                found.append(at)
                at += 2 + {"x": 2, "u": 4, "U": 8}.get(source_text[at + 1 : at + 2], 0)
                continue
        while at < end and source_text[at] != letter and not (letter.isspace() and source_text[at].isspace()):
            at += 1
        found.append(min(at, end))
        if at < end and source_text[at] != letter:
            at = _past_blank(source_text, at, end)
        else:
            at += 1
    return [*found, min(at, end)]


def _past_blank(text: str, at: int, end: int) -> int:
    while at < end and text[at] in " \n":
        at += 1
    return at
