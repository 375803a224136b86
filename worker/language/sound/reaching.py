"""The ways through a flow: steps and branches that no journey comes to, conditions that are settled where they stand.

The steps are walked as a journey takes them, with what is known at each place (`worker.language.sound.known`). Only
what is sure of every customer is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worker.domain.conditions.tree import Call, Expression, Node
from worker.domain.conditions.tree import walk as parts_of
from worker.domain.flows import Flow
from worker.domain.steps import (
    AddToFields,
    Choose,
    Emit,
    Exit,
    If,
    Send,
    SetFields,
    Split,
    Step,
    Suppress,
    Tag,
    TaskStep,
    Untag,
    Wait,
    walk,
)
from worker.language.sound.known import Known, by_time_alone, is_stable, together

Tell = Callable[[Expression | int, Node | None, str, str | None], None]
"""Warns at a condition (or a part of it), or at a line: with a message and a hint."""

_WRITES = (SetFields, AddToFields, Tag, Untag, Suppress, Emit)
_LARGEST = 300  # parts of a condition; nothing is said of a larger one


class Reaching:
    """Walks the steps of one flow."""

    def __init__(self, flow: Flow, tell: Tell) -> None:
        self._tell = tell
        self._lines = {step.name: step.line for step in walk(flow.steps)}
        self._ended_by = 0  # line of the step by which the last way ended

    def ways(self, steps: Sequence[Step], known: Known) -> Known | None:
        """Walk steps; returns what is known after them, None where every journey has ended."""
        now: Known | None = known
        for step in steps:
            if now is None:
                message = f"no journey comes to this step: all have ended by line {self._ended_by}"
                self._tell(step.line, None, message, None)
                return None
            now = self._step(step, now)
            if now is None:
                self._ended_by = step.line
        return now

    def _step(self, step: Step, known: Known) -> Known | None:
        match step:
            case If():
                return self._if(step, known)
            case Choose():
                return self._choose(step, known)
            case Split():
                return self._join([self.ways(branch.steps, known) for branch in step.branches])
            case Exit():
                return None
            case Wait():
                self._wait(step, known)
                return known.later(step.name)
            case Send(when=when) if when is not None:
                if self._decided(when, known.later()) is False:
                    self._settled(when, known.later(), False, "this mail is never sent")
            case TaskStep():
                self._task(step, known)
                return known.later(step.name) if step.hold else known.after(step.name)
        return known.later(step.name) if isinstance(step, _WRITES) else known.after(step.name)

    def _if(self, step: If, known: Known) -> Known | None:
        found = self._decided(step.when, known)
        if found is not None:
            self._settled(step.when, known, found, self._consequence(step, found))
        ways: list[Known | None] = []
        if found is not False:
            ways.append(self.ways(step.then, known.learn(step.when.tree, True, step.line)))
        if found is not True:
            ways.append(self.ways(step.otherwise, known.learn(step.when.tree, False, step.line)))
        return self._join(ways)

    def _choose(self, step: Choose, known: Known) -> Known | None:
        ways: list[Known | None] = []
        sure: Expression | None = None  # the case that is taken by all who come to it
        for case in step.cases:
            if sure is not None:
                self._tell(case.when, None, "this case is never taken: the one before it always holds here", None)
                continue
            found = self._decided(case.when, known)
            if found is False:
                self._settled(case.when, known, False, "this case is never taken")
            else:
                ways.append(self.ways(case.steps, known.learn(case.when.tree, True, step.line)))
            if found is True:
                sure = case.when
            known = known.learn(case.when.tree, False, step.line)
        if sure is None:
            ways.append(self.ways(step.otherwise, known))
        elif step.otherwise:
            self._tell(sure, None, "this case always holds here, so 'else' is never taken", None)
        return self._join(ways)

    def _wait(self, step: Wait, known: Known) -> None:
        if step.until is None:
            return
        early = self._early(step.until, known)
        found, later = self._decided(step.until, known), known.later().decide(step.until.tree)
        if found is True:
            self._settled(step.until, known, True, "this wait is over at once")
        elif early:
            return
        elif later is False:
            self._settled(step.until, known.later(), False, "it never ends this wait early")
        elif is_stable(step.until.tree):
            message = (
                "what this asks does not change while a journey waits: the wait is over at once, or goes on to its end"
            )
            self._tell(step.until, None, message, "ask it with 'if' before the wait")
        elif by_time_alone(step.until.tree):
            message = "time alone ends no wait early: this is read again only when a fact of the customer changes"
            self._tell(step.until, None, message, "say how long to wait with the wait's own length, 'at' and 'on'")

    def _task(self, step: TaskStep, known: Known) -> None:
        rule = step.close_when
        if rule is None or rule.when is None:
            return
        if rule.event is None and self._decided(rule.when, known) is True:
            self._settled(rule.when, known, True, "this task is never given")
        elif known.later(step.name).decide(rule.when.tree) is False:
            self._settled(rule.when, known.later(step.name), False, "it never closes the task")

    def _decided(self, when: Expression, known: Known) -> bool | None:
        """Decide a condition; one that asks about a step that was not taken is told of, and counts as open."""
        if sum(1 for _ in parts_of(when.tree)) > _LARGEST:
            return None
        early = self._early(when, known)
        for call in early:
            name = known.never_done(call) or ""
            message = f"'{when.written(call)}' is never true here: no journey has come by the step '{name}' before"
            hint = f"it stands in line {self._lines[name]}" if name in self._lines else None
            self._tell(when, call, message, hint)
        return None if early else known.decide(when.tree)

    def _early(self, when: Expression, known: Known) -> list[Call]:
        """Return the parts that ask about a step that no journey has taken yet."""
        return [part for part in parts_of(when.tree) if isinstance(part, Call) and known.never_done(part)]

    def _settled(self, when: Expression, known: Known, found: bool, follows: str) -> None:
        line = known.asked_in(when.tree)
        always = "always holds" if found else "never holds"
        if Known(ahead=known.ahead).decide(when.tree) is found:
            self._tell(when, None, f"this {always}, whatever the values are: {follows}", None)
        else:
            why = f"line {line} has asked it already" if line else "that follows from what was asked before"
            self._tell(when, None, f"this {always} here: {follows}", why)

    def _consequence(self, step: If, found: bool) -> str:
        if found:
            return "'else' is never taken" if step.otherwise else "the 'if' changes nothing"
        return "'then' is never taken"

    def _join(self, ways: Sequence[Known | None]) -> Known | None:
        open_ones = [way for way in ways if way is not None]
        return together(open_ones) if open_ones else None
