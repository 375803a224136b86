"""What events tell of an order, in any order they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.order_changes import OrderChange, order_change
from worker.domain.orders import Order

AT = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
LINES = [{"sku": "AR-250", "category": "arabica", "quantity": 2, "price": "225000"}]


def _tell(known: Order | None, event: str, hours: int = 0, data: dict[str, Any] | None = None, **said: Any) -> Order:
    return _change(known, event, hours, data, **said).order


def _change(
    known: Order | None, event: str, hours: int = 0, data: dict[str, Any] | None = None, **said: Any
) -> OrderChange:
    order = {"number": "A1", **said}
    return order_change(known, 1, event, order, data or {}, AT + timedelta(hours=hours), "VND")


def test_a_purchase_places_and_counts_the_order() -> None:
    """Given a purchase with lines and no total, when it is taken over, then the total is the lines' sum."""
    order = _tell(None, "purchase", lines=LINES)
    assert (order.total, order.currency, order.status, order.counted) == (Decimal(450000), "VND", "placed", True)
    assert order.placed_at == AT
    assert order.categories == ("arabica",)


def test_status_moves_on_and_an_older_word_does_not_turn_it_back() -> None:
    """Given a delivered order, when word of its packing comes late, then it stays delivered and the word is kept."""
    order = _tell(_tell(None, "purchase", total="450000"), "order.delivered", 48)
    late = _change(order, "order.packing", 1)
    assert late.order.status == "delivered"
    assert late.status == "packing"


def test_a_status_known_before_the_purchase_waits_for_it() -> None:
    """Given word of shipping before the purchase, when the purchase comes, then it counts and stays shipped."""
    order = _tell(None, "order.shipped", 5)
    assert not order.counted
    order = _tell(order, "purchase", 0, total="450000", lines=LINES)
    assert (order.status, order.counted, order.total, order.placed_at) == ("shipped", True, Decimal(450000), AT)


def test_refunds_take_out_their_amount_and_the_whole_takes_out_the_order() -> None:
    """Given an order of 450,000, when 100,000 and then the rest are given back, then it counts, then no more."""
    order = _tell(None, "purchase", total="450000")
    partly = _tell(order, "refund", 1, {"amount": 100000})
    assert (partly.refunded, partly.counted, partly.status) == (Decimal(100000), True, "placed")
    wholly = _tell(partly, "refund", 2, {"amount": 350000})
    assert (wholly.counted, wholly.status) == (False, "refunded")


def test_a_refund_without_an_amount_is_of_the_whole_and_a_cancellation_too() -> None:
    """Given an order, when it is refunded without an amount, or cancelled, then it does not count."""
    order = _tell(None, "purchase", total="450000")
    assert not _tell(order, "refund", 1).counted
    assert not _tell(order, "order.cancelled", 1).counted


@given(st.permutations(["purchase", "order.packing", "order.shipped", "order.delivered"]))
def test_the_order_in_which_words_come_does_not_matter(order_of_arrival: list[str]) -> None:
    """Given the four words of a delivered order, when they arrive in any order, then it ends the same."""
    hours = {"purchase": 0, "order.packing": 1, "order.shipped": 20, "order.delivered": 48}
    order: Order | None = None
    for event in order_of_arrival:
        said: dict[str, Any] = {"total": "450000", "lines": LINES} if event == "purchase" else {}
        order = _tell(replace(order, id=7) if order else None, event, hours[event], **said)
    assert order is not None
    assert (order.status, order.counted, order.total) == ("delivered", True, Decimal(450000))
    assert len(order.lines) == 1
