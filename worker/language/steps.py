"""The steps of a flow: each has exactly one verb, and its options."""

from __future__ import annotations

from collections.abc import Collection

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.durations import Duration, Unit
from worker.domain.messages import Kind
from worker.domain.steps import Branch, Exit, If, Send, Split, Step, TaskStep, Wait
from worker.domain.texts import LocalText
from worker.language.conditions import UNREADABLE, Conditions
from worker.language.fields import NOT_YET, Fields
from worker.language.needs import Templates, check_needs
from worker.language.nodes import Entry, Mapping, Node, Scalar, Sequence
from worker.language.scalars import duration, is_name, name, one_line, scalar, time_of_day, weekdays, weight
from worker.language.sends import SendReader
from worker.language.source import Report
from worker.language.suggestions import did_you_mean, listed
from worker.language.tasks import OPTIONS as TASK_OPTIONS
from worker.language.tasks import TaskReader

OPTIONS: dict[str, tuple[str, ...]] = {
    "send": ("send", "name", "subject", "from", "with", "expires", "kind", "to"),
    "wait": ("wait", "name", "at", "on", "until"),
    "if": ("if", "name", "then", "else"),
    "split": ("split", "name"),
    "task": TASK_OPTIONS,
    "exit": ("exit", "name"),
}
LATER_VERBS = (
    "choose", "coupon", "set", "add", "tag", "untag", "suppress", "emit", "webhook",
)  # fmt: skip
_UNREADABLE = Duration(1, Unit.DAYS)  # stands in for a duration that could not be read, in a file that is refused


