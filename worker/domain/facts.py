"""Facts: all that a condition or a step may look at, at one moment, for one customer and one journey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from worker.domain.customers import Customer
from worker.domain.light import light
from worker.domain.orders import Order
from worker.domain.rfm import RfmLimits
from worker.domain.tasks import TaskState


class Need(StrEnum):
    """A part of the history that an expression asks for, loaded only where it is asked for."""

    ORDERS = "orders"  # all counted orders of the customer: bought(), ordered()
    EVENTS = "events"  # all that the customer did, where it cannot be said what (see `EventsOf`)
    MAILS = "mails"  # this journey's mails and people's hits on them: sent(), opened(), clicked()
    FLOWS = "flows"  # flows under way for the customer: in_flow()
    TASKS = "tasks"  # this journey's tasks: task_done(), and a task that the journey waits for
    REQUESTS = "requests"  # the customer's open support requests: open_request()
    STOCK = "stock"  # articles that the shop has none of: in_stock()
    COUPONS = "coupons"  # coupons that the customer was given: redeemed(), and `coupons.NAME` in texts


@dataclass(frozen=True, slots=True)
class EventsOf:
    """Events of one type that an expression counts: within the time before now, or since the journey began.

    Parameters:
        at_least: how many are enough.
    """

    type: str
    within: timedelta | Literal["journey"] | None = None
    at_least: int = 1


Needs = frozenset[Need | EventsOf]


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """The shop as conditions and templates see it."""

    name: str
    timezone: str  # IANA name
    language: str
    currency: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    rfm: RfmLimits = field(default_factory=RfmLimits)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a customer.

    Parameters:
        data: what it told beside; history keeps none of it.
        received_at: when it came in, where that matters.
    """

    type: str
    at: datetime
    order_number: str | None = None
    request: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MailFact:
    """What became of one mail of this journey; opens and clicks are people's."""

    step: str
    sent_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskFact:
    """What became of one task of this journey.

    Parameters:
        outcome: how it was closed; None while it is open.
        by: who closed it: key of a staff member, or `phin`.
    """

    step: str
    state: TaskState
    outcome: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class CouponFact:
    """A coupon that the customer was given.

    Parameters:
        percent, amount: what it takes off, where that is known; the amount in `currency`.
        expires_at: the last second at which it is good; None: no end.
        order_number: of the order that redeemed it, whoever's that is.
        own: whether the journey that asks gave it.
    """

    name: str
    code: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    expires_at: datetime | None = None
    redeemed_at: datetime | None = None
    order_number: str | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A journey of the customer that has not ended, by its flow's name."""

    flow: str
    order_number: str | None = None


@light
@dataclass(frozen=True, slots=True)
class JourneyFacts:
    """The journey that asks.

    Parameters:
        began_at: when the event happened that began it, from which `ordered()` and the like count; processing, and
            with it `entered_at`, may have come later. None: `entered_at`.
        day: the birthday or the day of the season that the turn of the clock was about which began it.
    """

    flow: str
    entered_at: datetime
    order_number: str | None = None
    request: str | None = None
    began_at: datetime | None = None
    day: date | None = None

    @property
    def since(self) -> datetime:
        """The moment from which on something counts as done since the journey began."""
        return self.began_at or self.entered_at


@light
@dataclass(frozen=True, slots=True)
class History:
    """The parts of the past that were loaded (see `Need`); what was not asked for is empty."""

    orders: tuple[Order, ...] = ()  # counted ones, oldest first
    events: tuple[Happening, ...] = ()  # of the types asked for, as far back as asked for, oldest first
    mails: tuple[MailFact, ...] = ()
    flows: tuple[UnderWay, ...] = ()
    tasks: tuple[TaskFact, ...] = ()
    requests: tuple[str, ...] = ()  # numbers of those that are open, the oldest first
    coupons: tuple[CouponFact, ...] = ()  # the one that was given first first
    out_of_stock: frozenset[str] = frozenset()  # by SKU


@light
@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at `now`.

    Parameters:
        now: the moment, in UTC.
        event: what the trigger reported, as it was; None for a trigger without one.
        order: the order of the journey (or of the event) as it stands now.
    """

    now: datetime
    shop: ShopFacts
    customer: Customer
    order: Order | None = None
    event: Happening | None = None
    journey: JourneyFacts | None = None
    history: History = History()
