"""The graph of a flow, told in words: what stands in each node, and how the ways of a fork are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worker.domain.conditions.tree import Expression
from worker.domain.flows import Flow
from worker.domain.graph_words import GraphWords
from worker.domain.graphs import END, START, FlowGraph, Node, Way
from worker.domain.steps import (
    AddToFields,
    Choose,
    Coupon,
    Emit,
    Exit,
    ExitRule,
    If,
    Send,
    SetFields,
    Split,
    Step,
    Suppress,
    Tag,
    TaskStep,
    Untag,
    Values,
    Wait,
    Webhook,
)
from worker.domain.texts import LocalText


def graph_of(flow: Flow, language: str, fallback: str = "vi") -> FlowGraph:
    """Return a flow's graph.

    Parameters:
        language: of its words; texts of the flow that it has not got are those of `fallback`.
    """
    words = GraphWords(language)
    drawing = _Drawing(flow, words, fallback)
    start = Node(START, "trigger", words("trigger"), drawing.triggers(), _code(flow.when), drawing.entry())
    nodes = (start, *(drawing.node(step) for step in flow.steps))
    if all(node.leads_on for node in nodes):
        nodes = (*nodes, Node(END, "end", words("end")))
    title = flow.title.within(words.language, fallback).written
    return FlowGraph(flow.name, title, words.language, nodes, tuple(map(_rule, flow.exits)), drawing.goal())


class _Drawing:
    """Says a flow's steps in words."""

    def __init__(self, flow: Flow, words: GraphWords, fallback: str) -> None:
        self._flow = flow
        self._words = words
        self._fallback = fallback

    def triggers(self) -> str:
        return "\n".join(self._words.trigger(one) for one in self._flow.triggers)

    def entry(self) -> tuple[str, ...]:
        flow, words = self._flow, self._words
        told = [
            words.once(flow.once),
            words("holdout", share=words.share(flow.holdout)) if flow.holdout else "",
            words("restarts") if flow.restarts else "",
        ]
        return tuple(one for one in told if one)

    def goal(self) -> str:
        goal = self._flow.goal
        if goal is None:
            return ""
        told = [goal.event, self._words("within", duration=self._words.duration(goal.within))]
        return " · ".join([*told, *([goal.when.text] if goal.when else [])])

    def node(self, step: Step) -> Node:
        """Return the node of a step, with those of its ways."""
        words = self._words
        verb, head, code, notes = self._said(step)
        ways = tuple(self._ways(step))
        return Node(f"step:{step.name}", verb, words(verb), head, code, notes, step.name, ways)

    def _said(self, step: Step) -> tuple[str, str, str, tuple[str, ...]]:
        """Return verb, head, condition and notes of a step."""
        words = self._words
        match step:
            case Send():
                return "send", step.template, _code(step.when), self._of_send(step)
            case Wait():
                told = [words.duration(step.duration)]
                told += [words.days(step.on)] if step.on else []
                told += [words.time(step.at)] if step.at else []
                return "wait", " · ".join(told), _code(step.until), (words("until"),) if step.until else ()
            case If():
                return "if", "", step.when.text, ()
            case Choose():
                return "choose", words("first"), "", ()
            case Split():
                return "split", words("by_chance"), "", ()
            case TaskStep():
                return "task", self._local(step.title), "", self._of_task(step)
            case Coupon():
                return "coupon", step.coupon, "", self._of_coupon(step)
            case SetFields():
                return "set", _pairs(step.values, " = "), "", ()
            case AddToFields():
                return "add", _pairs(step.values, " + "), "", ()
            case Tag(tags=tags):
                return "tag", ", ".join(tags), "", ()
            case Untag(tags=tags):
                return "untag", ", ".join(tags), "", ()
            case Suppress():
                return "suppress", step.reason, "", ()
            case Emit():
                return "emit", step.event, "", (_pairs(step.values, " = "),) if step.values else ()
            case Webhook():
                return "webhook", step.url, "", (_pairs(step.values, " = "),) if step.values else ()
            case Exit():
                return "exit", step.reason, "", ()
        raise TypeError(f"a step of the kind {type(step).__name__} cannot be drawn")

    def _of_send(self, step: Send) -> tuple[str, ...]:
        words = self._words
        told = [
            words("as", name=step.name) if step.name != step.template else "",
            f"“{self._local(step.subject)}”" if step.subject else "",
            words("to", who=step.to) if step.to else "",
            words("expires", duration=words.duration(step.expires)) if step.expires else "",
            words("send_when") if step.when else "",
        ]
        return tuple(one for one in told if one)

    def _of_task(self, step: TaskStep) -> tuple[str, ...]:
        words = self._words
        rule = step.close_when
        told = [
            words("to", who=step.assign) if step.assign else "",
            words("due", duration=words.duration(step.due)) if step.due else "",
            words("hold") if step.hold else "",
            words("close_when", event=_rule(rule)) if rule else "",
        ]
        return tuple(one for one in told if one)

    def _of_coupon(self, step: Coupon) -> tuple[str, ...]:
        words = self._words
        off = f"{step.percent:f}%" if step.percent is not None else f"{step.amount:,f}" if step.amount else ""
        told = [
            words("off", amount=off) if off else "",
            words("good_for", duration=words.duration(step.expires)) if step.expires else "",
        ]
        return tuple(one for one in told if one)

    def _ways(self, step: Step) -> Iterator[Way]:
        words = self._words
        match step:
            case If():
                yield Way(words("yes"), "then", self._series(step.then))
                yield Way(words("no"), "else", self._series(step.otherwise))
            case Choose():
                for number, case in enumerate(step.cases, 1):
                    yield Way(str(number), f"case {number}", self._series(case.steps), case.when.text)
                yield Way(words("otherwise"), "else", self._series(step.otherwise))
            case Split():
                whole = sum(branch.weight for branch in step.branches) or 1
                for branch in step.branches:
                    share = words.share(branch.weight / whole)
                    yield Way(f"{branch.name} · {share}", branch.name, self._series(branch.steps))

    def _series(self, steps: Sequence[Step]) -> tuple[Node, ...]:
        return tuple(self.node(step) for step in steps)

    def _local(self, text: LocalText) -> str:
        written = text.within(self._words.language, self._fallback).written
        return " ".join(written.split())


def _code(expression: Expression | None) -> str:
    return expression.text if expression is not None else ""


def _rule(rule: ExitRule) -> str:
    return " · ".join(one for one in (rule.event or "", _code(rule.when)) if one)


def _pairs(values: Values, between: str) -> str:
    return ", ".join(f"{name}{between}{text.written}" for name, text in values)
