"""The values that a template may use: plain dictionaries, made from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.coupons import coupon_named
from worker.domain.facts import Facts, Happening
from worker.domain.given_names import greeted_by
from worker.domain.orders import Order
from worker.domain.rfm import rfm_class
from worker.domain.setting_groups import Shop


def shop_values(shop: Shop) -> dict[str, Any]:
    """Return `shop` as templates see it."""
    return shop.model_dump()


def template_values(facts: Facts, shop: Mapping[str, Any], given: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return all values for one mail.

    Parameters:
        shop: `shop_values` of the shop.
        given: the step's `with:`, which stand beside the rest at the top.
        zone: the customer's time zone, or the shop's.
    """
    journey, now = facts.journey, facts.now.astimezone(zone)
    values: dict[str, Any] = {
        **given,
        "customer": _customer(facts),
        "shop": shop,
        "now": now,
        "today": now.date(),
    }
    if facts.order is not None:
        values["order"] = _order(facts.order)
    if facts.event is not None:
        values["event"] = _event(facts.event)
    if journey is not None:
        values["journey"] = {
            "flow": journey.flow,
            "entered_at": journey.entered_at,
            "order_number": journey.order_number,
            "day": journey.day,
            "request": journey.request,
        }
    values["coupons"] = _coupons(facts)
    return values


def _coupons(facts: Facts) -> dict[str, dict[str, Any]]:
    """Return by name what each coupon is: the journey's own, else the customer's latest that is still good."""
    given = facts.history.coupons
    named = {name: coupon_named(name, given, facts.now) for name in dict.fromkeys(one.name for one in given)}
    return {
        name: {"code": one.code, "percent": one.percent, "amount": one.amount, "expires_at": one.expires_at}
        for name, one in named.items()
        if one is not None
    }


def _event(event: Happening) -> dict[str, Any]:
    itself = {"type": event.type, "at": event.at, "order_number": event.order_number, "request": event.request}
    return {**event.data, **itself}


def _customer(known: Facts) -> dict[str, Any]:
    customer, facts = known.customer, known.customer.facts
    return {
        **customer.fields,
        "id": customer.external_id,
        "email": customer.email,
        # templates greet by the whole name where there is no first one: by an address they must not
        "name": None if customer.name is not None and "@" in customer.name else customer.name,
        "first_name": greeted_by(customer, known.shop.language),
        "phone": customer.phone,
        "birthday": customer.birthday,
        "language": customer.language,
        "timezone": customer.timezone,
        "address": dict(customer.address),
        "tags": list(customer.tags),
        "orders_count": facts.orders_count,
        "total_spent": facts.total_spent,
        "average_order": facts.average_order,
        "first_order_at": facts.first_order_at,
        "last_order_at": facts.last_order_at,
        "rfm": rfm_class(facts, known.now, known.shop.rfm).value,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "total": order.total,
        "currency": order.currency,
        "status": order.status,
        "coupon": order.coupon,
        "placed_at": order.placed_at,
        "categories": list(order.categories),
        "skus": list(order.skus),
        "lines": [
            {
                "sku": line.sku,
                "name": line.name,
                "category": line.category,
                "quantity": line.quantity,
                "price": line.price,
                "amount": line.amount,
            }
            for line in order.lines
        ],
    }
