"""The steps that lead different ways: `if`, `choose`, `split`."""

from __future__ import annotations

from typing import Protocol

from worker.domain.conditions.tree import Expression
from worker.domain.conditions.vocabulary import Scope
from worker.domain.steps import Branch, Case, Choose, Exit, If, Split, Step, ways_of
from worker.language.expressions.conditions import UNREADABLE, Conditions
from worker.language.flow.made import Made, Ways
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.scalars import is_name, weight
from worker.language.yaml.source import Report

OPTIONS: dict[str, tuple[str, ...]] = {
    "if": ("if", "name", "then", "else"),
    "choose": ("choose", "name", "else"),
    "split": ("split", "name"),
}
CASE = ("when", "then")
BRANCH = ("weight", "then")


class Steps(Protocol):
    """Reads a list of steps."""

    def __call__(self, node: Node, what: str, *, may_be_empty: bool = False) -> tuple[Step, ...]:
        """Read the list; `what` is how it is called in problems."""


class ForkReader:
    """Reads forks.

    Parameters:
        scope: what conditions may name.
        made: knows which coupons a journey has, way by way.
        steps: reads the steps of a way.
    """

    def __init__(self, report: Report, conditions: Conditions, scope: Scope, made: Made, steps: Steps) -> None:
        self._report = report
        self._conditions = conditions
        self._scope = scope
        self._made = made
        self._steps = steps

    def read(self, fields: Fields, name: str, line: int) -> Step | None:
        """Read the fork that the keys are of, or None where it cannot be said what ways it has."""
        if "choose" in fields:
            return self._choose(fields, name, line)
        return self._if(fields, name, line) if "if" in fields else self._split(fields, name, line)

    def _if(self, fields: Fields, name: str, line: int) -> If:
        when = self._condition(fields.value("if"), "'if'")
        with self._made.fork() as ways, self._conditions.after(when):
            then = self._way(ways, fields.value("then"), "'then'")
            otherwise = self._way(ways, fields.value("else"), "'else'")
        return If(name, line, when=when, then=then, otherwise=otherwise)

    def _choose(self, fields: Fields, name: str, line: int) -> Choose | None:
        node = fields.value("choose")
        if not isinstance(node, Sequence):
            if node is not None:
                hint = "begin each of them with '- when: …'"
                self._report.error(node, "'choose' is a list of cases, each with 'when' and 'then'", hint)
            return None
        if not node.items:
            self._report.error(node, "'choose' holds no cases", "for example [{when: ordered(), then: […]}]")
        with self._made.fork() as ways:
            cases = [self._case(item, ways) for item in node.items]
            with self._conditions.after(*(case.when for case in cases if case is not None)):
                otherwise = self._way(ways, fields.value("else"), "'else'")
        return Choose(name, line, cases=tuple(case for case in cases if case is not None), otherwise=otherwise)

    def _split(self, fields: Fields, name: str, line: int) -> Split | None:
        node = fields.value("split")
        form = "{plain: {weight: 1, then: […]}, bold: {weight: 1, then: […]}}"
        if not isinstance(node, Mapping):
            if node is not None:
                self._report.error(node, f"'split' is a group of named branches, such as {form}")
            return None
        if len(node.entries) < 2:
            self._report.error(node, "'split' needs at least two branches", f"for example {form}")
        branches: list[Branch] = []
        percents: list[bool] = []
        with self._made.fork() as ways:
            for entry in sorted(node.entries, key=lambda entry: entry.key.text):  # the order of keys means nothing
                if not is_name(self._report, entry.key, "a branch's name"):
                    continue
                what = f"the branch '{entry.key.text}'"
                inner = Fields(self._report, entry.value, what, BRANCH, needed=BRANCH)
                weighs = inner.value("weight")
                read = None if weighs is None else weight(self._report, weighs, "'weight'")
                percents.append(bool(read and read[1]))
                steps = self._way(ways, inner.value("then"), "'then'", may_be_empty=True)
                branches.append(Branch(entry.key.text, read[0] if read else 1.0, steps))
        if any(percents):
            self._check_percents(fields.key("split"), branches, all(percents))
        return Split(name, line, branches=tuple(branches))

    def _condition(self, node: Node | None, what: str) -> Expression:
        return UNREADABLE if node is None else self._conditions.condition(node, what, self._scope)

    def _way(self, ways: Ways, node: Node | None, what: str, *, may_be_empty: bool = False) -> tuple[Step, ...]:
        if node is None:
            return ()
        with ways.one() as way:
            steps = self._steps(node, what, may_be_empty=may_be_empty)
            way.ends = _ends(steps)
        return steps

    def _case(self, item: Node, ways: Ways) -> Case | None:
        if isinstance(item, Mapping) and [entry.key.text for entry in item.entries] == ["else"]:
            message = "'else' stands beside 'choose', not in its list"
            self._report.error(item.entries[0].key, message, "begin it right below 'choose', without '- '")
            return None
        form = "{when: ordered(), then: […]}"
        inner = Fields(self._report, item, "a case of 'choose'", CASE, needed=CASE, form=form)
        when = self._condition(inner.value("when"), "'when'")
        with self._conditions.after(when):
            return Case(when, self._way(ways, inner.value("then"), "'then'", may_be_empty=True))

    def _check_percents(self, key: Scalar, branches: list[Branch], all_percents: bool) -> None:
        total = sum(branch.weight for branch in branches)
        if not all_percents:
            self._report.error(key, "the weights of a split are all numbers or all percentages")
        elif abs(total - 100) > 1e-6:
            self._report.error(key, f"the percentages of this split make {total:g} %, not 100 %")


def _ends(steps: tuple[Step, ...]) -> bool:
    """Say whether no journey goes on after these steps."""
    return any(isinstance(step, Exit) or ((ways := ways_of(step)) and all(map(_ends, ways))) for step in steps)
