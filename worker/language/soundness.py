"""What a flow that can be read will surprise its author with: steps that no path reaches, branches on opens."""

from __future__ import annotations

from worker.domain.conditions.tree import Call, Not
from worker.domain.conditions.tree import walk as parts_of
from worker.domain.flows import Flow
from worker.domain.steps import Exit, If, Split, Step, walk
from worker.language.source import Report, Span


def warn(report: Report, flow: Flow) -> None:
    """Report the warnings of a flow."""
    _ends(report, flow.steps)
    for step in walk(flow.steps):
        if isinstance(step, If):
            _warn_of_opens(report, step)


def _ends(report: Report, steps: tuple[Step, ...]) -> bool:
    """Say whether no journey goes on after these steps, and report the first that none comes to."""
    ended_by: Step | None = None
    for step in steps:
        if ended_by is not None:
            message = f"no journey comes to this step: all have ended by line {ended_by.line}"
            report.warning(_line(report, step.line), message)
            return True
        if _each_way_ends(report, step):
            ended_by = step
    return ended_by is not None


def _each_way_ends(report: Report, step: Step) -> bool:
    if isinstance(step, If):
        ends = [_ends(report, step.then), _ends(report, step.otherwise)]
        return all(ends)
    if isinstance(step, Split):
        ends = [_ends(report, branch.steps) for branch in step.branches]
        return all(ends)
    return isinstance(step, Exit)


def _warn_of_opens(report: Report, step: If) -> None:
    """Report a branch on `opened`, unless it is negated, of which the check of conditions tells already."""
    nodes = list(parts_of(step.when.tree))
    opens = [node for node in nodes if isinstance(node, Call) and node.function == "opened"]
    negated = [part for node in nodes if isinstance(node, Not) for part in parts_of(node)]
    if opens and not any(call is part for call in opens for part in negated):
        report.warning(
            _line(report, step.line),
            "a branch on 'opened': many mail programs load pictures by themselves, others never do",
            "ask for clicked(), which only a person does",
        )


def _line(report: Report, number: int) -> Span:
    """Return the span of what stands in a line, counted from 1."""
    line = report.source.line(number - 1)
    indent = len(line) - len(line.lstrip())
    return Span(report.source.offset(number - 1, indent), report.source.offset(number - 1, len(line.rstrip())))
