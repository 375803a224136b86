"""Circles of flows: events that flows bring forth and that start them again, told before they go round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from worker.domain.errors import Problem, Severity
from worker.domain.flows import Flow, FlowStatus, OnceKind
from worker.domain.matching import CIRCLES, listening, usual_once
from worker.domain.steps import Emit, walk
from worker.language.yaml.files import one_form
from worker.language.yaml.source import Source, Span

_AGAIN = frozenset(
    {OnceKind.EVENT, OnceKind.ORDER, OnceKind.EACH}
)  # a customer may enter often, one right after another


def circles(files: Sequence[tuple[Flow, str, str]]) -> list[Problem]:
    """Return a warning for each circle of flows, at the step `emit` that closes it.

    A flow that each customer enters once, or once in a year, ends a circle; a draft is in none.

    Parameters:
        files: flows, each with its text and its file as it is called in problems.
    """
    known = {flow.name: (flow, text, file) for flow, text, file in files if flow.status is not FlowStatus.DRAFT}
    emits = {name: _emits(flow) for name, (flow, _, _) in known.items()}
    listeners: dict[str, list[str]] = {}
    for event in {step.event for steps in emits.values() for step in steps}:
        listeners[event] = [name for name, (flow, _, _) in known.items() if _enters_again(flow, event)]
    starts = {
        name: list(dict.fromkeys(other for step in steps for other in listeners[step.event]))
        for name, steps in emits.items()
    }
    problems: list[Problem] = []
    for group in _circular(starts):
        way = _shortest(starts, min(group), frozenset(group))
        last = known[way[-1]]
        step = next(step for step in emits[way[-1]] if way[0] in listeners[step.event])
        problems.append(_told(way, step, last[1], last[2]))
    return problems


def _emits(flow: Flow) -> list[Emit]:
    return [step for step in walk(flow.steps) if isinstance(step, Emit)]


def _enters_again(flow: Flow, event: str) -> bool:
    trigger = listening(flow, event)
    if trigger is None:
        return False
    kind = usual_once(trigger) if flow.once.kind is OnceKind.EACH else flow.once.kind
    return kind in _AGAIN


def _told(way: list[str], step: Emit, text: str, file: str) -> Problem:
    source = Source(file, one_form(text))
    line = source.line(step.line - 1)
    span = Span(source.offset(step.line - 1, len(line) - len(line.lstrip())), source.offset(step.line - 1, len(line)))
    if len(way) == 1:
        message = f"'{step.event}' starts this flow again, and so on in a circle"
    else:
        message = f"these flows start each other in a circle: {' → '.join([*way, way[0]])}"
    hint = f"Phin ends it when a flow has come round {CIRCLES} times; end it by 'when' or 'once', if it does not end"
    return source.problem(span, message, hint, Severity.WARNING)


def _circular(starts: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of flows of which each leads to each (Tarjan, 1972), and flows that lead to themselves."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    standing: set[str] = set()
    found: list[list[str]] = []
    for root in starts:
        if root in index:
            continue
        work = [(root, iter(starts[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        standing.add(root)
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    group, stack[at:] = stack[at:], []
                    standing.difference_update(group)
                    if len(group) > 1 or node in starts[node]:
                        found.append(group)
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                standing.add(following)
                work.append((following, iter(starts[following])))
            elif following in standing:
                low[node] = min(low[node], index[following])
    return found


def _shortest(starts: Mapping[str, Iterable[str]], first: str, group: frozenset[str]) -> list[str]:
    """Return the shortest way from a flow of a circular group back to it."""
    ways = [[first]]
    seen = {first}
    for way in ways:  # grows while it is read
        for following in starts[way[-1]]:
            if following == first:
                return way
            if following in group and following not in seen:
                seen.add(following)
                ways.append([*way, following])
    raise AssertionError("each flow of a circular group leads back to itself")
