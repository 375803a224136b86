"""The steps of a flow: each has exactly one verb, and its options."""

from __future__ import annotations

from collections.abc import Callable, Collection

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.durations import Duration, Unit
from worker.domain.messages import Kind
from worker.domain.steps import Exit, Send, Step, TaskStep, Wait
from worker.domain.texts import LocalText
from worker.language.expressions.conditions import Conditions
from worker.language.flow.coupons import OPTIONS as COUPONS
from worker.language.flow.coupons import CouponReader
from worker.language.flow.forks import OPTIONS as FORKS
from worker.language.flow.forks import ForkReader
from worker.language.flow.made import Made
from worker.language.flow.sends import SendReader
from worker.language.flow.tasks import OPTIONS as TASK_OPTIONS
from worker.language.flow.tasks import TaskReader
from worker.language.flow.telling import OPTIONS as TELLS
from worker.language.flow.telling import TellReader
from worker.language.flow.values import ValuesReader
from worker.language.flow.writes import OPTIONS as WRITES
from worker.language.flow.writes import WriteReader
from worker.language.sound.needs import Templates, check_needs
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Entry, Mapping, Node, Sequence
from worker.language.yaml.scalars import duration, is_name, name, one_line, scalar, time_of_day, weekdays
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

OPTIONS: dict[str, tuple[str, ...]] = {
    "send": ("send", "name", "subject", "from", "with", "when", "expires", "kind", "to"),
    "wait": ("wait", "name", "at", "on", "until"),
    **FORKS,
    "task": TASK_OPTIONS,
    **COUPONS,
    **WRITES,
    **TELLS,
    "exit": ("exit", "name"),
}
_UNREADABLE = Duration(1, Unit.DAYS)  # stands in for a duration that could not be read, in a file that is refused


class StepsReader:
    """Reads steps; their names are completed by `worker.language.flow.naming` when all are read.

    Parameters:
        kind: the flow's.
        scope: what conditions and texts of steps may name.
        templates: the templates there are, each with what it needs, or None where that is not known and not checked.
        vocabulary: the shop's events and own fields; None where that is not known and not checked.
        made: where it is kept which coupons a journey has.
    """

    def __init__(
        self,
        report: Report,
        conditions: Conditions,
        kind: Kind,
        scope: Scope,
        templates: Templates | None,
        vocabulary: Vocabulary | None,
        made: Made,
    ) -> None:
        self._report = report
        self._conditions = conditions
        values = ValuesReader(report, conditions, scope)
        self._sends = SendReader(report, conditions, values, kind, scope)
        self._forks = ForkReader(report, conditions, scope, made, self.steps)
        self._coupons = CouponReader(report, made)
        self._writes = WriteReader(report, values, vocabulary)
        self._tells = TellReader(report, values, vocabulary)
        self._made = made
        self._tasks = TaskReader(report, conditions, scope, vocabulary)
        self._scope = scope
        self._templates = templates
        self._vocabulary = vocabulary
        self._read: dict[str, Callable[[Fields, str, int], Step | None]] = {
            "send": self._send,
            "wait": self._wait,
            **dict.fromkeys(FORKS, self._forks.read),
            "task": self._task,
            "coupon": self._coupons.read,
            "set": self._writes.set,
            "add": self._writes.add,
            "tag": self._writes.tag,
            "untag": self._writes.untag,
            "suppress": self._writes.suppress,
            "emit": self._tells.emit,
            "webhook": self._tells.webhook,
            "exit": self._exit,
        }
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
        step = self._read[verb](fields, self._name(fields), self._report.source.place(node).line)
        if step is None:
            self.complete = False
        return step

    def _verb(self, node: Node) -> str | None:
        """Return the step's one verb, or None, having reported why there is none."""
        if not isinstance(node, Mapping):
            message = "a step is a verb with a value, such as 'send: thank-you'"
            self._report.error(node, message, f"the verbs are {listed(OPTIONS, 'and')}")
            return None
        verbs = [entry for entry in node.entries if entry.key.text in OPTIONS]
        if len(verbs) == 1:
            return verbs[0].key.text
        if verbs:
            first, second = verbs[:2]
            message = f"a step has one verb; this one has '{first.key.text}' and '{second.key.text}'"
            self._report.error(second.key, message, f"begin a step of its own: - {second.key.text}: …")
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
        hint = did_you_mean(word, OPTIONS) or f"the verbs are {listed(OPTIONS, 'and')}"
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
            check_needs(self._report, found, needs, values, self._scope, self._vocabulary, self._made)
        return send

    def _task(self, fields: Fields, given: str, line: int) -> TaskStep | None:
        title = self._tasks.title(fields)
        if title is None:
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

    def _exit(self, fields: Fields, given: str, line: int) -> Exit:
        node = fields.value("exit")
        reason = None if node is None else one_line(self._report, node, "'exit'")
        return Exit(given, line, reason=reason or "")


def _written(title: LocalText) -> str:
    """Return the title that a task is known by where it has no name: the same however the file orders languages."""
    return title.by_language[min(title.by_language)].written


def _a_step(verb: str) -> str:
    return f"an '{verb}' step" if verb[0] in "ei" else f"a '{verb}' step"
