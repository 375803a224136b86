"""What ends a running journey: conditions that come to hold, and events."""

from __future__ import annotations

from typing import Any

from worker.domain.conditions.values import Reading
from worker.domain.facts import Facts
from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.domain.routes import Route
from worker.domain.steps import ExitRule


def exit_condition(route: Route, facts: Facts, reading: Reading) -> tuple[str, TraceEntry] | None:
    """Return the reason and the trace of the first exit condition that holds now, or None."""
    for rule in route.flow.exits:
        if rule.event is None and rule.when is not None and reading.holds(rule.when, facts):
            seen = reading.explain(rule.when, facts)
            return rule.when.text, TraceEntry(TraceKind.EXIT, None, {"when": rule.when.text, "seen": seen})
    return None


def exit_event(route: Route, journey: Journey, facts: Facts, reading: Reading) -> tuple[str, TraceEntry] | None:
    """Return the reason and the trace of the first exit rule that the event in `facts` fires, or None.

    An event of a request (or else of an order) ends only journeys of that request (or order), where they have one;
    `purchase` means any later order.
    """
    happening = facts.event
    if happening is None:
        return None
    for rule in route.flow.exits:
        if fires(rule, journey, facts, reading):
            detail: dict[str, Any] = {"event": happening.type, "order": happening.order_number}
            if rule.when is not None:
                detail["seen"] = reading.explain(rule.when, facts)
            return happening.type, TraceEntry(TraceKind.EXIT, None, detail)
    return None


def fires(rule: ExitRule, journey: Journey, facts: Facts, reading: Reading) -> bool:
    """Say whether a rule that names an event is met by the event in `facts`."""
    happening = facts.event
    if happening is None or rule.event != happening.type or not _concerns(journey, happening.type, facts):
        return False
    return rule.when is None or reading.holds(rule.when, facts)


def _concerns(journey: Journey, event: str, facts: Facts) -> bool:
    happening = facts.event
    assert happening is not None
    if journey.request and happening.request:  # of one order there may be several
        return journey.request == happening.request
    if journey.order_number and happening.order_number:
        same = journey.order_number == happening.order_number
        return not same if event == "purchase" else same
    return True
