"""The scene of a preview: whose mail it is and what it is about, from the database or made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.domain.calendars.occurrences import Seasons, next_of, own_turn
from worker.domain.customers import Customer
from worker.domain.errors import PhinError
from worker.domain.facts import CouponFact, Facts, Happening, JourneyFacts, Need, ShopFacts
from worker.domain.orders import Order
from worker.domain.steps import Coupon, walk
from worker.domain.triggers import DateTrigger, EventTrigger, SegmentTrigger
from worker.domain.zones import zone_of
from worker.rehearsal.occasions import Occasion
from worker.rehearsal.samples import Samples
from worker.storage import customers, facts, orders
from worker.storage.facts import Asking
from worker.storage.latest_of import last_event, last_order

# What an order's status is at an event that tells of it.
_STATUS: Mapping[str, str] = {
    "order.packing": "packing",
    "order.shipped": "shipped",
    "order.delivered": "delivered",
    "order.incident": "incident",
    "order.cancelled": "cancelled",
    "refund": "refunded",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a mail is made from.

    Parameters:
        made_up: what of it is made up: `customer`, `order`, `event`.
        note: what a person should know of the choice, or nothing.
    """

    facts: Facts
    made_up: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a scene is set with.

    Parameters:
        needs_order: whether the template cannot be rendered without an order.
    """

    samples: Samples
    shop: ShopFacts
    seasons: Seasons
    occasion: Occasion | None
    needs_order: bool

    @property
    def about_order(self) -> bool:
        """Whether the mail is about an order; where no flow sends it, one does no harm."""
        return self.needs_order or self.occasion is None or self.occasion.about_order

    @property
    def event_type(self) -> str | None:
        """The type of the event that started the journey."""
        return self.occasion.event if self.occasion is not None else None

    @property
    def about_event(self) -> bool:
        """Whether an event started the journey; where no flow sends the mail, one does no harm."""
        return self.occasion is None or self.occasion.event is not None

    def made_up(self, customer: Customer | None = None) -> Scene:
        """Return a scene in which the customer, or what is about a known one, is made up."""
        whose = customer or self.samples.customer()
        order = self.order(whose)
        event = self.samples.event(self.event_type, order) if self.about_event else None
        named = ("customer", "order" if order else "", "event" if event else "")
        return self.staged(whose, order, event, tuple(one for one in named if one))

    def order(self, customer: Customer) -> Order | None:
        """Return a made-up order, where the mail is about one."""
        if not self.about_order:
            return None
        return self.samples.order(customer.id, _STATUS.get(self.event_type or "", "placed"))

    def staged(
        self,
        customer: Customer,
        order: Order | None,
        event: Happening | None,
        made_up: tuple[str, ...],
        note: str = "",
        known: Facts | None = None,
    ) -> Scene:
        """Put a scene together.

        Parameters:
            known: the facts of the customer as the database has them, where it does.
        """
        now = self.samples.now
        journey = None
        if self.occasion is not None:
            number = order.number if order is not None else None
            request = event.request if event is not None else None
            day = self._day(customer)
            journey = JourneyFacts(
                self.occasion.flow.name, now, number, request, event.at if event is not None else None, day
            )
        known = known or Facts(now, self.shop, customer)
        history = replace(known.history, coupons=(*known.history.coupons, *self._coupons(known)))
        return Scene(replace(known, order=order, event=event, journey=journey, history=history), made_up, note)

    def _coupons(self, known: Facts) -> Iterator[CouponFact]:
        """Yield a made-up coupon for each that the flow gives and the customer does not have."""
        mine = {coupon.name for coupon in known.history.coupons}
        steps = walk(self.occasion.flow.steps) if self.occasion is not None else ()
        yield from (self.samples.coupon(step) for step in steps if isinstance(step, Coupon) and step.coupon not in mine)

    def _day(self, customer: Customer) -> date | None:
        """Return the birthday or the day of the season that the next turn is about."""
        assert self.occasion is not None
        now, zone = self.samples.now, zone_of(customer.timezone, self.shop.timezone)
        for trigger in self.occasion.flow.triggers:
            if isinstance(trigger, EventTrigger | SegmentTrigger):
                continue
            wall = ZoneInfo(self.shop.timezone) if trigger.by_shop else zone
            if isinstance(trigger, DateTrigger) and trigger.field == "customer.birthday" and customer.birthday:
                turn = own_turn(trigger, customer.birthday, wall, now)
            else:
                turn = next_of(trigger, wall, now, self.seasons)
            if turn is not None and turn.day is not None:
                return turn.day
        return None


def real_scene(connection: Connection, setting: Setting, customer: str | None, order: str | None) -> Scene:
    """Return a scene of the database: a customer's latest order and event, or those of a named order.

    Parameters:
        customer: the shop's id, an address, or `#12`; None: the one whose order it is.

    Raises:
        PhinError: there is no such customer or order, or the order is another customer's.
    """
    whose, about, note = _found(connection, customer, order)
    made_up: list[str] = []
    event = None
    if setting.about_event and setting.occasion is not None:
        types = [one.event for one in setting.occasion.flow.triggers if isinstance(one, EventTrigger)]
        event = last_event(connection, whose.id, types, order)
    if about is None and setting.about_order:
        number = event.order_number if event is not None else None
        about = orders.by_number(connection, [number]).get(number) if number else last_order(connection, whose.id)
        if about is None:
            made_up.append("order")
            about = setting.order(whose)
    if event is None and setting.about_event:
        made_up.append("event")
        event = setting.samples.event(setting.event_type, about)
    known = facts.load(connection, Asking(whose, frozenset({Need.COUPONS})), setting.shop, setting.samples.now)
    return setting.staged(whose, about, event, tuple(made_up), note, known)


def _found(connection: Connection, customer: str | None, number: str | None) -> tuple[Customer, Order | None, str]:
    order = orders.by_number(connection, [number]).get(number) if number is not None else None
    if number is not None and order is None:
        raise PhinError(f"there is no order '{number}'; name it by the shop's own number")
    if customer is None:
        assert order is not None, "a customer or an order is named"
        people = list(customers.by_id(connection, [order.customer_id]).values())
    else:
        people = customers.find(connection, customer)
    if not people:
        raise PhinError(f"no customer is known as '{customer}'; name the shop's id, an e-mail address, or #number")
    fitting = [one for one in people if order is None or one.id == order.customer_id]
    if not fitting:
        raise PhinError(f"order '{number}' is another customer's; leave --customer out to see it with its own")
    note = f"{len(fitting)} customers are known so; this is #{fitting[0].id}" if len(fitting) > 1 else ""
    return fitting[0], order, note
