"""A journey: where a customer stands in a flow, and the decision what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.chance import share
from worker.domain.conditions.values import Reading
from worker.domain.facts import Facts
from worker.domain.routes import Route
from worker.domain.steps import Branch, Exit, ExitRule, If, Send, Split, Step, TaskStep, Wait
from worker.domain.waiting import wait_ends

# A journey that is woken this little late goes on as if it had been woken in time, so that waits do not drift.
PUNCTUAL = timedelta(minutes=5)


class JourneyState(StrEnum):
    """Where a journey stands."""

    WAITING = "waiting"  # at a step, until its time or its condition, or until its task is closed
    CONTROL = "control"  # set aside, receives nothing, is followed for the goal
    DONE = "done"  # ran to its end
    EXITED = "exited"  # ended early, by an exit rule or an exit step; the reason is kept
    FAILED = "failed"  # could not go on; the reason is kept


@dataclass(frozen=True, slots=True)
class Journey:
    """One customer's way through one version of a flow.

    Parameters:
        id: our own number of the row.
        step: name of the step it stands at, None before the first.
        due_at: when its wait ends, None where it does not wait for a time.
        turn: how often it was started over.
        withdrawn: whether an exit rule ended it, so that nothing of it is sent any more.
        day: the birthday or the day of the season that it is about.
    """

    id: int
    flow: str
    version_id: int
    customer_id: int
    once_key: str
    state: JourneyState
    entered_at: datetime
    step: str | None = None
    due_at: datetime | None = None
    turn: int = 0
    event_id: int | None = None
    order_number: str | None = None
    request: str | None = None
    withdrawn: bool = False
    day: date | None = None


class TraceKind(StrEnum):
    """What a line of a trace tells."""

    ENTERED = "entered"
    SEND = "send"  # a message was written
    TASK = "task"  # a task was given out, or was not because what closes it holds already
    WAIT = "wait"  # stands still until a time
    WAITED = "waited"  # goes on, by time or by condition
    FORK = "fork"  # an `if` or a `split` chose a way
    EXIT = "exit"
    GOAL = "goal"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"  # cannot go on yet, through no fault of its own


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One thing that was seen or decided; the detail is JSON."""

    kind: TraceKind
    step: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advance:
    """What a decision changes: where the journey stands then, which mails it writes, what is to be remembered.

    Parameters:
        tasks: the steps whose tasks are given out.
        withdraws: whether what the journey has in the queue is taken back (an exit rule fired).
    """

    state: JourneyState
    step: str | None
    due_at: datetime | None
    reason: str | None = None
    mails: tuple[Send, ...] = ()
    trace: tuple[TraceEntry, ...] = ()
    withdraws: bool = False
    tasks: tuple[TaskStep, ...] = ()


def advance(route: Route, journey: Journey, facts: Facts, reading: Reading, zone: ZoneInfo) -> Advance | None:
    """Take a journey as far as it goes at `facts.now`.

    Parameters:
        reading: how conditions are read (the segments they may name).
        zone: the customer's time zone, or the shop's.

    Returns:
        What changes, or None where it stays where it is.
    """
    now = facts.now
    left = exit_condition(route, facts, reading)
    if left is not None:
        return Advance(JourneyState.EXITED, journey.step, None, left[0], (), (left[1],), True)
    trace: list[TraceEntry] = []
    moment = now
    if journey.step is None:
        step = route.first
    else:
        standing = route.step(journey.step)
        if isinstance(standing, TaskStep):
            closed = _closed(standing, facts)
            if closed is None:
                return None
            return _walk(route, journey, route.after(standing), moment, facts, reading, zone, [closed])
        assert isinstance(standing, Wait), "a journey only ever stands at a wait or a task"
        if standing.until is not None and reading.holds(standing.until, facts):
            trace.append(_entry(TraceKind.WAITED, standing, until=reading.explain(standing.until, facts)))
        elif journey.due_at is not None and journey.due_at <= now:
            trace.append(TraceEntry(TraceKind.WAITED, standing.name))
            moment = journey.due_at if now - journey.due_at <= PUNCTUAL else now
        else:
            return None
        step = route.after(standing)
    return _walk(route, journey, step, moment, facts, reading, zone, trace)


def _walk(
    route: Route,
    journey: Journey,
    step: Step | None,
    moment: datetime,
    facts: Facts,
    reading: Reading,
    zone: ZoneInfo,
    trace: list[TraceEntry],
) -> Advance:
    mails: list[Send] = []
    tasks: list[TaskStep] = []

    def stands(state: JourneyState, at: str | None, due: datetime | None = None, reason: str | None = None) -> Advance:
        return Advance(state, at, due, reason, tuple(mails), tuple(trace), tasks=tuple(tasks))

    while step is not None:
        match step:
            case Send():
                mails.append(step)
                trace.append(_entry(TraceKind.SEND, step, template=step.template))
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
                step, moment = route.after(step), due
            case TaskStep():
                needless = _needless(step, facts, reading)
                trace.append(
                    needless or _entry(TraceKind.TASK, step, **({"assign": step.assign} if step.assign else {}))
                )
                if needless is None:
                    tasks.append(step)
                    if step.hold:
                        return stands(JourneyState.WAITING, step.name)
                step = route.after(step)
            case If():
                chosen = reading.holds(step.when, facts)
                seen = reading.explain(step.when, facts)
                trace.append(_entry(TraceKind.FORK, step, way="then" if chosen else "else", seen=seen))
                step = route.into(step, step.then if chosen else step.otherwise)
            case Split():
                branch = choose_branch(step, journey)
                trace.append(_entry(TraceKind.FORK, step, way=branch.name))
                step = route.into(step, branch.steps)
            case Exit():
                trace.append(_entry(TraceKind.EXIT, step, reason=step.reason))
                return stands(JourneyState.EXITED, step.name, None, step.reason)
            case _:
                raise AssertionError(f"no rule for {type(step).__name__}")
    trace.append(TraceEntry(TraceKind.DONE))
    return stands(JourneyState.DONE, None)


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


def choose_branch(split: Split, journey: Journey) -> Branch:
    """Return the way of a split that falls to this journey, always the same one."""
    total = sum(branch.weight for branch in split.branches)
    mark = share(journey.flow, str(journey.customer_id), journey.once_key, split.name) * total
    for branch in split.branches:
        mark -= branch.weight
        if mark < 0:
            return branch
    return split.branches[-1]


def exit_condition(route: Route, facts: Facts, reading: Reading) -> tuple[str, TraceEntry] | None:
    """Return the reason and the trace of the first exit condition that holds now, or None."""
    for rule in route.flow.exits:
        if rule.event is None and rule.when is not None and reading.holds(rule.when, facts):
            seen = reading.explain(rule.when, facts)
            return rule.when.text, TraceEntry(TraceKind.EXIT, None, {"when": rule.when.text, "seen": seen})
    return None


def exit_event(route: Route, journey: Journey, facts: Facts, reading: Reading) -> tuple[str, TraceEntry] | None:
    """Return the reason and the trace of the first exit rule that the event in `facts` fires, or None.

    An event of an order (or request) ends only journeys of that order (or request), where they have one;
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
    if journey.order_number and happening.order_number:
        same = journey.order_number == happening.order_number
        return not same if event == "purchase" else same
    if journey.request and happening.request:
        return journey.request == happening.request
    return True


def _entry(kind: TraceKind, step: Step, **detail: Any) -> TraceEntry:
    return TraceEntry(kind, step.name, detail)
