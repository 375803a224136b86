"""What an event says of an order, taken over into it; the outcome is the same in whatever order the events arrive.

The newest event that names a thing decides it: total, lines, currency, coupon, status. A cancellation and a full
refund are final. Amounts given back are added up and held against the total only where both are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.domain.orders import Order, OrderLine, Told

# The status that a house event brings, where the event does not name one itself.
STATUS_OF = {
    "purchase": "placed",
    "order.packing": "packing",
    "order.shipped": "shipped",
    "order.delivered": "delivered",
    "order.incident": "incident",
    "order.cancelled": "cancelled",
    "refund": "refunded",
}
UNKNOWN = "unknown"  # the status of an order of which no event has told one


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order as it stands after an event.

    Parameters:
        told: what events have told of it by now.
        lines_changed: whether its lines are other ones than before.
        status: the status that the event reported, for the history; None where it reported none.
    """

    order: Order
    told: Told
    lines_changed: bool
    status: str | None


def order_change(
    known: Order | None,
    told: Told,
    customer_id: int,
    event_type: str,
    said: Mapping[str, Any],
    data: Mapping[str, Any],
    at: datetime,
    currency: str,
) -> OrderChange:
    """Return what the order is after the event.

    Parameters:
        known: the order as it stands, or None where nothing is known of this number yet.
        told: what events have told of it before.
        customer_id: whose event it is. An order is the customer's who placed it first; until a purchase is known, the
            customer's of whom an event first named it.
        said: the event's `order`, checked: `number`, and where given `total` (decimal as text), `currency`,
            `status`, `coupon`, `lines`.
        data: the event's `data`; `amount` of a refund gives back a part.
        at: the event's time. Of two events of one moment the one that came later decides.
        currency: the shop's, where the event names none.
    """
    order = known or Order(0, said["number"], customer_id, Decimal(0), currency, UNKNOWN, counted=False)
    lines = order.lines
    if said.get("lines") is not None and _newest(at, told.lines_at):
        lines, told = tuple(_line(line) for line in said["lines"]), replace(told, lines_at=at)
    if said.get("total") is not None and _newest(at, told.total_at):
        told = replace(told, total=Decimal(said["total"]), total_at=at)
    if said.get("currency") and _newest(at, told.currency_at):
        order, told = replace(order, currency=said["currency"]), replace(told, currency_at=at)
    if said.get("coupon") and _newest(at, told.coupon_at):
        order, told = replace(order, coupon=said["coupon"]), replace(told, coupon_at=at)
    if event_type == "purchase" and (order.placed_at is None or at < order.placed_at):
        order = replace(order, placed_at=at, customer_id=customer_id)
    told, status = _with_status(told, event_type, said, data, at)
    total = told.total if told.total is not None else sum((line.amount for line in lines), Decimal(0))
    now = _follow(replace(order, lines=lines, total=total), told)
    if status is None and event_type == "refund" and now.status == "refunded":
        status = now.status  # a part that made it whole
    return OrderChange(now, told, lines != order.lines, status)


def _with_status(
    told: Told, event_type: str, said: Mapping[str, Any], data: Mapping[str, Any], at: datetime
) -> tuple[Told, str | None]:
    """Take over what the event says of status and money; returns the status that it reports, if any."""
    status = said.get("status") or STATUS_OF.get(event_type)
    part = _part(data) if event_type == "refund" else None
    if part is not None:
        told = replace(told, refunds=told.refunds + part, refunded_at=_latest(at, told.refunded_at))
        status = said.get("status")
        if status == "refunded":  # whether all is given back, the amounts say
            return told, None
    elif event_type == "refund" or status == "refunded":
        told = replace(told, all_refunded=True, refunded_at=_latest(at, told.refunded_at))
    if event_type == "order.cancelled" or status == "cancelled":
        told = replace(told, cancelled_at=_latest(at, told.cancelled_at))
    elif status not in (None, "refunded") and _newest(at, told.status_at) and not _falls_back(status, at, told):
        told = replace(told, status=status, status_at=at)
    return told, status


def _follow(order: Order, told: Told) -> Order:
    """Return the order as it follows from what was told."""
    known = order.placed_at is not None  # before, nobody knows what its total is
    whole = told.all_refunded or (known and 0 < told.refunds >= order.total)
    final = [(told.cancelled_at, "cancelled")] if told.cancelled_at is not None else []
    if whole and told.refunded_at is not None:
        final.append((told.refunded_at, "refunded"))
    status_at, status = max(final) if final else (told.status_at, told.status or UNKNOWN)
    return replace(
        order,
        status=status,
        status_at=status_at,
        refunded=order.total if whole else min(order.total, told.refunds),
        counted=known and not final,
    )


def _part(data: Mapping[str, Any]) -> Decimal | None:
    """Return the amount that a refund gives back; None where it gives back all."""
    amount = data.get("amount")
    if isinstance(amount, (int, float)) and not isinstance(amount, bool) and amount >= 0:
        return Decimal(str(amount))
    return None


def _falls_back(status: str | None, at: datetime, told: Told) -> bool:
    """Whether an order would be placed again by a purchase of the very moment of a later status."""
    return status == "placed" and told.status is not None and at == told.status_at


def _newest(at: datetime, known: datetime | None) -> bool:
    return known is None or at >= known


def _latest(at: datetime, known: datetime | None) -> datetime:
    return at if known is None else max(at, known)


def _line(said: Mapping[str, Any]) -> OrderLine:
    return OrderLine(
        said["sku"],
        said.get("name") or said["sku"],
        said.get("category"),
        int(said.get("quantity", 1)),
        Decimal(str(said.get("price", 0))),
    )
