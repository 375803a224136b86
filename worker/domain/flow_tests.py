"""A test of a flow, as its file says it: what is given, and the timeline that is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.errors import Place
from worker.domain.hits import HitKind
from worker.domain.repurchase import Prediction
from worker.domain.tasks import Outcome


class What(StrEnum):
    """What a line of a timeline tells; each is the key that names it in the file."""

    SEND = "send"  # a mail went out, to the customer or to staff
    SKIP = "skip"  # a mail did not, with the reason
    TASK = "task"  # a task was given out
    REMINDER = "reminder"  # staff were told of a task that is due, late, back, or handed on
    COUPON = "coupon"  # a code was made or drawn
    EMIT = "emit"  # an event of the shop's own was reported
    GOAL = "goal"  # an event was credited to the flow
    HELD = "held"  # a journey cannot go on at a step: its pool of codes is empty, or nobody is to get its mail
    EXIT = "exit"  # a journey ended before its last step
    ENTER = "enter"  # false: the customer was offered to the flow, and not taken
    FAILED = "failed"  # a mail or a journey failed; never expected


@dataclass(frozen=True, slots=True)
class Reported:
    """An event that the shop reports.

    Parameters:
        item: as the shop would send it, without id and time.
    """

    at: datetime
    item: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Looked:
    """The customer opens a mail, or clicks in it; `send` is the name of its step."""

    at: datetime
    kind: HitKind
    send: str
    place: Place


@dataclass(frozen=True, slots=True)
class TaskDone:
    """Staff close a task; `by` is a person's key, by default whose task it is."""

    at: datetime
    task: str
    outcome: Outcome
    by: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Unsubscribes:
    """The customer refuses more marketing: by the link of a mail, by default the last that came."""

    at: datetime
    send: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Confirms:
    """The customer says yes to marketing by the button of a mail, by default the last that came."""

    at: datetime
    send: str | None
    place: Place


Given = Reported | Looked | TaskDone | Unsubscribes | Confirms


@dataclass(frozen=True, slots=True)
class Expected:
    """A line that the timeline must hold.

    Parameters:
        at: to the minute.
        name: of the step, event or coupon, or the reason of an exit; None: any.
        details: what else must be so, such as `subject`, `reason`, `to`.
        contains: what the mail's text must hold.
    """

    at: datetime
    what: What
    name: str | None
    details: Mapping[str, str]
    contains: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class FlowTest:
    """One test of one flow.

    Parameters:
        name: what it promises.
        beside: names of other flows that are live too.
        zone: the customer's, in which the file tells its times.
        customer: as the shop would report them, consent among it.
        given: in the order of their times.
        control: whether everybody is in the holdout.
        branches: the way that each named split takes.
        pools: codes that the shop loaded, by coupon.
        foretold: what is foretold of the customer when the run begins; None: nothing.
        out_of_stock: the articles that the shop has none of, from the beginning.
        since: when the run begins; None: with what is given first.
        until: when it ends; None: when nothing is left to happen.
        expected: in the order of the file.
        finally_: what the customer's own fields and tags are to be at the end.
    """

    name: str
    flow: str
    zone: ZoneInfo
    customer: Mapping[str, Any]
    given: tuple[Given, ...]
    expected: tuple[Expected, ...]
    place: Place
    beside: tuple[str, ...] = ()
    control: bool = False
    branches: Mapping[str, str] = field(default_factory=dict)
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foretold: Prediction | None = None
    out_of_stock: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    finally_: Mapping[str, Any] = field(default_factory=dict)

    @property
    def begins(self) -> datetime:
        """When the run begins."""
        if self.since is not None:
            return self.since
        return self.given[0].at
