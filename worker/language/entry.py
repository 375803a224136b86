"""How journeys begin and end: `trigger`, `once`, `exit`, `goal`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.durations import Duration, parse_duration
from worker.domain.flows import EventTrigger, ExitRule, Goal, Once, OnceKind
from worker.language.conditions import Conditions
from worker.language.fields import NOT_YET, Fields
from worker.language.nodes import Node, Scalar, Sequence
from worker.language.scalars import duration, scalar
from worker.language.source import Report
from worker.language.suggestions import did_you_mean

SHORT_TRIGGERS = ("purchase", "signup")
LATER_SHORT_TRIGGERS = ("birthday",)
LATER_TRIGGER_KEYS = ("date", "season", "segment", "schedule", "offset", "every", "at", "zone")
_EVENT = re.compile(r"[a-z0-9._-]{1,100}")  # as intake takes them
_LATER_ONCE = ("per season",)
_ONCE = {kind.value: kind for kind in OnceKind if kind is not OnceKind.SPAN}


class EntryReader:
    """Reads the keys of a flow that say who enters, how often, what ends a journey and what is its success.

    Parameters:
        vocabulary: knows which events there are; None where that is not checked.
    """

    def __init__(self, report: Report, vocabulary: Vocabulary | None, conditions: Conditions) -> None:
        self._report = report
        self._events = None if vocabulary is None else frozenset(vocabulary.events)
        self._conditions = conditions

    def triggers(self, node: Node) -> tuple[EventTrigger, ...]:
        """Read one trigger, or a list of which any starts the flow."""
        if isinstance(node, Sequence) and not node.items:
            self._report.error(node, "'trigger' names nothing that starts the flow", "for example: trigger: purchase")
        found: dict[str, EventTrigger] = {}
        for item in node.items if isinstance(node, Sequence) else (node,):
            trigger = self._trigger(item)
            if trigger is None:
                continue
            if trigger.event in found:
                self._report.error(item, f"the event '{trigger.event}' starts this flow already; name it once")
            found.setdefault(trigger.event, trigger)
        return tuple(found.values())

    def once(self, node: Node | None, triggers: Iterable[EventTrigger]) -> Once:
        """Read how often a customer may enter; by default a purchase `per order`, another event `per event`."""
        events = {trigger.event for trigger in triggers}
        usual = Once(OnceKind.ORDER if events == {"purchase"} else OnceKind.EVENT)
        found = None if node is None else scalar(self._report, node, "'once'", "a rule such as 'per order'")
        if found is None:
            return usual
        written = " ".join(found.text.split())
        if written in _ONCE:
            return Once(_ONCE[written])
        if written in _LATER_ONCE:
            self._report.error(found, f"'{written}' {NOT_YET}")
            return usual
        span = self._span(written)
        if span is None:
            known = [*_ONCE, *_LATER_ONCE]
            hint = did_you_mean(written, known) or "or a duration: 'per 30 days'"
            message = f"'once' is 'ever', 'per event', 'per order' or 'per year', not '{written[:60]}'"
            self._report.error(found, message, hint)
            return usual
        return Once(OnceKind.SPAN, span)

    def exits(self, node: Node, scope: Scope) -> tuple[ExitRule, ...]:
        """Read what ends a running journey: one rule or a list."""
        rules: list[ExitRule] = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(item, Scalar):
                hint = f"write: {{event: {item.text}}}" if item.text in (self._events or ()) else None
                message = "an exit is an event or a condition: {event: refund} or {when: customer.orders_count >= 2}"
                self._report.error(item, message, hint)
                continue
            fields = Fields(self._report, item, "an exit", ("event", "when"), form="{event: refund}")
            event = self._event(fields)
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
        event = self._event(fields)
        within, when = fields.value("within"), fields.value("when")
        window = None if within is None else duration(self._report, within, "'within'")
        condition = None
        if when is not None:
            condition = self._conditions.condition(when, "'when'", self._scope_of(event, scope))
        return Goal(event, window, condition) if event and window else None

    def _trigger(self, node: Node) -> EventTrigger | None:
        if not isinstance(node, Scalar):
            form = "{event: cart.updated}"
            known = ("event", "within")
            fields = Fields(self._report, node, "a trigger", known, later=LATER_TRIGGER_KEYS, form=form)
            within = fields.value("within")
            limit = None if within is None else duration(self._report, within, "'within'")
            if "event" not in fields and fields.nothing_told:
                self._report.error(node, "a trigger needs 'event'", "for example {event: purchase}")
            event = self._event(fields)
            return EventTrigger(event, limit) if event else None
        if node.text in SHORT_TRIGGERS:
            return EventTrigger(node.text)
        if node.text in LATER_SHORT_TRIGGERS:
            self._report.error(node, f"'{node.text}' {NOT_YET}")
        elif node.text in (self._events or ()):
            message = f"only {' and '.join(SHORT_TRIGGERS)} can stand alone; another event is named by 'event'"
            self._report.error(node, message, f"write: trigger: {{event: {node.text}}}")
        else:
            hint = did_you_mean(node.text, [*SHORT_TRIGGERS, *LATER_SHORT_TRIGGERS])
            message = f"there is no trigger '{node.text[:60]}'"
            self._report.error(node, message, hint or "write 'purchase', 'signup' or {event: NAME}")
        return None

    def _event(self, fields: Fields) -> str | None:
        node = fields.value("event")
        found = None if node is None else scalar(self._report, node, "'event'", "an event's name")
        if found is None:
            return None
        well_formed = _EVENT.fullmatch(found.text) is not None
        if found.text in (self._events or ()) or (self._events is None and well_formed):
            return found.text
        hint = did_you_mean(found.text, sorted(self._events or ()))
        if well_formed:
            hint = hint or f"an event of your own is declared in config/phin.yaml: events: {{{found.text}: {{}}}}"
            self._report.error(found, f"there is no event '{found.text}'", hint)
        else:
            message = f"an event's name is made of small letters, digits, '.', '_' and '-'; '{found.text[:60]}' is not"
            self._report.error(found, message, hint)
        return None

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
