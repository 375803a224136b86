"""A small bar chart, one bar an hour, as coordinates for an inline SVG: no script, no style of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 112  # of the picture's own units
_ROOM = 18  # above the highest bar, for its number
_GAP = 4
_LEAST = 3  # what is not nothing can be seen
_FEW = 8  # what the highest bar stands for at least, so that a single mail is no tower


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its place, and what it stands for."""

    x: float
    y: int
    width: float
    height: int
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Peak:
    """The number that stands above the highest bar: the middle of its foot."""

    x: float
    y: int
    count: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, the hours that are written beneath some of them, and the number above the highest."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    marks: tuple[tuple[float, str], ...]
    peak: Peak | None


def chart(counts: Sequence[int], labels: Sequence[str], every: int = 6) -> Chart:
    """Return the chart of some counts.

    Parameters:
        labels: one for each count.
        every: how many bars there are from one written label to the next.
    """
    highest = max([*counts, _FEW])
    step = WIDTH / max(len(counts), 1)
    bars = []
    for number, (count, label) in enumerate(zip(counts, labels, strict=True)):
        height = max(_LEAST, round((HEIGHT - _ROOM) * count / highest)) if count else 0
        place = number * step + _GAP / 2
        bars.append(Bar(round(place, 1), HEIGHT - height, round(step - _GAP, 1), round(height, 1), label, count))
    marks = tuple((round(number * step + _GAP / 2, 1), labels[number]) for number in range(0, len(counts), every))
    tallest = max(bars, key=lambda bar: bar.count, default=None)
    peak = Peak(round(tallest.x + tallest.width / 2, 1), tallest.y - 5, tallest.count) if tallest else None
    return Chart(WIDTH, HEIGHT, tuple(bars), marks, peak)
