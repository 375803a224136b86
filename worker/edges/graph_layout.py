"""Where everything of a graph stands: a series runs down, a fork's ways beside each other, until they meet again.

A flow is made of series and forks only, so each part is laid out by itself and put into the one around it. Each has an
axis: the line on which one comes in at its top and goes on at its bottom. What most customers follow stays on one
axis: a way that leads out of the flow stands beside its fork, and a way on which nothing happens is a line around the
other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.domain.graphs import START, FlowGraph, Node, Way
from worker.edges.graph_boxes import Box, Counts, Pill, box_of, panel_of, pill_of

_GAP = 30.0  # between two boxes of a series
_BESIDE = 34.0  # between two ways
_SHORT = 14.0  # a line's least length
_MARGIN = 16.0

Point = tuple[float, float]


@dataclass(slots=True)
class Picture:
    """What is to be drawn, with places in pixels from the upper left corner.

    Parameters:
        lines: each with whether it ends in an arrow.
        boxes, pills: each with the place of its upper left corner.
    """

    width: float = 0.0
    height: float = 0.0
    lines: list[tuple[tuple[Point, ...], bool]] = field(default_factory=list)
    boxes: list[tuple[Box, Point]] = field(default_factory=list)
    pills: list[tuple[Pill, Point]] = field(default_factory=list)

    def line(self, *points: Point, arrow: bool = False) -> None:
        """Draw a line through some points."""
        if len(set(points)) > 1:
            self.lines.append((points, arrow))

    def pill(self, pill: Pill, x: float, y: float) -> None:
        """Draw a way's beginning, its middle at x."""
        self.pills.append((pill, (x - pill.width / 2, y)))


class _Part(ABC):
    """A part of the picture.

    Parameters:
        left, right: how far it reaches to both sides of its axis.
        height: from where one comes in to where one goes on.
        overhang: how far what stands beside it reaches below its foot.
        leads_on: whether anybody goes on.
        first: how far beneath its top the middle of its first box is, and how far that box reaches to the left.
    """

    left = 0.0
    right = 0.0
    height = 0.0
    overhang = 0.0
    leads_on = True
    first: Point = (0.0, 0.0)

    @abstractmethod
    def draw(self, picture: Picture, x: float, y: float) -> None:
        """Draw it with its axis at x and its top at y."""


class _Single(_Part):
    """One box."""

    def __init__(self, box: Box, panel: Box | None = None) -> None:
        self.box = box
        self.panel = panel
        self.left = self.right = box.width / 2
        self.height = box.height
        if panel is not None:
            self.overhang = max(0.0, panel.height - box.height)
        self.leads_on = box.node.leads_on
        self.first = (box.width / 2, box.height / 2)

    def draw(self, picture: Picture, x: float, y: float) -> None:
        picture.boxes.append((self.box, (x - self.box.width / 2, y)))
        if self.panel is not None:
            picture.boxes.append((self.panel, (x + self.box.width / 2 + _BESIDE, y)))


