"""A flow's graph as a Mermaid flowchart, which GitHub and many editors show where Markdown stands."""

from __future__ import annotations

from collections.abc import Iterator

from worker.domain.graphs import FlowGraph, Node
from worker.edges.graph_svg import NO_FIGURES, Figures

_FORKS = ("if", "choose", "split")
# Colours of each group, on a light and on a dark page alike: fill, stroke and text are all given.
_CLASSES = {
    "start": "fill:#e3ecdf,stroke:#3f6b3a,color:#1f3a1c",
    "mail": "fill:#f6e8dd,stroke:#7a4526,color:#43240f",
    "pause": "fill:#eeebe7,stroke:#8a7d72,color:#2a211b",
    "fork": "fill:#eae7f5,stroke:#5f5496,color:#2d2659",
    "staff": "fill:#dfedf1,stroke:#23697a,color:#0f3742",
    "write": "fill:#f5ecd2,stroke:#80610f,color:#43330a",
    "leave": "fill:#f8e2dd,stroke:#a5321f,color:#5c1a0f",
}
_CLASS_OF = {
    "trigger": "start",
    "emit": "start",
    "webhook": "start",
    "send": "mail",
    "wait": "pause",
    "end": "pause",
    "task": "staff",
    "exit": "leave",
    "suppress": "leave",
} | dict.fromkeys(_FORKS, "fork")
# What Mermaid would read as its own, as the entities that it knows by number or name.
_ENTITIES = {
    "#": "#35;",
    '"': "#quot;",
    "&": "#amp;",
    "<": "#lt;",
    ">": "#gt;",
    "`": "#96;",
    "%": "#37;",
    ";": "#59;",
    "\\": "#92;",
    "|": "#124;",
}


def graph_mermaid(graph: FlowGraph, figures: Figures = NO_FIGURES) -> str:
    """Return the flowchart; nodes are called n0, n1 … in the order of the file."""
    numbers = {node.key: f"n{number}" for number, node in enumerate(graph.every_node())}
    nodes = list(graph.every_node())
    lines = ["flowchart TD", f"  accTitle: {_plain(graph.title)}", f"  accDescr: {_plain(graph.name)}"]
    lines += [f"  {numbers[node.key]}{_shape(node, figures.counts.get(node.key, ()))}" for node in nodes]
    took = {
        (node.key, way.label, way.code): figures.took.get((node.key, way.name), "")
        for node in nodes
        for way in node.ways
    }
    for edge in graph.edges():
        told = [edge.label, edge.code, took.get((edge.source, edge.label, edge.code), "")]
        label = " · ".join(_escaped(one) for one in told if one)
        arrow = f'-->|"{label}"|' if label else "-->"
        lines.append(f"  {numbers[edge.source]} {arrow} {numbers[edge.target]}")
    lines += _painted(nodes, numbers)
    return "\n".join(lines) + "\n"


def _shape(node: Node, counts: tuple[str, ...]) -> str:
    told = [" ".join(one for one in (node.word, _one_line(node.head)) if one)]
    told += [*node.notes, node.code] if node.verb in ("wait", "send") else [node.code, *node.notes]
    told += [count.removeprefix("!") for count in counts]
    label = "<br/>".join(_escaped(one) for one in told if one)
    opening, closing = ("([", "])") if node.verb in ("trigger", "end") else ("{{", "}}") if node.ways else ("[", "]")
    return f'{opening}"{label}"{closing}'


def _painted(nodes: list[Node], numbers: dict[str, str]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for node in nodes:
        groups.setdefault(_CLASS_OF.get(node.verb, "write"), []).append(numbers[node.key])
    for name, members in groups.items():
        yield f"  classDef {name} {_CLASSES[name]}"
        yield f"  class {','.join(members)} {name}"


def _escaped(text: str) -> str:
    """Return a text for a label in quotes."""
    return "".join(_ENTITIES.get(one, one) for one in _plain(text))


def _plain(text: str) -> str:
    """Return a text in one line, without what cannot be seen."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def _one_line(head: str) -> str:
    return " | ".join(head.splitlines())
