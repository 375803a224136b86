"""The steps of a flow, as the engine takes them: each has one verb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from decimal import Decimal

from worker.domain.conditions.tree import Expression
from worker.domain.durations import Duration
from worker.domain.messages import Kind
from worker.domain.tasks import Priority, ReminderRules, TaskType
from worker.domain.texts import LocalText, Text

_NO_REMINDERS = ReminderRules()

Values = tuple[tuple[str, Text], ...]
"""Names with the text that each gets its value of, in the order of the names."""


@dataclass(frozen=True, slots=True)
class ExitRule:
    """What ends a running journey: an event (with a condition of its own where wanted), or a condition alone."""

    event: str | None = None
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
    values: Values = ()  # `with:`
    expires: Duration | None = None
    kind: Kind | None = None  # None: the flow's
    to: str | None = None  # person or role of the staff who get it, instead of the customer
    when: Expression | None = None  # asked at the moment of sending; where it does not hold, nothing is sent


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
class Case:
    """One way of a choice, and when it is taken."""

    when: Expression
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choose(Step):
    """A fork of several conditions: the first that holds is taken."""

    cases: tuple[Case, ...]
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
class Coupon(Step):
    """A code of the customer's own, which a later purchase redeems by carrying it.

    Parameters:
        coupon: its name, as texts and conditions know it: `coupons.NAME.code`, `redeemed("NAME")`.
        percent, amount: what it takes off, one of them or neither (the shop knows).
        expires: how long it is good for.
        prefix: what made codes begin with.
    """

    coupon: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    expires: Duration | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class SetFields(Step):
    """Writes the customer's own fields."""

    values: Values


@dataclass(frozen=True, slots=True)
class AddToFields(Step):
    """Adds to the customer's own fields that are numbers; one that is missing counts as 0."""

    values: Values


@dataclass(frozen=True, slots=True)
class Tag(Step):
    """Gives the customer tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Untag(Step):
    """Takes tags from the customer."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suppress(Step):
    """No more marketing to the customer's address, until they subscribe, click or buy."""

    reason: str


@dataclass(frozen=True, slots=True)
class Emit(Step):
    """Reports an event of the shop's own, which other flows may trigger on."""

    event: str
    values: Values = ()


@dataclass(frozen=True, slots=True)
class Webhook(Step):
    """Tells another system, by a signed POST."""

    url: str
    values: Values = ()


Acting = Send | TaskStep | Coupon | SetFields | AddToFields | Tag | Untag | Suppress | Emit | Webhook
"""The steps that do something beside leading on."""


@dataclass(frozen=True, slots=True)
class Exit(Step):
    """Ends the journey, with a reason."""

    reason: str


def ways_of(step: Step) -> tuple[tuple[Step, ...], ...]:
    """Return the ways that a fork has, in the order of the file; of another step there are none."""
    match step:
        case If():
            return step.then, step.otherwise
        case Choose():
            return *(case.steps for case in step.cases), step.otherwise
        case Split():
            return tuple(branch.steps for branch in step.branches)
    return ()


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield every step, those inside branches too, in the order of the file."""
    for step in steps:
        yield step
        for way in ways_of(step):
            yield from walk(way)


def expressions_of(step: Step) -> Iterator[Expression]:
    """Yield every condition and every expression in a text of one step, not of those inside it."""
    match step:
        case If():
            yield step.when
        case Choose():
            yield from (case.when for case in step.cases)
        case Wait(until=until) if until is not None:
            yield until
        case TaskStep(close_when=rule) if rule is not None and rule.when is not None:
            yield rule.when
        case Send(when=when) if when is not None:
            yield when
    for text in _texts(step):
        yield from (part for part in text.parts if isinstance(part, Expression))


def _texts(step: Step) -> Iterator[Text]:
    match step:
        case Send():
            yield from (text for _, text in step.values)
            yield from step.subject.by_language.values() if step.subject else ()
        case TaskStep():
            yield from step.title.by_language.values()
            yield from step.note.by_language.values() if step.note else ()
        case SetFields() | AddToFields() | Emit() | Webhook():
            yield from (text for _, text in step.values)
