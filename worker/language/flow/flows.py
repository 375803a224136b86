"""A flow's file to a `Flow`, or to every problem that it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.errors import FileError, Problem
from worker.domain.flows import Flow, FlowStatus
from worker.domain.messages import Kind
from worker.domain.steps import Send, TaskStep, walk
from worker.domain.tasks import Priority
from worker.domain.texts import LocalText, Text
from worker.domain.triggers import ORDER_DATES, DateTrigger, EventTrigger, Trigger
from worker.language.expressions.conditions import Conditions
from worker.language.flow.entry import EntryReader
from worker.language.flow.made import Made
from worker.language.flow.meaning import meaning_of
from worker.language.flow.naming import with_names
from worker.language.flow.steps import StepsReader
from worker.language.flow.utm import utm
from worker.language.sound.needs import Templates
from worker.language.sound.soundness import warn
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Mapping, Node
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.scalars import is_name, scalar, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

KEYS = (
    "flow", "title", "kind", "topic", "status", "trigger", "when", "once", "again", "exit", "goal", "holdout",
    "priority", "utm", "steps",
)  # fmt: skip
_NEEDED = ("flow", "trigger", "steps")


def read_flow(
    text: str, file: str, vocabulary: Vocabulary | None, templates: Templates | None = None
) -> tuple[Flow, tuple[Problem, ...]]:
    """Read a flow.

    Parameters:
        file: the file's path as a person knows it; its name without the ending is the flow's name.
        vocabulary: what conditions may name, and which events there are; None where that is not checked, as for a
            version that was published when the shop's settings were others, and whose journeys are to go on.
        templates: those there are, with what they need; None where that is not known and not checked.

    Returns:
        The flow, and the warnings about it.

    Raises:
        FileError: the file has errors; all of them, and the warnings too.
    """
    report, root = read_nodes(text, file)
    flow = None if root is None else _Reader(report, vocabulary, templates).flow(root)
    if flow is None or report.failed:
        raise FileError(report.problems)
    return replace(flow, meaning=meaning_of(flow)), report.problems


class _Reader:
    def __init__(self, report: Report, vocabulary: Vocabulary | None, templates: Templates | None) -> None:
        self._report = report
        self._templates = templates
        self._vocabulary = vocabulary
        self._made = Made()
        self._conditions = Conditions(report, vocabulary, self._made)
        self._entry = EntryReader(report, vocabulary, self._conditions)

    def flow(self, root: Node) -> Flow | None:
        if not isinstance(root, Mapping):
            self._report.error(root, "a flow is keys and values, such as 'flow: welcome'")
            return None
        fields = Fields(self._report, root, "a flow", KEYS, needed=_NEEDED)
        name = self._name(fields)
        kind = Kind(self._word(fields, "kind", [kind.value for kind in Kind], Kind.MARKETING))
        status = FlowStatus(self._word(fields, "status", [status.value for status in FlowStatus], FlowStatus.LIVE))
        given = fields.value("trigger")
        triggers = () if given is None else self._entry.triggers(given)
        scope = self._scope(triggers)
        when, exits, goal = (fields.value(key) for key in ("when", "exit", "goal"))
        entering = replace(scope, journey=False)
        condition = None if when is None else self._conditions.condition(when, "'when'", entering)
        reader = StepsReader(self._report, self._conditions, kind, scope, self._templates, self._vocabulary, self._made)
        listed = fields.value("steps")
        with self._conditions.after(*([] if condition is None else [condition])):
            steps = () if listed is None else with_names(reader.steps(listed, "'steps'"), reader.names)
        once = self._entry.once(fields.value("once"), triggers)
        flow = Flow(
            name=name,
            title=self._title(fields, name),
            kind=kind,
            status=status,
            triggers=triggers,
            once=once,
            steps=steps,
            when=condition,
            exits=() if exits is None else self._entry.exits(exits, scope),
            goal=None if goal is None else self._entry.goal(goal, scope),
            holdout=self._entry.holdout(fields.value("holdout")),
            restarts=self._entry.restarts(fields.value("again"), once),
            topic=self._topic(fields),
            priority=Priority(self._word(fields, "priority", [one.value for one in Priority], Priority.NORMAL)),
            utm=utm(self._report, fields.value("utm")),
        )
        sends = [step.name for step in walk(steps) if isinstance(step, Send)]
        tasks = [step.name for step in walk(steps) if isinstance(step, TaskStep)]
        self._conditions.check(*((sends, tasks) if reader.complete else (None, None)))
        if flow.holdout:
            self._warn_of_holdout(fields, flow)
        warn(self._report, flow, self._conditions, self._vocabulary)
        return flow

    def _warn_of_holdout(self, fields: Fields, flow: Flow) -> None:
        key = fields.key("holdout")
        if flow.kind is Kind.TRANSACTIONAL:
            message = "'holdout' leaves customers out who wait for these mails: the flow is transactional"
            self._report.warning(key, message, "compare marketing flows only")
        elif flow.goal is None:
            message = "'holdout' leaves customers out, and without 'goal' there is nothing to compare"
            self._report.warning(key, message, "for example goal: {event: purchase, within: 14 days}")

    def _scope(self, triggers: tuple[Trigger, ...]) -> Scope:
        """Return what steps may name; where no trigger could be read, anything that a trigger could bring."""
        if not triggers:
            return Scope(("?",), order=True, journey=True)
        events = [trigger.event for trigger in triggers if isinstance(trigger, EventTrigger)]
        scope = Scope.of_events(events, journey=True)
        dates = {trigger.field for trigger in triggers if isinstance(trigger, DateTrigger)}
        return replace(scope, order=scope.order or bool(dates & ORDER_DATES))

    def _name(self, fields: Fields) -> str:
        node = fields.value("flow")
        found = None if node is None else scalar(self._report, node, "'flow'", "the flow's name")
        expected = PurePath(self._report.source.file).stem
        if found is None or not is_name(self._report, found, "a flow's name"):
            return expected
        if found.text != expected:
            message = f"the flow is called '{found.text}' and its file '{PurePath(self._report.source.file).name}'"
            self._report.error(found, message, f"write: flow: {expected}, or rename the file")
        return found.text

    def _title(self, fields: Fields, name: str) -> LocalText:
        node = fields.value("title")
        title = None if node is None else self._conditions.local_text(node, "'title'", Scope())
        if title is None:
            return LocalText({"": Text(name, (name,))})
        if node is not None and any(not isinstance(p, str) for text in title.by_language.values() for p in text.parts):
            self._report.error(node, "'title' is the same for everyone; '{{ }}' cannot stand in it")
        return title

    def _topic(self, fields: Fields) -> str | None:
        node = fields.value("topic")
        found = None if node is None else scalar(self._report, node, "'topic'", "the name of a topic")
        if found is None or not is_name(self._report, found, "a topic"):
            return None
        known = None if self._vocabulary is None else self._vocabulary.topics
        if known is not None and not known:
            message = f"no customer can leave the topic '{found.text}' out: the shop has none"
            self._report.warning(found, message, "add it to 'topics' in config/phin.yaml, with its title")
        elif known is not None and found.text not in known:
            hint = did_you_mean(found.text, known) or f"topics of this shop: {listed(sorted(known), 'and')}"
            self._report.error(found, f"the shop has no topic '{found.text}'", hint)
        return found.text

    def _word(self, fields: Fields, key: str, known: list[str], usual: str) -> str:
        node = fields.value(key)
        found = None if node is None else word(self._report, node, f"'{key}'", known)
        return found or usual
