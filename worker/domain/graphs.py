"""A flow as a graph: its steps as nodes, in words of one language, and the edges between them.

A flow is a series of steps, some of which fork into ways that come together again. So its graph is kept as a tree of
series, which is all that is needed to lay it out; `edges` tells the same as pairs of nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

START, END = "start", "end"  # keys of the first and the last node; a step's is `step:` and its name


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Parameters:
        key: unique in the graph.
        verb: `trigger`, a step's verb, or `end`.
        word: the verb in the graph's language.
        head: what it does, in a few words: a template, a duration, a title; of several triggers, a line for each.
        code: a condition that belongs to it, as written, or nothing.
        notes: its options, each in a few words.
        step: the step's name; None for start and end.
        ways: those that it forks into.
    """

    key: str
    verb: str
    word: str
    head: str = ""
    code: str = ""
    notes: tuple[str, ...] = ()
    step: str | None = None
    ways: tuple[Way, ...] = ()

    @property
    def leads_on(self) -> bool:
        """Whether anything can come after it."""
        if self.verb == "exit":
            return False
        return not self.ways or any(way.leads_on for way in self.ways)


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a fork.

    Parameters:
        label: `yes`, a branch's name with its share …
        code: the condition by which it is taken, where it has one of its own.
        name: as a trace calls it: `then`, `else`, `case 1`, a branch's name.
        nodes: none where it leads straight on.
    """

    label: str
    name: str
    nodes: tuple[Node, ...]
    code: str = ""

    @property
    def leads_on(self) -> bool:
        """Whether whoever takes it comes to what follows the fork."""
        return all(node.leads_on for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Edge:
    """From one node to the next, by keys, with the way's label and condition where a fork chose it."""

    source: str
    target: str
    label: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """A flow's graph.

    Parameters:
        nodes: from start to end, the end only where it can be reached.
        endings: what ends a journey early, each in a few words.
        goal: what counts as success, or nothing.
    """

    name: str
    title: str
    language: str
    nodes: tuple[Node, ...]
    endings: tuple[str, ...] = ()
    goal: str = ""

    def every_node(self) -> Iterator[Node]:
        """Yield all nodes, those of ways too, in the order of the file."""
        yield from _every(self.nodes)

    def edges(self) -> tuple[Edge, ...]:
        """Return all edges, in the order of the file."""
        found: list[Edge] = []
        _join(self.nodes, [], found)
        return tuple(found)


def _every(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        for way in node.ways:
            yield from _every(way.nodes)


def _join(nodes: Sequence[Node], loose: list[Edge], found: list[Edge]) -> list[Edge]:
    """Join a series of nodes to the loose ends before it; returns its own loose ends, with no target yet."""
    for node in nodes:
        found += [Edge(end.source, node.key, end.label, end.code) for end in loose]
        if node.ways:
            loose = []
            for way in node.ways:
                loose += _join(way.nodes, [Edge(node.key, "", way.label, way.code)], found)
        else:
            loose = [Edge(node.key, "")] if node.leads_on else []
    return loose