class StepsReader:
    """Reads steps; their names are completed by `worker.language.naming` when all are read.

    Parameters:
        kind: the flow's.
        scope: what conditions and texts of steps may name.
        templates: the templates there are, each with what it needs, or None where that is not known and not checked.
        vocabulary: the shop's events with their fields; None where that is not known and not checked.
    """

    def __init__(
        self,
        report: Report,
        conditions: Conditions,
        kind: Kind,
        scope: Scope,
        templates: Templates | None,
        vocabulary: Vocabulary | None,
    ) -> None:
        self._report = report
        self._conditions = conditions
        self._sends = SendReader(report, conditions, kind, scope)
        self._tasks = TaskReader(report, conditions, scope, vocabulary)
        self._scope = scope
        self._templates = templates
        self._vocabulary = vocabulary
        self._named: dict[str, int] = {}  # names given in the file (a send's by its template), with their lines
        self.complete = True  # whether every step's verb and name could be read

    @property
    def names(self) -> Collection[str]:
        """Names that the file gives."""
        return self._named

    def steps(self, node: Node, what: str, *, may_be_empty: bool = False) -> tuple[Step, ...]:
        """Read a list of steps."""
        if not isinstance(node, Sequence):
            hint = "begin each step with '- '" if isinstance(node, Mapping) else None
            self._report.error(node, f"{what} is a list of steps", hint)
            self.complete = False
            return ()
        if not node.items and not may_be_empty:
            self._report.error(node, f"{what} holds no steps")
        found = (self._step(item) for item in node.items)
        return tuple(step for step in found if step is not None)

    def _step(self, node: Node) -> Step | None:
        verb = self._verb(node)
        if verb is None:
            self.complete = False
            return None
        needed = ("if", "then") if verb == "if" else (verb,)
        fields = Fields(self._report, node, _a_step(verb), OPTIONS[verb], needed=needed)
        line = self._report.source.place(node).line
        given = self._name(fields)
        match verb:
            case "send":
                return self._send(fields, given, line)
            case "wait":
                return self._wait(fields, given, line)
            case "if":
                return self._if(fields, given, line)
            case "task":
                return self._task(fields, given, line)
            case "split":
                return self._split(fields, given, line)
            case _:
                return self._exit(fields, given, line)

    def _verb(self, node: Node) -> str | None:
        """Return the step's one verb, or None, having reported why there is none."""
        if not isinstance(node, Mapping):
            message = "a step is a verb with a value, such as 'send: thank-you'"
            self._report.error(node, message, f"the verbs are {listed(OPTIONS, 'and')}")
            return None
        verbs = [entry for entry in node.entries if entry.key.text in OPTIONS]
        later = [entry for entry in node.entries if entry.key.text in LATER_VERBS]
        if len(verbs) == 1 and not later:
            return verbs[0].key.text
        if len(verbs) + len(later) > 1:
            first, second = sorted([*verbs, *later], key=lambda entry: entry.key.start)[:2]
            message = f"a step has one verb; this one has '{first.key.text}' and '{second.key.text}'"
            self._report.error(second.key, message, f"begin a step of its own: - {second.key.text}: …")
        elif later:
            self._report.error(later[0].key, f"the step '{later[0].key.text}' {NOT_YET}")
        else:
            self._report_no_verb(node)
        return None

    def _report_no_verb(self, node: Mapping) -> None:
        options = {option for known in OPTIONS.values() for option in known} - set(OPTIONS)
        strange: Entry | None = next((entry for entry in node.entries if entry.key.text not in options), None)
        verbs = listed(OPTIONS)
        if strange is None:
            self._report.error(node.entries[0].key if node.entries else node, f"a step needs a verb: {verbs}")
            return
        word = strange.key.text
        hint = did_you_mean(word, [*OPTIONS, *LATER_VERBS]) or f"the verbs are {listed(OPTIONS, 'and')}"
        self._report.error(strange.key, f"there is no step '{word[:60]}'", hint)

    def _name(self, fields: Fields) -> str:
        """Return the name that the step is given, or nothing."""
        node = fields.value("name")
        if node is None:
            return ""
        found = name(self._report, node, "'name'")
        if found is None:
            self.complete = False
            return ""
        self._take(found, node, "give this step another name")
        return found

    def _take(self, taken: str, node: Node, hint: str) -> None:
        line = self._report.source.place(node).line
        if taken in self._named:
            message = f"the step in line {self._named[taken]} is called '{taken}' already"
            self._report.error(node, message, hint)
        self._named.setdefault(taken, line)

    def _send(self, fields: Fields, given: str, line: int) -> Send | None:
        node = fields.value("send")
        found = None if node is None else scalar(self._report, node, "'send'", "the name of a template")
        if found is None or not is_name(self._report, found, "a template's name"):
            self.complete = False
            return None
        template = found.text
        if self._templates is not None and template not in self._templates:
            hint = did_you_mean(template, sorted(self._templates)) or f"make templates/{template}.vi.html"
            self._report.error(found, f"there is no template '{template}'", hint)
        if not given:
            self._take(template, found, f"the same template is sent twice; name this step: 'name: {template}-2'")
        send = self._sends.send(fields, given or template, template, line, self._tasks.staff(fields, "to"))
        if self._templates is not None and self._vocabulary is not None and "?" not in self._scope.events:
            needs, values = self._templates.get(template, ()), [value for value, _ in send.values]
            check_needs(self._report, found, needs, values, self._scope, self._vocabulary)
        return send

    def _task(self, fields: Fields, given: str, line: int) -> TaskStep | None:
        title = self._tasks.title(fields)
        if title is None:
            self.complete = False
            return None
        name = given or _written(title)
        if not given:
            self._take(name, fields.key("task"), "two tasks have the same title; name this step: 'name: …'")
        return self._tasks.task(fields, name, title, line)

    def _wait(self, fields: Fields, given: str, line: int) -> Wait:
        length, at, on, until = (fields.value(key) for key in ("wait", "at", "on", "until"))
        return Wait(
            given,
            line,
            duration=(length and duration(self._report, length, "'wait'")) or _UNREADABLE,
            at=None if at is None else time_of_day(self._report, at, "'at'"),
            on=frozenset() if on is None else weekdays(self._report, on, "'on'") or frozenset(),
            until=None if until is None else self._conditions.condition(until, "'until'", self._scope),
        )

    def _if(self, fields: Fields, given: str, line: int) -> If:
        when, then, otherwise = (fields.value(key) for key in ("if", "then", "else"))
        return If(
            given,
            line,
            when=UNREADABLE if when is None else self._conditions.condition(when, "'if'", self._scope),
            then=() if then is None else self.steps(then, "'then'"),
            otherwise=() if otherwise is None else self.steps(otherwise, "'else'"),
        )

    def _split(self, fields: Fields, given: str, line: int) -> Split | None:
        node = fields.value("split")
        form = "{plain: {weight: 1, then: […]}, bold: {weight: 1, then: […]}}"
        if not isinstance(node, Mapping):
            if node is not None:
                self._report.error(node, f"'split' is a group of named branches, such as {form}")
            self.complete = False
            return None
        if len(node.entries) < 2:
            self._report.error(node, "'split' needs at least two branches", f"for example {form}")
        branches: list[Branch] = []
        percents: dict[str, bool] = {}
        for entry in sorted(node.entries, key=lambda entry: entry.key.text):  # the order of keys means nothing
            if not is_name(self._report, entry.key, "a branch's name"):
                continue
            inner = Fields(
                self._report,
                entry.value,
                f"the branch '{entry.key.text}'",
                ("weight", "then"),
                needed=("weight", "then"),
            )
            weighs, then = inner.value("weight"), inner.value("then")
            read = None if weighs is None else weight(self._report, weighs, "'weight'")
            percents[entry.key.text] = bool(read and read[1])
            steps = () if then is None else self.steps(then, "'then'", may_be_empty=True)
            branches.append(Branch(entry.key.text, read[0] if read else 1.0, steps))
        if any(percents.values()):
            self._check_percents(fields.key("split"), branches, percents)
        return Split(given, line, branches=tuple(branches))

    def _check_percents(self, key: Scalar, branches: list[Branch], percents: dict[str, bool]) -> None:
        total = sum(branch.weight for branch in branches)
        if not all(percents.values()):
            self._report.error(key, "the weights of a split are all numbers or all percentages")
        elif abs(total - 100) > 1e-6:
            self._report.error(key, f"the percentages of this split make {total:g} %, not 100 %")

    def _exit(self, fields: Fields, given: str, line: int) -> Exit:
        node = fields.value("exit")
        reason = None if node is None else one_line(self._report, node, "'exit'")
        return Exit(given, line, reason=reason or "")


def _written(title: LocalText) -> str:
    """Return the title that a task is known by where it has no name: the same however the file orders languages."""
    return title.by_language[min(title.by_language)].written


def _a_step(verb: str) -> str:
    return f"an '{verb}' step" if verb[0] in "ei" else f"a '{verb}' step"
