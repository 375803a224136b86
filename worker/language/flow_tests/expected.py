"""What is expected in a test of a flow: the lines of its timeline, each with its time and one thing that happens."""

from __future__ import annotations

from worker.domain.flow_tests import Expected, What
from worker.domain.flows import Flow
from worker.domain.steps import Coupon, Emit, Send, TaskStep, walk
from worker.domain.tasks import ReminderKind
from worker.language.flow.event_values import WORDS
from worker.language.flow_tests.given import step_known
from worker.language.flow_tests.times import Times
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.scalars import scalar, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

OPTIONS: dict[What, tuple[str, ...]] = {
    What.SEND: ("subject", "contains", "to"),
    What.SKIP: ("reason", "to"),
    What.TASK: ("to", "due"),
    What.REMINDER: ("kind", "to"),
    What.COUPON: ("code",),
    What.EMIT: ("with",),
    What.GOAL: ("send",),
    What.HELD: ("reason",),
    What.EXIT: (),
    What.ENTER: ("reason", "event"),
}
KINDS = [kind.value for kind in ReminderKind if kind is not ReminderKind.CAME]  # the task's own line tells that it came
_VERBS = [what.value for what in OPTIONS]
_FORM = "{at: 2027-03-01 14:00, send: welcome}"


class ExpectedReader:
    """Reads the list `expect`.

    Parameters:
        flow: whose steps may be named; None where they are not known.
    """

    def __init__(self, report: Report, times: Times, flow: Flow | None) -> None:
        self._report = report
        self._times = times
        self._flow = flow

    def read(self, node: Node) -> tuple[Expected, ...]:
        """Read the lines; an empty list says that nothing happens."""
        if not isinstance(node, Sequence):
            self._report.error(node, "'expect' is a list, such as:  - {at: 2027-03-01 14:00, send: welcome}")
            return ()
        return tuple(found for one in node.items if (found := self._line(one)) is not None)

    def _line(self, node: Node) -> Expected | None:
        if not isinstance(node, Mapping):
            self._report.error(node, f"a line of 'expect' is a group of keys, such as {_FORM}")
            return None
        verbs = [entry.key for entry in node.entries if entry.key.text in _VERBS]
        what = What(verbs[0].text) if verbs else None
        if what is What.SEND and any(entry.key.text == What.GOAL.value for entry in node.entries):
            what = What.GOAL  # its mail is named by `send`
        options = OPTIONS[what] if what is not None else ()
        known = ("at", *((what.value,) if what is not None else _VERBS), *options)
        fields = Fields(self._report, node, f"a line with '{what}'" if what else "a line", known, needed=("at",))
        at = self._times.at(fields)
        if what is None:
            if fields.nothing_told:
                self._report.error(node, f"a line says what happens: {listed(_VERBS)}", f"for example {_FORM}")
            return None
        value = fields.value(what.value)
        name = None if value is None else self._name(what, value)
        details, contains = self._details(fields, options)
        if at is None or value is None:
            return None
        return Expected(at, what, name, details, contains, self._report.source.place(node))

    def _name(self, what: What, node: Node) -> str | None:
        found = scalar(self._report, node, f"'{what}'", "a name" if what is not What.ENTER else "false")
        if found is None:
            return None
        flow = self._flow
        match what:
            case What.SEND | What.SKIP:
                step_known(self._report, found, "send", flow, Send)
            case What.HELD if flow is not None:
                steps = [step for step in walk(flow.steps) if isinstance(step, Coupon | Send)]
                named = [step.coupon for step in steps if isinstance(step, Coupon)]
                if found.text not in named:
                    step_known(self._report, found, "coupon or send", flow, Coupon, Send)
            case What.COUPON if flow is not None:
                self._one_of(found, [step.coupon for step in walk(flow.steps) if isinstance(step, Coupon)], "coupon")
            case What.EMIT if flow is not None:
                self._one_of(found, [step.event for step in walk(flow.steps) if isinstance(step, Emit)], "emit step")
            case What.GOAL if flow is not None:
                self._one_of(found, [flow.goal.event] if flow.goal is not None else [], "goal")
            case What.TASK | What.REMINDER if flow is not None and not any(
                isinstance(step, TaskStep) for step in walk(flow.steps)
            ):
                self._report.error(found, f"'{flow.name}' has no task")
            case What.ENTER:
                if WORDS.get(found.text.lower()) is not False:
                    self._report.error(found, "'enter' is false: an entry tells itself by what follows from it")
                return None
        return found.text

    def _one_of(self, found: Scalar, known: list[str], kind: str) -> None:
        if found.text not in known and self._flow is not None:
            hint = did_you_mean(found.text, known) or f"there are: {', '.join(known) or 'none'}"
            self._report.error(found, f"'{self._flow.name}' has no {kind} '{found.text[:60]}'", hint)

    def _details(self, fields: Fields, options: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
        details: dict[str, str] = {}
        contains: list[str] = []
        for key in options:
            node = fields.value(key)
            if node is None:
                continue
            if key == "contains":
                nodes = node.items if isinstance(node, Sequence) else (node,)
                texts = [scalar(self._report, one, "'contains'", "a text, or a list of texts") for one in nodes]
                contains = [one.text for one in texts if one is not None]
            elif key == "due":
                due = self._times.read(node, "'due'")
                if due is not None:
                    details[key] = due.isoformat()
            elif key == "with":
                details |= self._with(node)
            elif key == "kind":
                kind = word(self._report, node, "'kind'", KINDS)
                if kind is not None:
                    details[key] = kind
            else:
                found = scalar(self._report, node, f"'{key}'", "a text")
                if found is not None:
                    details[key] = found.text
        return details, tuple(contains)

    def _with(self, node: Node) -> dict[str, str]:
        if not isinstance(node, Mapping):
            self._report.error(node, "'with' is a group of names and values")
            return {}
        return {f"with.{one.key.text}": one.value.text for one in node.entries if isinstance(one.value, Scalar)}