class _Series(_Part):
    """Parts one after the other."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self.parts = parts
        self.left = max((part.left for part in parts), default=0.0)
        self.right = max((part.right for part in parts), default=0.0)
        self.height = sum(part.height for part in parts) + _GAP * max(0, len(parts) - 1)
        self.lower = self._lower()  # by how much what follows the first part is moved down
        self.height += self.lower
        self.leads_on = all(part.leads_on for part in parts)
        self.first = parts[0].first if parts else (0.0, 0.0)

    def _lower(self) -> float:
        """Return what is missing for what hangs beside the first part to end above what stands in its way."""
        if not self.parts or not self.parts[0].overhang:
            return 0.0
        room, free = _GAP / 2, self.parts[0].right + _BESIDE / 2
        for part in self.parts[1:]:
            if part.right > free:
                break
            room += part.height + _GAP
        return max(0.0, self.parts[0].overhang - room)

    def draw(self, picture: Picture, x: float, y: float) -> None:
        for number, part in enumerate(self.parts):
            part.draw(picture, x, y)
            y += part.height
            if number == 0:
                picture.line((x, y), (x, y + self.lower))
                y += self.lower
            if number + 1 < len(self.parts):
                if part.leads_on:
                    picture.line((x, y), (x, y + _GAP), arrow=True)
                y += _GAP


class _Guarded(_Part):
    """A fork of which one way leads out: it stands beside the fork, and the other goes on beneath."""

    def __init__(self, box: Box, out: tuple[Pill, _Series], on: tuple[Pill, _Series]) -> None:
        self.box, self.out, self.on = box, out, on
        pill, series = out
        self.reach = pill.width + 2 * _SHORT
        half = box.width / 2
        first_left, first_middle = series.first
        self.middle = max(box.height / 2, first_middle)
        # beneath its own row the way may reach further to the left, but never under the fork
        aside = max(half, on[0].width / 2) + _SHORT
        self.out_axis = max(half + self.reach + first_left, aside + series.left)
        row = max(self.middle + box.height / 2, self.middle - first_middle + series.height)
        on_pill, on_series = on
        below = _SHORT + on_pill.height + (_GAP + on_series.height if on_series.parts else 0.0)
        self.row = row
        self.height = row + below
        self.left = max(half, on_series.left, on_pill.width / 2)
        self.right = max(self.out_axis + series.right, on_series.right)
        self.leads_on = on_series.leads_on
        self.first = (half, self.middle)

    def draw(self, picture: Picture, x: float, y: float) -> None:
        half, (pill, series), (on_pill, on_series) = self.box.width / 2, self.out, self.on
        top = y + self.middle - self.box.height / 2
        picture.line((x, y), (x, top))
        picture.boxes.append((self.box, (x - half, top)))
        middle = y + self.middle
        target = x + self.out_axis - series.first[0]
        picture.line((x + half, middle), (target, middle), arrow=True)
        picture.pill(pill, (x + half + target) / 2, middle - pill.height / 2)
        series.draw(picture, x + self.out_axis, middle - series.first[1])
        at, beneath = top + self.box.height + _SHORT, y + self.row + _SHORT + on_pill.height
        picture.line((x, top + self.box.height), (x, at))
        picture.pill(on_pill, x, at)
        picture.line((x, at + on_pill.height), (x, beneath))
        if on_series.parts:
            picture.line((x, beneath), (x, beneath + _GAP), arrow=True)
            on_series.draw(picture, x, beneath + _GAP)


class _Around(_Part):
    """A fork of which one way does nothing: it is a line around the other."""

    def __init__(self, box: Box, on: tuple[Pill, _Series], around: Pill) -> None:
        self.box, self.on, self.around = box, on, around
        pill, series = on
        half = box.width / 2
        self.line_at = max(half + around.width + 2 * _SHORT, series.right + _BESIDE / 2 + 4, pill.width / 2 + _BESIDE)
        self.left = max(half, series.left)
        self.right = self.line_at + 2
        self.height = box.height + _SHORT + pill.height + _GAP + series.height + _GAP * 0.8
        self.first = (half, box.height / 2)

    def draw(self, picture: Picture, x: float, y: float) -> None:
        half, (pill, series) = self.box.width / 2, self.on
        picture.boxes.append((self.box, (x - half, y)))
        middle, foot, side = y + self.box.height / 2, y + self.height, x + self.line_at
        picture.line((x + half, middle), (side, middle), (side, foot), (x, foot))
        picture.pill(self.around, x + half + _SHORT + self.around.width / 2, middle - self.around.height / 2)
        at = y + self.box.height + _SHORT
        picture.line((x, y + self.box.height), (x, at))
        picture.pill(pill, x, at)
        picture.line((x, at + pill.height), (x, at + pill.height + _GAP), arrow=True)
        top = at + pill.height + _GAP
        series.draw(picture, x, top)
        picture.line((x, top + series.height), (x, foot))


class _Fan(_Part):
    """A fork whose ways stand beside each other beneath it."""

    def __init__(self, box: Box, ways: Sequence[tuple[Pill, _Series]]) -> None:
        self.box, self.ways = box, ways
        self.axes: list[float] = []
        edge = 0.0
        for pill, series in ways:
            left, right = max(series.left, pill.width / 2), max(series.right, pill.width / 2)
            self.axes.append(edge + left)
            edge += left + right + _BESIDE
        middle = (self.axes[0] + self.axes[-1]) / 2
        self.axes = [axis - middle for axis in self.axes]
        self.tallest = max(pill.height + (_GAP + series.height if series.parts else 0.0) for pill, series in ways)
        self.leads_on = any(series.leads_on for _, series in ways)
        self.head = box.height + _SHORT * 2
        self.height = self.head + self.tallest + (_SHORT if self.leads_on else 0.0)
        self.left = max(box.width / 2, middle)
        self.right = max(box.width / 2, edge - _BESIDE - middle)
        self.first = (box.width / 2, box.height / 2)

    def draw(self, picture: Picture, x: float, y: float) -> None:
        picture.boxes.append((self.box, (x - self.box.width / 2, y)))
        bus, foot = y + self.box.height + _SHORT, y + self.height
        picture.line((x, y + self.box.height), (x, bus))
        for axis, (pill, series) in zip(self.axes, self.ways, strict=True):
            at, top = x + axis, y + self.head
            picture.line((x, bus), (at, bus), (at, top))
            picture.pill(pill, at, top)
            end = top + pill.height
            if series.parts:
                picture.line((at, end), (at, end + _GAP), arrow=True)
                series.draw(picture, at, end + _GAP)
                end += _GAP + series.height
            if series.leads_on:
                picture.line((at, end), (at, foot), (x, foot))


def laid_out(graph: FlowGraph, counts: Counts, took: Mapping[tuple[str, str], str], panel: tuple[str, str]) -> Picture:
    """Return the picture of a graph.

    Parameters:
        counts: lines of figures by the key of a node.
        took: how many took a way, by the key of its fork and its name.
        panel: how early endings and the goal are called.
    """
    beside = panel_of(graph, *panel)

    def part(node: Node) -> _Part:
        box = box_of(node, counts.get(node.key, ()))
        if not node.ways:
            return _Single(box, beside if node.key == START else None)
        ways = [(pill_of(way, took.get((node.key, way.name), "")), series(way.nodes)) for way in node.ways]
        return _fork(box, node.ways, ways)

    def series(nodes: Sequence[Node]) -> _Series:
        return _Series([part(node) for node in nodes])

    whole = series(graph.nodes)
    right = whole.right
    if beside is not None:
        right = max(right, whole.parts[0].right + _BESIDE + beside.width)
    picture = Picture(whole.left + right + 2 * _MARGIN, whole.height + 2 * _MARGIN)
    whole.draw(picture, whole.left + _MARGIN, _MARGIN)
    return picture


def _fork(box: Box, ways: Sequence[Way], parts: Sequence[tuple[Pill, _Series]]) -> _Part:
    """Choose how a fork is laid out."""
    plain = len(ways) == 2 and not any(way.code for way in ways)
    outs = [number for number, way in enumerate(ways) if not way.leads_on]
    idle = [number for number, way in enumerate(ways) if not way.nodes]
    if plain and len(outs) == 1:
        return _Guarded(box, parts[outs[0]], parts[1 - outs[0]])
    if plain and len(idle) == 1:
        return _Around(box, parts[1 - idle[0]], parts[idle[0]][0])
    return _Fan(box, parts)
