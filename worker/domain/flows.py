"""A flow as the engine runs it: what its file says, read and checked (`worker.language.flows`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from worker.domain.conditions.tree import Expression
from worker.domain.durations import Duration
from worker.domain.messages import Kind
from worker.domain.tasks import Priority, ReminderRules, TaskType
from worker.domain.texts import LocalText, Text
from worker.domain.triggers import EventTrigger as EventTrigger
from worker.domain.triggers import Trigger as Trigger

_NO_REMINDERS = ReminderRules()


class FlowStatus(StrEnum):
    """What a flow's file asks for; not part of its meaning."""

    LIVE = "live"  # customers enter and are sent to
    DRAFT = "draft"  # checked, never runs
    PAUSED = "paused"  # nobody enters, nothing is sent, waits go on


class OnceKind(StrEnum):
    """How often a customer may enter a flow."""

    EVER = "ever"
    EVENT = "per event"
    ORDER = "per order"
    YEAR = "per year"
    SEASON = "per season"
    SPAN = "per span"  # at least `span` since the customer's last entry
    EACH = "each its own"  # triggers of several kinds, and nothing said: by each its own rule


@dataclass(frozen=True, slots=True)
class Once:
    """The rule of entry; `span` only with OnceKind.SPAN."""

    kind: OnceKind
    span: Duration | None = None


@dataclass(frozen=True, slots=True)
class ExitRule:
    """What ends a running journey: an event (with a condition of its own where wanted), or a condition alone."""

    event: str | None = None
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What counts as success, credited to the flow's last send within the window before it."""

    event: str
    within: Duration
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `name` is unique in its flow and survives edits, `line` is where it stands in the file (from 1)."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Send(Step):
    """An e-mail to the customer; the journey goes on at once."""

    template: str
    subject: LocalText | None = None
    from_name: str | None = None
    values: tuple[tuple[str, Text], ...] = ()  # `with:`
    expires: Duration | None = None
    kind: Kind | None = None  # None: the flow's
    to: str | None = None  # person or role of the staff who get it, instead of the customer


@dataclass(frozen=True, slots=True)
class Wait(Step):
    """A pause; ends after `duration` (at a time of day, on given weekdays), or earlier once `until` holds.

    Parameters:
        at: wall-clock time in the customer's zone.
        on: weekdays on which it may end, 0 = Monday; empty: any.
    """

    duration: Duration
    at: time | None = None
    on: frozenset[int] = frozenset()
    until: Expression | None = None


@dataclass(frozen=True, slots=True)
class If(Step):
    """A fork by a condition."""

    when: Expression
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """One way of a split; weights are relative to each other."""

    name: str
    weight: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Split(Step):
    """A fork by a stable hash of journey and step."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class TaskStep(Step):
    """Something that staff are to do; the journey goes on at once, or waits until it is closed.

    Parameters:
        assign: a person, or a role, of which the next in turn gets it; None: whoever of all the staff is next.
        due: how long after it came; minutes and hours are clock time, nights and weekends counted.
        reminders: when its reminders come.
        close_when: what closes it by itself: an event, or a condition that comes true.
        hold: whether the journey waits until it is closed.
    """

    title: LocalText
    note: LocalText | None = None
    assign: str | None = None
    due: Duration | None = None
    reminders: ReminderRules = _NO_REMINDERS
    type: TaskType = TaskType.TODO
    priority: Priority = Priority.NORMAL
    close_when: ExitRule | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Exit(Step):
    """Ends the journey, with a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow, whole.

    Parameters:
        name: unique; the file's own name.
        meaning: hash of what the file means, without comments, order of keys and status (hex).
    """

    name: str
    title: LocalText
    kind: Kind
    status: FlowStatus
    triggers: tuple[Trigger, ...]
    once: Once
    steps: tuple[Step, ...]
    when: Expression | None = None
    exits: tuple[ExitRule, ...] = ()
    goal: Goal | None = None
    meaning: str = ""


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield every step, those inside branches too, in the order of the file."""
    for step in steps:
        yield step
        if isinstance(step, If):
            yield from walk(step.then)
            yield from walk(step.otherwise)
        elif isinstance(step, Split):
            for branch in step.branches:
                yield from walk(branch.steps)


def expressions(flow: Flow) -> Iterator[Expression]:
    """Yield every condition and every expression in a text of the flow."""
    yield from _given(flow.when, flow.goal.when if flow.goal else None, *(rule.when for rule in flow.exits))
    for step in walk(flow.steps):
        if isinstance(step, If):
            yield step.when
        elif isinstance(step, Wait):
            yield from _given(step.until)
        elif isinstance(step, TaskStep) and step.close_when is not None:
            yield from _given(step.close_when.when)
        for text in _texts(step):
            yield from (part for part in text.parts if isinstance(part, Expression))


def _texts(step: Step) -> Iterator[Text]:
    if isinstance(step, Send):
        yield from (text for _, text in step.values)
        yield from step.subject.by_language.values() if step.subject else ()
    elif isinstance(step, TaskStep):
        yield from step.title.by_language.values()
        yield from step.note.by_language.values() if step.note else ()


def _given(*found: Expression | None) -> Iterator[Expression]:
    yield from (expression for expression in found if expression is not None)
