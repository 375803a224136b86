"""The options of a task step: note, who does it, when it is due, what reminds of it, what closes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.durations import Duration
from worker.domain.steps import ExitRule, TaskStep
from worker.domain.tasks import Escalation, Priority, ReminderRules, TaskType
from worker.domain.texts import LocalText
from worker.language.expressions.conditions import Conditions
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.scalars import duration, scalar, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean

OPTIONS = (
    "task", "name", "note", "assign", "due", "remind", "overdue", "escalate", "type", "priority", "close_when", "hold",
)  # fmt: skip
_FROM_DUE = ("remind", "overdue", "escalate")
MOST_REMINDERS = 10


class TaskReader:
    """Reads task steps.

    Parameters:
        scope: what conditions and texts of steps may name.
        vocabulary: knows the staff and the events; None where they are not checked.
    """

    def __init__(self, report: Report, conditions: Conditions, scope: Scope, vocabulary: Vocabulary | None) -> None:
        self._report = report
        self._conditions = conditions
        self._scope = scope
        self._vocabulary = vocabulary

    def title(self, fields: Fields) -> LocalText | None:
        """Read what is to be done."""
        node = fields.value("task")
        return None if node is None else self._conditions.local_text(node, "'task'", self._scope)

    def task(self, fields: Fields, name: str, title: LocalText, line: int) -> TaskStep:
        """Read the options of a step that gives out a task."""
        note, due, closing = (fields.value(key) for key in ("note", "due", "close_when"))
        length = None if due is None else duration(self._report, due, "'due'")
        if due is None:
            for key in (key for key in _FROM_DUE if key in fields):
                self._report.error(fields.key(key), f"'{key}' counts from 'due', which this task does not have")
        return TaskStep(
            name,
            line,
            title=title,
            note=None if note is None else self._conditions.local_text(note, "'note'", self._scope, lines=True),
            assign=self.staff(fields, "assign"),
            due=length,
            reminders=ReminderRules(
                self._remind(fields, length), self._duration(fields, "overdue"), self._hand_on(fields)
            ),
            type=TaskType(self._word(fields, "type", [one.value for one in TaskType], TaskType.TODO)),
            priority=Priority(self._word(fields, "priority", [one.value for one in Priority], Priority.NORMAL)),
            close_when=None if closing is None else self._closing(closing),
            hold=self._word(fields, "hold", ["true", "false"], "false") == "true",
        )

    def staff(self, fields: Fields, key: str) -> str | None:
        """Read a person or a role."""
        node = fields.value(key)
        found = None if node is None else scalar(self._report, node, f"'{key}'", "a person or a role of the staff")
        known = None if self._vocabulary is None else self._vocabulary.staff
        if found is None or known is None or found.text in known:
            return None if found is None else found.text
        if not known:
            message = f"there is nobody in config/staff.yaml who could be '{found.text[:60]}'"
            self._report.error(found, message, "make config/staff.yaml with the people and their roles")
            return found.text
        message = f"there is no person and no role '{found.text[:60]}' in config/staff.yaml"
        hint = did_you_mean(found.text, sorted(known)) or f"there are: {', '.join(sorted(known))}"
        self._report.error(found, message, hint)
        return found.text

    def _remind(self, fields: Fields, due: Duration | None) -> tuple[Duration, ...]:
        node = fields.value("remind")
        if node is None:
            return ()
        items = node.items if isinstance(node, Sequence) else (node,)
        if len(items) > MOST_REMINDERS:
            self._report.error(node, f"'remind' has at most {MOST_REMINDERS} reminders")
        found: dict[Duration, None] = {}
        for item in items:
            before = duration(self._report, item, "'remind'")
            if before is None:
                continue
            if before in found:
                self._report.error(item, f"'{before}' is named twice")
            elif due is not None and before.span() >= due.span():
                message = f"a reminder {before} before it is due comes no later than the task itself, and is left out"
                self._report.warning(item, message, "the task's coming is told anyway")
            found[before] = None
        return tuple(found)

    def _hand_on(self, fields: Fields) -> Escalation | None:
        node = fields.value("escalate")
        if node is None:
            return None
        form = "{to: manager, after: 1 day}"
        inner = Fields(self._report, node, "'escalate'", ("to", "after"), needed=("to", "after"), form=form)
        to, after = self.staff(inner, "to"), self._duration(inner, "after")
        return Escalation(to, after) if to and after else None

    def _closing(self, node: Node) -> ExitRule | None:
        if isinstance(node, Scalar):
            return ExitRule(None, self._conditions.condition(node, "'close_when'", self._scope))
        if not isinstance(node, Mapping):
            self._report.error(node, "'close_when' is a condition or an event, such as {event: support.closed}")
            return None
        form = "{event: support.closed}"
        fields = Fields(self._report, node, "'close_when'", ("event", "when"), needed=("event",), form=form)
        given, when = fields.value("event"), fields.value("when")
        found = None if given is None else scalar(self._report, given, "'event'", "the name of an event")
        if found is None:
            return None
        known: Collection[str] | None = None if self._vocabulary is None else self._vocabulary.events
        if known is not None and found.text not in known:
            hint = did_you_mean(found.text, sorted(known)) or f"declare it: events: {{{found.text[:60]}: {{}}}}"
            self._report.error(found, f"the event '{found.text[:60]}' is not known", hint)
        inner = replace(self._scope, events=(found.text,))
        condition = None if when is None else self._conditions.condition(when, "'when'", inner)
        return ExitRule(found.text, condition)

    def _duration(self, fields: Fields, key: str) -> Duration | None:
        node = fields.value(key)
        return None if node is None else duration(self._report, node, f"'{key}'")

    def _word(self, fields: Fields, key: str, known: list[str], usual: str) -> str:
        node = fields.value(key)
        found = None if node is None else word(self._report, node, f"'{key}'", known)
        return found or usual
