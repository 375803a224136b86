"""A flow as the engine runs it: what its file says, read and checked (`worker.language.flow.flows`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from worker.domain.conditions.tree import Expression
from worker.domain.durations import Duration
from worker.domain.messages import Kind
from worker.domain.steps import ExitRule, Step, expressions_of, walk
from worker.domain.tasks import Priority
from worker.domain.texts import LocalText
from worker.domain.triggers import EventTrigger as EventTrigger
from worker.domain.triggers import Trigger as Trigger
from worker.domain.utm import USUAL, Utm


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
class Goal:
    """What counts as success, credited to the flow's last send within the window before it."""

    event: str
    within: Duration
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow, whole.

    Parameters:
        name: unique; the file's own name.
        holdout: the share (0 to 1) of those who would enter that is set aside, and receives nothing.
        restarts: whether an entry while a journey is under way starts that one over; else it is ignored.
        utm: what its mails' links tell the shop's web statistics.
        priority: whose advertising goes first where a cap leaves no room for all.
        topic: what its marketing is about, by a name of the shop's `topics`; customers may leave a topic out.
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
    holdout: float = 0.0
    restarts: bool = False
    topic: str | None = None
    priority: Priority = Priority.NORMAL
    utm: Utm = USUAL
    meaning: str = ""


def expressions(flow: Flow) -> Iterator[Expression]:
    """Yield every condition and every expression in a text of the flow."""
    yield from _given(flow.when, flow.goal.when if flow.goal else None, *(rule.when for rule in flow.exits))
    for step in walk(flow.steps):
        yield from expressions_of(step)


def _given(*found: Expression | None) -> Iterator[Expression]:
    yield from (expression for expression in found if expression is not None)
