"""The boxes of a graph: what stands in each, line by line, and how large it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.domain.graphs import FlowGraph, Node, Way
from worker.edges.graph_measure import CODE, HEAD, LABEL, NOTE, WORD, Font, width_of, wrapped

WIDTH = 270  # of a box
PADDING = 12
ICON = 26
_LEFT = PADDING + ICON + 11  # where the texts begin
_TEXT = WIDTH - _LEFT - PADDING
_WIDEST_CODE = 30  # characters of a condition's line on a way

Counts = Mapping[str, tuple[str, ...]]
"""Lines of figures by the key of a node; the first is of those who are there now where it begins with `!`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: its place is that of its baseline, in the box."""

    text: str
    font: Font
    x: float
    y: float
    kind: str  # its class


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its lines, measured."""

    node: Node
    lines: tuple[Line, ...]
    width: float
    height: float
    rule: float | None = None  # where a thin line parts what it does from its figures


@dataclass(frozen=True, slots=True)
class Pill:
    """What stands at the beginning of a way."""

    label: tuple[str, ...]
    code: tuple[str, ...]
    width: float
    height: float


def box_of(node: Node, figures: tuple[str, ...] = ()) -> Box:
    """Measure a node.

    Parameters:
        figures: lines of counts, written at its foot.
    """
    if node.verb == "end":
        width = width_of(node.word, LABEL) + 36
        return Box(node, (Line(node.word, LABEL, width / 2, 18, "middle"),), width, 27)
    lines: list[Line] = []
    y = PADDING - 3.0
    told = [(node.word, WORD, "word")]
    told += [(line, HEAD, "head") for one in node.head.splitlines() for line in wrapped(one, HEAD, _TEXT)]
    middle = [(line, NOTE, "note") for note in node.notes for line in wrapped(note, NOTE, _TEXT, 3)]
    code = [(line, CODE, "code") for line in wrapped(node.code, CODE, _TEXT)]
    told += middle + code if node.verb in ("wait", "send") else code + middle
    for text, font, kind in told:
        y += font.line
        lines.append(Line(text, font, _LEFT, y - font.size * 0.22, kind))
    rule = None
    if figures:
        y = max(y, PADDING + ICON) + 8
        rule = y
        y += 3
        for figure in figures:
            for line in wrapped(figure.removeprefix("!"), NOTE, WIDTH - 2 * PADDING, 2):
                y += NOTE.line
                kind = "here" if figure.startswith("!") else "figure"
                lines.append(Line(line, NOTE, PADDING, y - NOTE.size * 0.22, kind))
    return Box(node, tuple(lines), WIDTH, max(y, PADDING + ICON) + PADDING - 2, rule)


def pill_of(way: Way, figure: str = "") -> Pill:
    """Measure what stands at the beginning of a way.

    Parameters:
        figure: how many took it, or nothing.
    """
    label = (f"{way.label} · {figure}" if figure else way.label,)
    code = tuple(wrapped(way.code, CODE, _WIDEST_CODE * CODE.size * 0.61, 4)) if way.code else ()
    widths = [*(width_of(one, LABEL) for one in label), *(width_of(one, CODE) for one in code)]
    height = len(label) * LABEL.line + len(code) * CODE.line + 6
    return Pill(label, code, max(widths) + 20, height)


def panel_of(graph: FlowGraph, ends_early: str, goal: str) -> Box | None:
    """Measure what stands beside the start: what ends a journey early, and its goal; None where there is neither.

    Parameters:
        ends_early, goal: how the two are called.
    """
    width = WIDTH - 2 * PADDING
    told: list[tuple[str, Font, str]] = []
    for title, values in ((ends_early, graph.endings), (goal, (graph.goal,) if graph.goal else ())):
        if values:
            told.append((title, WORD, "word"))
            told += [(line, CODE, "code") for value in values for line in wrapped(value, CODE, width, 4)]
    if not told:
        return None
    lines: list[Line] = []
    y = PADDING - 3.0
    for text, font, kind in told:
        y += font.line + (6 if kind == "word" and lines else 0)
        lines.append(Line(text, font, PADDING, y - font.size * 0.22, kind))
    return Box(Node("panel", "panel", ""), tuple(lines), WIDTH, y + PADDING - 2)
