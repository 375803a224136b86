"""What a flow that can be read will surprise its author with: what no journey comes to, and what ends none."""

from __future__ import annotations

from worker.domain.conditions.tree import Call, Expression, Node, Not
from worker.domain.conditions.tree import walk as parts_of
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.flows import Flow
from worker.domain.steps import Choose, If, TaskStep, walk
from worker.language.expressions.conditions import UNREADABLE, Conditions
from worker.language.sound.known import Known
from worker.language.sound.reaching import Reaching
from worker.language.yaml.source import Report, Span

_ANY_STEP = Known()  # where any step may have been taken before


def warn(report: Report, flow: Flow, conditions: Conditions, vocabulary: Vocabulary | None) -> None:
    """Report the warnings of a flow; of one with errors too, as far as it could be read."""
    _Warner(report, flow, conditions).warn(vocabulary)


class _Warner:
    def __init__(self, report: Report, flow: Flow, conditions: Conditions) -> None:
        self._report = report
        self._flow = flow
        self._conditions = conditions

    def warn(self, vocabulary: Vocabulary | None) -> None:
        flow = self._flow
        names = frozenset(step.name for step in walk(flow.steps))
        start = Known(ahead=frozenset() if flow.restarts else names)  # one that begins again may have taken any
        if flow.when is not None:
            line = self._line_of(flow.when)
            start = start.learn(flow.when.tree, True, line).later()
            self._constant(flow.when, "nobody ever enters", "everyone enters")
        Reaching(flow, self._tell).ways(flow.steps, start)
        self._exits()
        if flow.goal is not None and flow.goal.when is not None:
            self._constant(flow.goal.when, "the goal is never reached", "it asks nothing of the event")
        for step in walk(flow.steps):
            if isinstance(step, If):
                self._opens(step.when)
            elif isinstance(step, Choose):
                for case in step.cases:
                    self._opens(case.when)
            elif isinstance(step, TaskStep):
                self._task(step, vocabulary)

    def _exits(self) -> None:
        entered = _ANY_STEP
        if self._flow.when is not None:
            entered = entered.learn(self._flow.when.tree, True, self._line_of(self._flow.when))
        for rule in self._flow.exits:
            if rule.when is None:
                continue
            if rule.event is not None:
                self._constant(rule.when, "this exit ends no journey", "it asks nothing of the event")
            elif entered.decide(rule.when.tree) is True:
                message = "this holds for everyone who enters: each journey ends before its first mail"
                self._tell(rule.when, None, message, "an exit asks for what is not yet so at the entry")
            else:
                self._constant(rule.when, "this exit ends no journey", "each journey ends before its first mail")

    def _constant(self, when: Expression, never: str, always: str) -> None:
        found = _ANY_STEP.decide(when.tree)
        if found is not None:
            word = f"always holds, whatever the values are: {always}" if found else f"never holds: {never}"
            self._tell(when, None, f"this {word}", None)

    def _task(self, step: TaskStep, vocabulary: Vocabulary | None) -> None:
        if vocabulary is not None and vocabulary.staff == frozenset() and step.assign is None:
            ends = ", and the journey that waits for it never ends" if step.hold else ""
            message = f"there is nobody in config/staff.yaml who could do this task{ends}"
            self._tell(step.line, None, message, "make config/staff.yaml with the people and their roles")
        elif step.hold and step.due is None and step.close_when is None:
            message = "the journey waits for this task without an end: it has no 'due', so nothing reminds of it"
            self._tell(step.line, None, message, "add for example: due: 2 days, and 'escalate' for whoever is next")

    def _opens(self, when: Expression) -> None:
        """Report a branch on `opened`, unless it is negated, of which the check of conditions tells already."""
        nodes = list(parts_of(when.tree))
        opens = [node for node in nodes if isinstance(node, Call) and node.function == "opened"]
        negated = [part for node in nodes if isinstance(node, Not) for part in parts_of(node)]
        if opens and not any(call is part for call in opens for part in negated):
            message = "a branch on 'opened': many mail programs load pictures by themselves, others never do"
            self._tell(when, opens[0], message, "ask for clicked(), which only a person does")

    def _tell(self, at: Expression | int, node: Node | None, message: str, hint: str | None) -> None:
        if at is UNREADABLE:
            return
        span = self._line(at) if isinstance(at, int) else self._conditions.span_of(at, node)
        if span is not None:
            self._report.warning(span, message, hint)

    def _line_of(self, when: Expression) -> int:
        span = self._conditions.span_of(when)
        return 0 if span is None else self._report.source.place(span).line

    def _line(self, number: int) -> Span:
        """Return the span of what stands in a line, counted from 1."""
        line = self._report.source.line(number - 1)
        indent = len(line) - len(line.lstrip())
        return Span(
            self._report.source.offset(number - 1, indent), self._report.source.offset(number - 1, len(line.rstrip()))
        )
