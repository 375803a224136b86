"""A flow's steps as its author wrote them, one line each, indented: what the flow's page shows.

It is read from the version's own text, so that a verb needs no words here to be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from worker.domain.flows import Flow
from worker.domain.steps import walk
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.plain import plain_value
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.source import Report

_WAYS = ("then", "else")  # options of a step that hold steps
_QUIET = ("name", "subject", "note", "with")  # said elsewhere, or too long for a line
_ENTRY = ("trigger", "when", "once", "again", "exit", "goal", "holdout")
_LONGEST = 160  # characters of a value; the line itself is not cut, it wraps


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the outline.

    Parameters:
        depth: how far it is indented, from 0.
        verb: `send`, `wait` …; empty for a way into a fork.
        text: what follows the verb, and its options.
        step: name of the step, by which it is counted; None for a way into a fork.
    """

    depth: int
    verb: str
    text: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """A flow as written.

    Parameters:
        entry: keys that say who enters, what ends it, what counts as success, each with its values.
    """

    entry: tuple[tuple[str, tuple[str, ...]], ...]
    lines: tuple[Line, ...]


def outline(flow: Flow, source: str) -> Outline:
    """Return a flow's outline.

    Parameters:
        source: the text that the flow was read from.
    """
    report, root = read_nodes(source, f"{flow.name}.yaml")
    if not isinstance(root, Mapping):
        return Outline((), ())
    names = {step.line: step.name for step in walk(flow.steps)}
    found = {entry.key.text: entry.value for entry in root.entries}
    told = tuple((key, tuple(_values(found[key]))) for key in _ENTRY if key in found)
    return Outline(told, tuple(_steps(report, names, found.get("steps"), 0)))


def _values(node: Node) -> Iterator[str]:
    for item in node.items if isinstance(node, Sequence) else (node,):
        yield _cut(_spoken(plain_value(item)))


def _steps(report: Report, names: dict[int, str], node: Node | None, depth: int) -> Iterator[Line]:
    if not isinstance(node, Sequence):
        return
    for item in node.items:
        if isinstance(item, Mapping) and item.entries:
            yield from _step(report, names, item, depth)


def _step(report: Report, names: dict[int, str], item: Mapping, depth: int) -> Iterator[Line]:
    step = names.get(report.source.place(item).line)
    entries = {entry.key.text: entry.value for entry in item.entries}
    verb = next(iter(entries))
    inner = [(key, value) for key, value in entries.items() if key in _WAYS and isinstance(value, Sequence)]
    options = [
        f"{key}: {_spoken(plain_value(value))}"
        for key, value in entries.items()
        if key not in (verb, *_QUIET) and (key, value) not in inner
    ]
    head, ways = _ways(verb, entries[verb])
    yield Line(depth, verb, " · ".join(_cut(part) for part in (head, *options) if part), step)
    for label, steps in ways:
        yield Line(depth + 1, "", label)
        yield from _steps(report, names, steps, depth + 2)
    for label, steps in inner:
        if label == "else":
            yield Line(depth, "", "else")
        yield from _steps(report, names, steps, depth + 1)


def _ways(verb: str, value: Node) -> tuple[str, list[tuple[str, Node | None]]]:
    """Return what stands beside the verb, and the ways that its value itself opens (`split`, `choose`)."""
    if verb == "split" and isinstance(value, Mapping):
        return "", [_way(entry.key.text, entry.value) for entry in value.entries]
    if verb == "choose" and isinstance(value, Sequence):
        return "", [_way("", item) for item in value.items]
    return _spoken(plain_value(value)), []


def _way(label: str, node: Node) -> tuple[str, Node | None]:
    if not isinstance(node, Mapping):
        return label, node if isinstance(node, Sequence) else None
    entries = {entry.key.text: entry.value for entry in node.entries}
    told = [f"{key}: {value.text}" for key, value in entries.items() if isinstance(value, Scalar)]
    steps = next((value for value in entries.values() if isinstance(value, Sequence)), None)
    return " · ".join(part for part in (label, *told) if part), steps


def _spoken(value: Any) -> str:
    """Return a value in one line, as one would read it aloud."""
    if isinstance(value, dict):
        if set(value) <= {"vi", "en"}:
            return next(iter(value.values()), "")
        return ", ".join(f"{key}: {_spoken(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " | ".join(_spoken(inner) for inner in value)
    return " ".join(str(value).split())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
