"""The values of names: what `customer.birthday` or `event.total` is, in the facts at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.readings import Value, number_of, within
from worker.domain.conditions.tree import Name
from worker.domain.coupons import coupon_named
from worker.domain.customers import ConsentState as State
from worker.domain.customers import Customer, CustomerFacts
from worker.domain.facts import CouponFact, Facts, Happening, JourneyFacts, ShopFacts
from worker.domain.orders import Order
from worker.domain.rfm import rfm_class
from worker.domain.zones import zone_of

T = TypeVar("T")


def value_of(name: Name, facts: Facts) -> Value:
    """Return a name's value, or None where it is missing.

    Raises:
        ExpressionError: the name has a beginning that is not known, which the check would have told.
    """
    root, *rest = name.path
    match root:
        case "now" if not rest:
            return facts.now
        case "today" if not rest:
            return facts.now.astimezone(zone_of(facts.customer.timezone, facts.shop.timezone)).date()
        case "customer" if rest:
            return _of_customer(facts, rest)
        case "order" if rest:
            return _of_order(facts.order, rest)
        case "event" if rest:
            return _of_event(facts.event, rest)
        case "journey" if rest:
            return _plain(_JOURNEY, facts.journey, rest)
        case "shop" if rest:
            return _plain(_SHOP, facts.shop, rest)
        case "coupons" if len(rest) == 2:
            return _plain(_COUPON, coupon_named(rest[0], facts.history.coupons, facts.now), rest[1:])
    raise ExpressionError(f"'{'.'.join(name.path)}' is not known", name.at, name.length)


def tracked(customer: Customer) -> bool:
    """Whether the customer's address agreed to tracking; without it opens and clicks do not count."""
    return customer.consent.tracking is State.SUBSCRIBED


def unsaid(name: Name, customer: Customer) -> bool:
    """Whether a name is a consent about which the customer's address never said anything: it counts as no."""
    states = {"customer.consent": customer.consent.marketing, "customer.tracking": customer.consent.tracking}
    return states.get(".".join(name.path)) is State.UNKNOWN


def _of_customer(facts: Facts, path: list[str]) -> Value:
    customer = facts.customer
    if path == ["rfm"]:
        return rfm_class(customer.facts, facts.now, facts.shop.rfm).value
    if path[0] == "address":
        return within(customer.address, path[1:]) if len(path) > 1 else None
    if len(path) == 1 and path[0] in _CUSTOMER:
        return _CUSTOMER[path[0]](customer)
    return within(customer.fields, path)


def _of_order(order: Order | None, path: list[str]) -> Value:
    if path == ["categories"]:
        return order.categories if order is not None else ()
    if path == ["skus"]:
        return order.skus if order is not None else ()
    return _plain(_ORDER, order, path)


def _of_event(event: Happening | None, path: list[str]) -> Value:
    if event is None:
        return None
    return _EVENT[path[0]](event) if len(path) == 1 and path[0] in _EVENT else within(event.data, path)


def _plain(table: Mapping[str, Callable[[T], Value]], of: T | None, path: list[str]) -> Value:
    return table[path[0]](of) if of is not None and len(path) == 1 and path[0] in table else None


def _average(facts: CustomerFacts) -> float | None:
    spent = number_of(facts.total_spent)  # divided as doubles, so that the database comes to the same
    return spent / facts.orders_count if facts.orders_count and spent is not None else None


_CUSTOMER: dict[str, Callable[[Customer], Value]] = {
    "id": lambda customer: customer.external_id,
    "email": lambda customer: customer.email,
    "name": lambda customer: customer.name,
    "first_name": lambda customer: customer.first_name,
    "phone": lambda customer: customer.phone,
    "birthday": lambda customer: customer.birthday,
    "language": lambda customer: customer.language,
    "timezone": lambda customer: customer.timezone,
    "created_at": lambda customer: customer.created_at,
    "tags": lambda customer: customer.tags,
    "consent": lambda customer: customer.consent.marketing is State.SUBSCRIBED,
    "tracking": tracked,
    "orders_count": lambda customer: number_of(customer.facts.orders_count),
    "total_spent": lambda customer: number_of(customer.facts.total_spent),
    "average_order": lambda customer: _average(customer.facts),
    "first_order_at": lambda customer: customer.facts.first_order_at,
    "last_order_at": lambda customer: customer.facts.last_order_at,
    "last_opened_at": lambda customer: customer.facts.last_opened_at,
    "last_clicked_at": lambda customer: customer.facts.last_clicked_at,
    "alive": lambda customer: None if customer.facts.alive is None else number_of(customer.facts.alive),
    "predicted_next_order_at": lambda customer: customer.facts.predicted_next_order_at,
}
_ORDER: dict[str, Callable[[Order], Value]] = {
    "number": lambda order: order.number,
    "total": lambda order: number_of(order.total),
    "refunded": lambda order: number_of(order.refunded),
    "currency": lambda order: order.currency,
    "status": lambda order: order.status,
    "coupon": lambda order: order.coupon,
    "placed_at": lambda order: order.placed_at,
}
_EVENT: dict[str, Callable[[Happening], Value]] = {
    "type": lambda event: event.type,
    "at": lambda event: event.at,
    "order_number": lambda event: event.order_number,
    "request": lambda event: event.request,
}
_JOURNEY: dict[str, Callable[[JourneyFacts], Value]] = {
    "flow": lambda journey: journey.flow,
    "entered_at": lambda journey: journey.entered_at,
    "order_number": lambda journey: journey.order_number,
    "day": lambda journey: journey.day,
    "request": lambda journey: journey.request,
}
_COUPON: dict[str, Callable[[CouponFact], Value]] = {
    "code": lambda coupon: coupon.code,
    "percent": lambda coupon: None if coupon.percent is None else number_of(coupon.percent),
    "amount": lambda coupon: None if coupon.amount is None else number_of(coupon.amount),
    "expires_at": lambda coupon: coupon.expires_at,
}
_SHOP: dict[str, Callable[[ShopFacts], Value]] = {
    "name": lambda shop: shop.name,
    "language": lambda shop: shop.language,
    "timezone": lambda shop: shop.timezone,
    "currency": lambda shop: shop.currency,
}
