"""The counts of a flow as its graph says them: lines of figures at each step, none where nothing was counted."""

from __future__ import annotations

from worker.delivery.formats import money, number
from worker.domain.graph_words import GraphWords
from worker.domain.graphs import END, START, FlowGraph, Node
from worker.edges.graph_svg import Figures
from worker.storage.graph_counts import GraphCounts
from worker.storage.standing import StepCounts


def figures_of(graph: FlowGraph, counts: GraphCounts, since: str = "") -> Figures:
    """Return what is written at each node and on each way.

    Parameters:
        since: from when on was counted, as a person reads it; nothing where that is said elsewhere.
    """
    words = GraphWords(graph.language)
    told = {node.key: lines for node in graph.every_node() if (lines := _at(node, counts, words))}
    took = {
        (node.key, way.name): number(count, words.language)
        for node in graph.every_node()
        for way in node.ways
        if (count := counts.took.get((node.step or "", way.name)))
    }
    return Figures(told, took, words("since", when=since) if since else "")


def _at(node: Node, counts: GraphCounts, words: GraphWords) -> tuple[str, ...]:
    if node.key == END:
        return ()
    if node.key == START:
        shown = [
            (counts.entered, "entered"),
            (counts.states.get("control", 0), "control"),
            (counts.states.get("done", 0), "done"),
            (counts.states.get("exited", 0), "exited"),
            (counts.goals, "goals"),
        ]
        return _lines([], shown, words)
    step = node.step or ""
    mine = counts.steps.get(step, StepCounts())
    shown = [(counts.reached.get(step, 0), "reached"), (counts.open_tasks.get(step, 0), "open_tasks")]
    if node.verb == "send":
        shown = [(mine.sent, "sent"), (mine.opened, "opened"), (mine.clicked, "clicked")]
    earned = counts.revenue.get(step) if node.verb == "send" else None
    worth = [money(total, name, words.language) for name, total in sorted(earned.amounts.items())] if earned else []
    told = "" if mine.all_followed else words("followed", count=number(mine.followed, words.language))
    if not mine.all_followed and not mine.followed:
        told = words("none_followed")
    return _lines([(mine.here, "here")], shown, words, told, " + ".join(worth))


def _lines(
    first: list[tuple[int, str]], others: list[tuple[int, str]], words: GraphWords, *last: str
) -> tuple[str, ...]:
    def line(shown: list[tuple[int, str]]) -> str:
        return " · ".join(f"{number(count, words.language)} {words(word)}" for count, word in shown if count)

    told = [f"!{line(first)}" if line(first) else "", line(others), *last]
    return tuple(one for one in told if one)
