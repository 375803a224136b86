"""The decision what comes next for a journey: how far it goes now, what it does there, what is remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.chance import BY_HASH, Chance
from worker.domain.conditions.values import Reading
from worker.domain.customers import Suppression
from worker.domain.exits import exit_condition
from worker.domain.facts import Facts
from worker.domain.journeys import Journey, JourneyState, TraceEntry, TraceKind
from worker.domain.own_fields import written
from worker.domain.routes import Route
from worker.domain.steps import (
    Acting,
    AddToFields,
    Choose,
    Coupon,
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
    Webhook,
)
from worker.domain.waiting import wait_ends

# A journey that is woken this little late goes on as if it had been woken in time, so that waits do not drift.
PUNCTUAL = timedelta(minutes=5)
_MOST_SEEN = 50  # of what a choice asked, kept in its trace: the last, which decided


@dataclass(frozen=True, slots=True)
class Act:
    """A step that does something, and the facts as they stood when the journey came to it.

    Parameters:
        since: when its time came: earlier than now where the wait before it ended while nobody looked.
    """

    step: Acting
    facts: Facts
    since: datetime


@dataclass(frozen=True, slots=True)
class Advance:
    """What a decision changes: where the journey stands then, what it does, what is to be remembered.

    Parameters:
        acts: what is to be done, in this order.
        withdraws: whether what the journey has in the queue is taken back (an exit rule fired).
    """

    state: JourneyState
    step: str | None
    due_at: datetime | None
    reason: str | None = None
    acts: tuple[Act, ...] = ()
    trace: tuple[TraceEntry, ...] = ()
    withdraws: bool = False


def advance(
    route: Route, journey: Journey, facts: Facts, reading: Reading, zone: ZoneInfo, chance: Chance = BY_HASH
) -> Advance | None:
    """Take a journey as far as it goes at `facts.now`.

    Parameters:
        reading: how conditions are read (the segments they may name).
        zone: the customer's time zone, or the shop's.
        chance: says which way of a split falls to whom.

    Returns:
        What changes, or None where it stays where it is.
    """
    now = facts.now
    left = exit_condition(route, facts, reading)
    if left is not None:
        return Advance(JourneyState.EXITED, journey.step, None, left[0], (), (left[1],), True)
    trace: list[TraceEntry] = []
    moment = since = now
    if journey.step is None:
        step = route.first
    else:
        standing = route.step(journey.step)
        if isinstance(standing, TaskStep):
            closed = _closed(standing, facts)
            if closed is None:
                return None
            return _walk(route, journey, route.after(standing), moment, since, facts, reading, zone, chance, [closed])
        assert isinstance(standing, Wait), "a journey only ever stands at a wait or a task"
        if standing.until is not None and reading.holds(standing.until, facts):
            trace.append(_entry(TraceKind.WAITED, standing, until=reading.explain(standing.until, facts)))
        elif journey.due_at is not None and journey.due_at <= now:
            trace.append(TraceEntry(TraceKind.WAITED, standing.name))
            since = journey.due_at
            moment = since if now - since <= PUNCTUAL else now
        else:
            return None
        step = route.after(standing)
    return _walk(route, journey, step, moment, since, facts, reading, zone, chance, trace)


def _walk(
    route: Route,
    journey: Journey,
    step: Step | None,
    moment: datetime,
    since: datetime,
    facts: Facts,
    reading: Reading,
    zone: ZoneInfo,
    chance: Chance,
    trace: list[TraceEntry],
) -> Advance:
    acts: list[Act] = []

    def stands(state: JourneyState, at: str | None, due: datetime | None = None, reason: str | None = None) -> Advance:
        return Advance(state, at, due, reason, tuple(acts), tuple(trace))

    while step is not None:
        match step:
            case Send():
                acts.append(Act(step, facts, since))
                to = {} if step.to is None else {"to": step.to}
                trace.append(_entry(TraceKind.SEND, step, template=step.template, **to))
                step = route.after(step)
            case Wait():
                if step.until is not None and reading.holds(step.until, facts):
                    trace.append(_entry(TraceKind.WAITED, step, until=reading.explain(step.until, facts)))
                    step = route.after(step)
                    continue
                due = wait_ends(step, moment, zone)
                if due > facts.now:
                    until = {} if step.until is None else {"until": step.until.text}
                    trace.append(_entry(TraceKind.WAIT, step, due=due.isoformat(), **until))
                    return stands(JourneyState.WAITING, step.name, due)
                step, moment, since = route.after(step), due, due
            case TaskStep():
                needless = _needless(step, facts, reading)
                trace.append(
                    needless or _entry(TraceKind.TASK, step, **({"assign": step.assign} if step.assign else {}))
                )
                if needless is None:
                    acts.append(Act(step, facts, since))
                    if step.hold:
                        return stands(JourneyState.WAITING, step.name)
                step = route.after(step)
            case If():
                chosen = reading.holds(step.when, facts)
                seen = reading.explain(step.when, facts)
                trace.append(_entry(TraceKind.FORK, step, way="then" if chosen else "else", seen=seen))
                step = route.into(step, step.then if chosen else step.otherwise)
            case Choose():
                way, steps, asked = _chosen(step, facts, reading)
                trace.append(_entry(TraceKind.FORK, step, way=way, seen=asked))
                step = route.into(step, steps)
            case SetFields() | AddToFields() | Tag() | Untag():
                acts.append(Act(step, facts, since))
                customer, wrote = written(step, facts, reading)
                trace.append(_entry(TraceKind.WROTE, step, **wrote))
                facts = replace(facts, customer=customer)
                step = route.after(step)
            case Suppress():
                acts.append(Act(step, facts, since))
                trace.append(_entry(TraceKind.SUPPRESSED, step, reason=step.reason))
                stop = Suppression(step.reason, facts.now, journey.id)
                consent = replace(facts.customer.consent, marketing_suppressed=stop)
                facts = replace(facts, customer=replace(facts.customer, consent=consent))
                step = route.after(step)
            case Coupon():
                acts.append(Act(step, facts, since))
                trace.append(_entry(TraceKind.COUPON, step, coupon=step.coupon))
                step = route.after(step)
            case Emit():
                acts.append(Act(step, facts, since))
                trace.append(_entry(TraceKind.EMITTED, step, event=step.event))
                step = route.after(step)
            case Webhook():
                acts.append(Act(step, facts, since))
                trace.append(_entry(TraceKind.WEBHOOK, step, url=step.url))
                step = route.after(step)
            case Split():
                branch = chance.branch(step, journey)
                trace.append(_entry(TraceKind.FORK, step, way=branch.name))
                step = route.into(step, branch.steps)
            case Exit():
                trace.append(_entry(TraceKind.EXIT, step, reason=step.reason))
                return stands(JourneyState.EXITED, step.name, None, step.reason)
            case _:
                raise AssertionError(f"no rule for {type(step).__name__}")
    trace.append(TraceEntry(TraceKind.DONE))
    return stands(JourneyState.DONE, None)


def _chosen(step: Choose, facts: Facts, reading: Reading) -> tuple[str, tuple[Step, ...], list[dict[str, Any]]]:
    """Return the way of a choice that is taken, its steps, and what decided of the conditions that were asked last."""
    asked: list[dict[str, Any]] = []
    for number, case in enumerate(step.cases, start=1):
        asked += reading.explain(case.when, facts)
        if reading.holds(case.when, facts):
            return f"case {number}", case.steps, asked[-_MOST_SEEN:]
    return "else", step.otherwise, asked[-_MOST_SEEN:]


def _closed(step: TaskStep, facts: Facts) -> TraceEntry | None:
    """Return the trace of a journey that waited for a task which is closed by now, or None where it is not."""
    for task in facts.history.tasks:
        if task.step == step.name and task.outcome is not None:
            return _entry(TraceKind.WAITED, step, task=task.outcome, by=task.by)
    return None


def _needless(step: TaskStep, facts: Facts, reading: Reading) -> TraceEntry | None:
    """Return the trace of a task that is not given out, since the condition that closes it holds already, or None."""
    rule = step.close_when
    if rule is None or rule.event is not None or rule.when is None or not reading.holds(rule.when, facts):
        return None
    return _entry(TraceKind.TASK, step, reason="not needed", seen=reading.explain(rule.when, facts))


def _entry(kind: TraceKind, step: Step, **detail: Any) -> TraceEntry:
    return TraceEntry(kind, step.name, detail)
