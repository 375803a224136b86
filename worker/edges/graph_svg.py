"""A flow's graph as SVG: for a page, which brings the style, or as a file that brings its own, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from worker.domain.graph_words import GraphWords
from worker.domain.graphs import FlowGraph
from worker.edges.graph_boxes import ICON, PADDING, Box, Counts, Pill
from worker.edges.graph_icons import ICONS
from worker.edges.graph_layout import Picture, Point, laid_out
from worker.edges.graph_measure import CODE, LABEL

_PAGES = Path(__file__).parent / "web" / "pages"
_STYLES = ("palette.css", "graph.css")
_TIP = 5.0  # pixels of an arrow's tip


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted in a graph, in words.

    Parameters:
        counts: lines by the key of a node.
        took: how many took a way, by the key of its fork and its name.
        note: what they mean, or nothing.
    """

    counts: Counts = field(default_factory=dict)
    took: Mapping[tuple[str, str], str] = field(default_factory=dict)
    note: str = ""


NO_FIGURES = Figures()


def graph_svg(graph: FlowGraph, figures: Figures = NO_FIGURES, *, whole: bool = True) -> str:
    """Return the picture.

    Parameters:
        whole: as a file of its own, with its style; else for a page that has it.
    """
    words = GraphWords(graph.language)
    picture = laid_out(graph, figures.counts, figures.took, (words("ends_early"), words("goal")))
    width, height = round(picture.width), round(picture.height)
    told = words("picture", name=graph.name) + (f"; {figures.note}" if figures.note else "")
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="graph-title graph-desc" lang="{graph.language}">'
    )
    parts = [
        opening,
        f'<title id="graph-title">{_text(graph.title)}</title>',
        f'<desc id="graph-desc">{_text(told)}: {_text(_in_words(graph))}</desc>',
    ]
    if whole:
        style = "".join((_PAGES / name).read_text(encoding="utf-8") for name in _STYLES)
        parts.append(f"<style>{style}</style>")
        parts.append(f'<rect width="{width}" height="{height}" fill="var(--ground)"/>')
    parts += _drawn(picture)
    parts.append("</svg>\n")
    return "\n".join(parts)


def _drawn(picture: Picture) -> Iterator[str]:
    for points, arrow in picture.lines:
        yield from _wire(points, arrow=arrow)
    for pill, at in picture.pills:
        yield from _pill(pill, at)
    for box, at in picture.boxes:
        yield from _box(box, at)


def _wire(points: tuple[Point, ...], *, arrow: bool) -> Iterator[str]:
    x, y = points[-1]
    before_x, before_y = points[-2]
    if arrow:
        if x == before_x:
            tip = f"M{_n(x)} {_n(y)}l-{_n(_TIP)} -{_n(_TIP * 1.5)}h{_n(2 * _TIP)}z"
            points = (*points[:-1], (x, y - _TIP))
        else:
            tip = f"M{_n(x)} {_n(y)}l-{_n(_TIP * 1.5)} -{_n(_TIP)}v{_n(2 * _TIP)}z"
            points = (*points[:-1], (x - _TIP, before_y))
        yield f'<path class="tip" d="{tip}"/>'
    path = "L".join(f"{_n(one)} {_n(other)}" for one, other in points)
    yield f'<path class="wire" d="M{path}"/>'


def _pill(pill: Pill, at: Point) -> Iterator[str]:
    x, y = at
    yield f'<g class="pill" transform="translate({_n(x)} {_n(y)})">'
    yield f'<rect width="{_n(pill.width)}" height="{_n(pill.height)}" rx="{_n(min(11, pill.height / 2))}"/>'
    down = 3.0
    for text in pill.label:
        down += LABEL.line
        yield f'<text class="label" x="{_n(pill.width / 2)}" y="{_n(down - 4)}">{_text(text)}</text>'
    for text in pill.code:
        down += CODE.line
        yield f'<text class="code" x="{_n(pill.width / 2)}" y="{_n(down - 4)}">{_text(text)}</text>'
    yield "</g>"


def _box(box: Box, at: Point) -> Iterator[str]:
    x, y = at
    verb = box.node.verb
    yield f'<g class="box {verb}" transform="translate({_n(x)} {_n(y)})">'
    round_ = box.height / 2 if verb == "end" else 12
    yield f'<rect class="card" width="{_n(box.width)}" height="{_n(box.height)}" rx="{_n(round_)}"/>'
    if verb in ICONS:
        yield f'<rect class="sign" x="{PADDING}" y="{PADDING}" width="{ICON}" height="{ICON}" rx="8"/>'
        inset = PADDING + (ICON - 20) / 2
        yield f'<path class="icon" transform="translate({_n(inset)} {_n(inset)})" d="{ICONS[verb]}"/>'
    if box.rule is not None:
        right = _n(box.width - PADDING)
        yield f'<path class="rule" d="M{PADDING} {_n(box.rule)}H{right}"/>'
    for line in box.lines:
        yield f'<text class="{line.kind}" x="{_n(line.x)}" y="{_n(line.y)}">{_text(line.text)}</text>'
    yield "</g>"


def _in_words(graph: FlowGraph) -> str:
    """Return the steps in one sentence, for whoever hears the picture."""
    told = ((node.word, " | ".join(node.head.splitlines()) or node.code) for node in graph.every_node())
    return ", ".join(" ".join(part for part in parts if part) for parts in told)


def _n(number: float) -> str:
    """Write a number with no more digits than the eye sees."""
    return f"{number:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    """Return a text as XML may hold it."""
    return escape("".join(one for one in text if one.isprintable()), quote=True)
