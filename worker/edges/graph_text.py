"""A flow's graph for a terminal: a line a step, what is in a way set in beneath its fork, figures behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from worker.domain.graph_words import GraphWords
from worker.domain.graphs import FlowGraph, Node
from worker.edges.graph_svg import NO_FIGURES, Figures

_COLOURS = {
    "trigger": "green",
    "send": "yellow",
    "task": "cyan",
    "if": "magenta",
    "choose": "magenta",
    "split": "magenta",
    "exit": "red",
    "suppress": "red",
    "emit": "green",
    "webhook": "green",
}


def graph_text(graph: FlowGraph, figures: Figures = NO_FIGURES) -> Iterator[Text]:
    """Yield the lines."""
    words = GraphWords(graph.language)
    yield Text.assemble((graph.title, "bold"), (f"  {graph.name}", "dim"))
    if figures.note:
        yield Text(figures.note, "dim")
    for told, values in ((words("ends_early"), graph.endings), (words("goal"), (graph.goal,) if graph.goal else ())):
        for value in values:
            yield Text.assemble((f"{told}: ", "dim"), value)
    yield Text("")
    yield from _series(graph.nodes, figures, "")


def _series(nodes: Sequence[Node], figures: Figures, before: str) -> Iterator[Text]:
    for number, node in enumerate(nodes):
        last = number + 1 == len(nodes)
        yield _line(node, figures, before + ("└─ " if last else "├─ "))
        inside = before + ("   " if last else "│  ")
        for place, way in enumerate(node.ways):
            last_way = place + 1 == len(node.ways)
            took = figures.took.get((node.key, way.name), "")
            told = " · ".join(one for one in (way.label, way.code, took) if one)
            yield Text.assemble((inside + ("╰ " if last_way else "├ "), "dim"), (told, "italic"))
            yield from _series(way.nodes, figures, inside + ("  " if last_way else "│ "))


def _line(node: Node, figures: Figures, before: str) -> Text:
    said = [_one_line(node.head), node.code, *node.notes]
    if node.verb in ("wait", "send") and node.code:  # whose last note leads on to it
        *others, leads = node.notes
        said = [_one_line(node.head), *others, f"{leads} {node.code}"]
    line = Text.assemble((before, "dim"), (node.word, _COLOURS.get(node.verb, "blue")))
    told = " · ".join(one for one in said if one)
    if told:
        line.append(f" {told}")
    for figure in figures.counts.get(node.key, ()):
        line.append("  ")
        line.append(figure.removeprefix("!"), "bold green" if figure.startswith("!") else "dim")
    return line


def _one_line(head: str) -> str:
    return " | ".join(head.splitlines())
