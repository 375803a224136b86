"""A journey: where a customer stands in a flow, and the trace of what was seen and decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from worker.domain.light import light


class JourneyState(StrEnum):
    """Where a journey stands."""

    WAITING = "waiting"  # at a step, until its time or its condition, or until its task is closed
    CONTROL = "control"  # set aside, receives nothing, is followed for the goal
    DONE = "done"  # ran to its end
    EXITED = "exited"  # ended early, by an exit rule or an exit step; the reason is kept
    FAILED = "failed"  # could not go on; the reason is kept


@light
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
        attempts: tries in a row that failed, or at which a process died.
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
    attempts: int = 0


class TraceKind(StrEnum):
    """What a line of a trace tells."""

    ENTERED = "entered"
    RESTARTED = "started over"  # by an entry while it was under way
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
    MIGRATED = "migrated"  # goes on in another version of its flow
    WROTE = "wrote"  # own fields or tags were written
    COUPON = "coupon"  # a code was made or drawn
    SUPPRESSED = "suppressed"  # no more marketing to the address
    EMITTED = "emitted"  # an event of the shop's own was reported, or was not, to end a circle of flows
    WEBHOOK = "webhook"  # another system is to be told


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One thing that was seen or decided; the detail is JSON."""

    kind: TraceKind
    step: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
