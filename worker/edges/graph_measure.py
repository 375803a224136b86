"""How much room the texts of a graph take: measured without a browser, a little generously, and wrapped."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MONO = 0.61  # widths of the usual monospace fonts, of the size
_NARROW = frozenset("iíìỉĩịjlrtfI.,:;'’‘|!()[]{}/\\ ·-“”\"*")
_WIDE = frozenset("mwMWOQ@%—…≥≤")
_HELD = re.compile(r"\{\{.*?\}\}|\w+(?:\.\w+)+|\d[\d_]*")  # a value, a name, a number: together where they fit
_BREAKABLE = re.compile(r"[^\s_./,()=·|-]+[_./,()=·|-]*|[_./,()=·|-]+|\s+")
MOST_LINES = 6  # of one text; a longer one is cut, and stands whole in the flow's file


@dataclass(frozen=True, slots=True)
class Font:
    """A font of the picture.

    Parameters:
        name: the class of its texts.
        size: pixels.
        line: pixels from one line to the next.
        factor: how much wider than usual.
    """

    name: str
    size: float
    line: float
    factor: float = 1.0
    mono: bool = False


HEAD = Font("head", 14, 19, 1.08)
CODE = Font("code", 12, 17, mono=True)
NOTE = Font("note", 12, 17)
WORD = Font("word", 11, 15, 1.12)
LABEL = Font("label", 12, 16, 1.08)


def width_of(text: str, font: Font) -> float:
    """Return the width of a text in pixels, at least what common fonts need."""
    if font.mono:
        return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text) * MONO * font.size
    units = 0.0
    for one in unicodedata.normalize("NFC", text):
        if unicodedata.combining(one):
            continue
        if one in _NARROW:
            units += 0.36
        elif one in _WIDE or unicodedata.east_asian_width(one) in "WF":
            units += 0.98
        elif one.isupper():
            units += 0.72
        else:
            units += 0.59
    return units * font.size * font.factor


def wrapped(text: str, font: Font, width: float, most: int = MOST_LINES) -> list[str]:
    """Return a text in lines that fit; one that needs more than `most` ends with an ellipsis."""
    lines: list[str] = [""]
    for piece in _pieces(text, font, width):
        if width_of((lines[-1] + piece).rstrip(), font) <= width or not lines[-1].strip():
            lines[-1] += piece
        else:
            lines[-1] = lines[-1].rstrip()
            lines.append(piece.lstrip())
    found = [line.strip() for line in lines if line.strip()]
    if len(found) <= most:
        return found
    last = found[most - 1]
    while width_of(f"{last}…", font) > width:
        last = last[:-1]
    return [*found[: most - 1], f"{last.rstrip()}…"]


def _pieces(text: str, font: Font, width: float) -> Iterator[str]:
    """Yield what may not be broken; a piece that is wider than a line is broken all the same."""
    for piece in _words(" ".join(text.split()), font, width):
        while width_of(piece, font) > width:
            end = next(end for end in range(len(piece), 0, -1) if width_of(piece[:end], font) <= width or end == 1)
            yield piece[:end]
            piece = piece[end:]
        yield piece


def _words(text: str, font: Font, width: float) -> Iterator[str]:
    """Yield the pieces between which a line may end."""
    at = 0
    for held in _HELD.finditer(text):
        if width_of(held.group(), font) <= width:
            yield from _BREAKABLE.findall(text[at : held.start()])
            yield held.group()
            at = held.end()
    yield from _BREAKABLE.findall(text[at:])
