"""What an event says of an order, taken over into it: purchases place it, later events move its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.domain.orders import Order, OrderLine

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


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order as it stands after an event.

    Parameters:
        lines_changed: whether its lines are other ones than before.
        status: the status that the event reported, for the history; None where it reported none.
    """

    order: Order
    lines_changed: bool
    status: str | None


def order_change(
    known: Order | None,
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
        said: the event's `order`, checked: `number`, and where given `total` (decimal as text), `currency`,
            `status`, `coupon`, `lines`.
        data: the event's `data`; `amount` of a refund gives back a part.
        at: the event's time. An event older than the order's status adds to the history and does not turn it back.
        currency: the shop's, where the event names none.
    """
    order = known or Order(0, said["number"], customer_id, Decimal(0), currency, "unknown", counted=False)
    newest = order.status_at is None or at >= order.status_at
    lines = tuple(_line(line) for line in said["lines"]) if said.get("lines") is not None else None
    take_lines = lines is not None and lines != order.lines and (newest or not order.lines)
    if take_lines and lines is not None:
        order = replace(order, lines=lines)
    if said.get("total") is not None and (newest or known is None or order.placed_at is None):
        order = replace(order, total=Decimal(said["total"]))
    elif take_lines and order.placed_at is None and said.get("total") is None:
        order = replace(order, total=sum((line.amount for line in order.lines), Decimal(0)))
    if said.get("currency"):
        order = replace(order, currency=said["currency"])
    if said.get("coupon"):
        order = replace(order, coupon=said["coupon"])
    if event_type == "purchase" and (order.placed_at is None or at < order.placed_at):
        order = replace(order, placed_at=at)
    status = said.get("status") or STATUS_OF.get(event_type)
    if event_type == "refund":
        order, status = _refunded(order, data, status)
    if status is not None and newest:
        order = replace(order, status=status, status_at=at)
    given_back = order.refunded >= order.total > 0 or order.status in ("cancelled", "refunded")
    order = replace(order, counted=order.placed_at is not None and not given_back)
    return OrderChange(order, take_lines, status)


def _refunded(order: Order, data: Mapping[str, Any], status: str | None) -> tuple[Order, str | None]:
    amount = data.get("amount")
    if isinstance(amount, (int, float)) and not isinstance(amount, bool) and amount >= 0:
        refunded = min(order.total, order.refunded + Decimal(str(amount)))
    else:
        refunded = order.total
    whole = refunded >= order.total
    return replace(order, refunded=refunded), status if whole else None


def _line(said: Mapping[str, Any]) -> OrderLine:
    return OrderLine(
        said["sku"],
        said.get("name") or said["sku"],
        said.get("category"),
        int(said.get("quantity", 1)),
        Decimal(str(said.get("price", 0))),
    )
