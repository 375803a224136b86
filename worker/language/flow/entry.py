"""How journeys begin and end: `trigger`, `once`, `exit`, `goal`."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace
from decimal import Decimal

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.durations import Duration, parse_duration
from worker.domain.flows import Goal, Once, OnceKind
from worker.domain.matching import usual_once
from worker.domain.steps import ExitRule
from worker.domain.triggers import EventTrigger, SeasonTrigger, Trigger
from worker.language.expressions.conditions import Conditions
from worker.language.flow.events import EventNames
from worker.language.flow.triggers import TriggerReader
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Node, Scalar, Sequence
from worker.language.yaml.scalars import duration, is_number, scalar, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

AGAIN = ("ignore", "restart")
_ONCE = {kind.value: kind for kind in OnceKind if kind not in (OnceKind.SPAN, OnceKind.EACH)}


class EntryReader:
    """Reads the keys of a flow that say who enters, how often, what ends a journey and what is its success.

    Parameters:
        vocabulary: knows what can be named; None where that is not checked.
    """

    def __init__(self, report: Report, vocabulary: Vocabulary | None, conditions: Conditions) -> None:
        self._report = report
        self._events = EventNames(report, vocabulary)
        self._triggers = TriggerReader(report, vocabulary, self._events)
        self._conditions = conditions

    def triggers(self, node: Node) -> tuple[Trigger, ...]:
        """Read one trigger, or a list of which any starts the flow."""
        return self._triggers.triggers(node)

    def once(self, node: Node | None, triggers: Many[Trigger]) -> Once:
        """Read how often a customer may enter; by default each trigger has its own rule."""
        usual = self._usual(triggers)
        found = None if node is None else scalar(self._report, node, "'once'", "a rule such as 'per order'")
        if found is None:
            return usual
        written = " ".join(found.text.split())
        if written == OnceKind.SEASON.value and not all(isinstance(trigger, SeasonTrigger) for trigger in triggers):
            message = "'per season' needs a trigger by a season, and no other"
            self._report.error(found, message, "for example trigger: {season: tet, offset: -21 days}")
            return usual
        if written in _ONCE:
            return Once(_ONCE[written])
        span = self._span(written)
        if span is None:
            hint = did_you_mean(written, list(_ONCE)) or "or a duration: 'per 30 days'"
            self._report.error(found, f"'once' is {listed(_ONCE)}, not '{written[:60]}'", hint)
            return usual
        return Once(OnceKind.SPAN, span)

    def _usual(self, triggers: Many[Trigger]) -> Once:
        events = [trigger.event for trigger in triggers if isinstance(trigger, EventTrigger)]
        if len(events) == len(triggers):
            return Once(OnceKind.ORDER if set(events) == {"purchase"} else OnceKind.EVENT)
        kinds = {usual_once(trigger) for trigger in triggers}
        return Once(kinds.pop() if len(kinds) == 1 else OnceKind.EACH)

    def exits(self, node: Node, scope: Scope) -> tuple[ExitRule, ...]:
        """Read what ends a running journey: one rule or a list."""
        rules: list[ExitRule] = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(item, Scalar):
                hint = f"write: {{event: {item.text}}}" if self._events.known(item.text) else None
                message = "an exit is an event or a condition: {event: refund} or {when: customer.orders_count >= 2}"
                self._report.error(item, message, hint)
                continue
            fields = Fields(self._report, item, "an exit", ("event", "when"), form="{event: refund}")
            event = self._events.read(fields)
            when = fields.value("when")
            inner = self._scope_of(event, scope)
            condition = None if when is None else self._conditions.condition(when, "'when'", inner)
            if event or condition:
                rules.append(ExitRule(event, condition))
            elif "event" not in fields and "when" not in fields:
                self._report.error(item, "an exit needs 'event' or 'when'", "for example {event: refund}")
        return tuple(rules)

    def goal(self, node: Node, scope: Scope) -> Goal | None:
        """Read what counts as success."""
        form = "{event: purchase, within: 14 days}"
        known = ("event", "within", "when")
        fields = Fields(self._report, node, "'goal'", known, needed=("event", "within"), form=form)
        event = self._events.read(fields)
        within, when = fields.value("within"), fields.value("when")
        window = None if within is None else duration(self._report, within, "'within'")
        condition = None
        if when is not None:
            condition = self._conditions.condition(when, "'when'", self._scope_of(event, scope))
        return Goal(event, window, condition) if event and window else None

    def holdout(self, node: Node | None) -> float:
        """Read the share of those who would enter that is set aside, from 0 to 1; by default nobody is."""
        found = None if node is None else scalar(self._report, node, "'holdout'", "a percentage such as 10%")
        if found is None:
            return 0.0
        digits = found.text.strip().removesuffix("%").rstrip()
        share = Decimal(digits.replace("_", "")) / 100 if is_number(digits) else None
        if share is None or not 0 < share < 1:
            message = f"'holdout' is a percentage of more than 0% and less than 100%, not '{found.text[:60]}'"
            self._report.error(found, message, "for example 10%")
            return 0.0
        if not found.text.strip().endswith("%"):
            meant = digits if share >= Decimal("0.01") else f"{(share * 10_000).normalize():f}"
            message = f"'holdout' is a percentage, not '{found.text[:60]}'"
            self._report.error(found, message, f"write: holdout: {meant}%")
        return float(share)

    def restarts(self, node: Node | None, once: Once) -> bool:
        """Read whether an entry starts a journey over that is under way; by default it is ignored."""
        again = None if node is None else word(self._report, node, "'again'", AGAIN)
        if node is None or again != "restart":
            return False
        if once.kind is OnceKind.EVER:
            message = "with 'once: ever' nobody comes a second time, so that nothing starts over"
            self._report.error(node, message, "let customers enter more often: once: per event")
        return True

    def _scope_of(self, event: str | None, scope: Scope) -> Scope:
        """Return what there is where a rule about one event is asked: that event, and the journey's order."""
        if event is None:
            return scope
        about = Scope.of_events((event,), journey=scope.journey)
        return replace(about, order=about.order or scope.order)

    def _span(self, written: str) -> Duration | None:
        if not written.startswith("per "):
            return None
        try:
            span = parse_duration(written.removeprefix("per "))
            return span if 0 < span.span().total_seconds() <= 3_660 * 86_400 else None
        except (ValueError, OverflowError):
            return None
