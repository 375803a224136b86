"""Orders as events tell of them, late, early and by others, and the facts of whoever placed them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.shop import Shop
from worker.domain.orders import Told
from worker.storage import customers, orders
from worker.storage.database import Database


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _facts(shop: Shop, external_id: str = "c1") -> tuple[int, Decimal]:
    with shop.database.reading() as connection:
        found = customers.by_external_id(connection, external_id)
    assert found is not None
    return found.facts.orders_count, found.facts.total_spent


def _ago(shop: Shop, hours: int) -> str:
    return (shop.now - timedelta(hours=hours)).isoformat()


def test_a_partial_refund_before_its_purchase(shop: Shop) -> None:
    """Given a refund of 100,000 that arrives first, when the purchase of 450,000 arrives, then 350,000 count."""
    shop.send("refund", order={"number": "A1"}, data={"amount": 100_000}, time=_ago(shop, 1))
    shop.buy("A1", 450_000, time=_ago(shop, 2))
    assert _facts(shop) == (1, Decimal(350_000))


def test_a_full_refund_before_its_purchase(shop: Shop) -> None:
    """Given a refund of everything that arrives first, when the purchase arrives, then nothing counts."""
    shop.send("refund", order={"number": "A1"}, time=_ago(shop, 1))
    shop.buy("A1", 450_000, time=_ago(shop, 2))
    assert _facts(shop) == (0, Decimal(0))


@pytest.mark.parametrize("final", ["refund", "order.cancelled"])
def test_a_final_order_that_gets_a_later_status_stays_out(shop: Shop, final: str) -> None:
    """Given an order that was called off, when word of an incident comes later, then it counts no more than before."""
    shop.buy("A1", 450_000, time=_ago(shop, 3))
    shop.send(final, order={"number": "A1"}, time=_ago(shop, 2))
    shop.send("order.incident", order={"number": "A1"}, time=_ago(shop, 1))
    assert _facts(shop) == (0, Decimal(0))


def test_all_that_was_told_is_kept(shop: Shop) -> None:
    """Given all kinds of events, when they are told one by one, then what was told reads back as it was written."""
    told: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("purchase", {"total": 450_000, "coupon": "TET", "currency": "VND"}, {}),
        ("order.shipped", {}, {}),
        ("refund", {}, {"amount": 100_000.5}),
        ("order.cancelled", {}, {}),
        ("refund", {}, {}),
    ]
    for hours, (kind, of, data) in enumerate(told):
        shop.send(kind, order={"number": "A1", **of}, data=data, time=_ago(shop, 9 - hours))
    at = [shop.now - timedelta(hours=9 - hours) for hours in range(len(told))]
    with shop.database.reading() as connection:
        order, known = orders.known(connection, "A1")
        assert orders.known(connection, "A2") == (None, Told())
    assert known == Told(
        status="shipped",
        status_at=at[1],
        total=Decimal(450_000),
        total_at=at[0],
        currency_at=at[0],
        coupon_at=at[0],
        cancelled_at=at[3],
        refunds=Decimal("100000.5"),
        refunded_at=at[4],
        all_refunded=True,
    )
    assert order is not None
    assert (order.status, order.status_at, order.refunded) == ("refunded", at[4], Decimal(450_000))
    assert not order.counted
