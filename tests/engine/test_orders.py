"""Orders as events tell of them, late, early and by others, and the facts of whoever placed them."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen

from tests.support.shop import LAN, Shop
from worker.domain.orders import Told
from worker.storage import customers, orders
from worker.storage.database import Database
from worker.storage.tables import event


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


MINH = {"id": "c2", "email": "minh@example.com"}


def test_an_order_stays_with_whom_it_was_placed_by(shop: Shop) -> None:
    """Given Lan's order, when Minh's event gives money back on it, then it is Lan's facts that change."""
    shop.buy("A1", 450_000)
    shop.send("refund", MINH, order={"number": "A1"}, data={"amount": 100_000})
    assert (_facts(shop), _facts(shop, "c2")) == ((1, Decimal(350_000)), (0, Decimal(0)))
    shop.buy("A1", 450_000, MINH, time=(shop.now + timedelta(hours=1)).isoformat())
    assert (_facts(shop), _facts(shop, "c2")) == ((1, Decimal(350_000)), (0, Decimal(0)))
    with shop.database.reading() as connection:
        notes = connection.execute(select(event.c.reason).order_by(event.c.id)).scalars().all()
    assert notes == [None, *["order A1 is another customer's and stays theirs"] * 2]


def test_an_order_goes_to_who_placed_it_once_that_is_known(shop: Shop) -> None:
    """Given an order that Minh's event named first, when Lan's purchase of it comes, then it is Lan's alone."""
    shop.buy("A1", 450_000, MINH, time=_ago(shop, 1))
    shop.buy("A1", 450_000, time=_ago(shop, 2))
    assert (_facts(shop), _facts(shop, "c2")) == ((1, Decimal(450_000)), (0, Decimal(0)))


def test_whose_order_it_is_their_journeys_look_again(shop: Shop) -> None:
    """Given Lan's journey that ends when her order is called off, when Minh's event does that, then it ends."""
    shop.publish(
        after='trigger: purchase\nexit: [{when: order.status == "cancelled"}]\nsteps: [{wait: 7 days}, {send: welcome}]'
    )
    shop.buy("A1")
    shop.send("order.cancelled", MINH, order={"number": "A1"})
    shop.step()
    assert [row.state for row in shop.journeys()] == ["exited"]


def test_two_customers_events_of_one_anothers_orders(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two customers whose events name one another's orders, when they are processed at once, then in turn."""
    shop = Shop(postgres_database)
    shop.buy("A1")
    shop.buy("A2", customer=MINH)
    works = [
        shop.receive({"id": number, "type": "refund", "customer": person, "order": {"number": number}})[1]
        for number, person in (("A1", MINH), ("A2", LAN))
    ]
    both, reading, faults = threading.Barrier(2, timeout=0.5), orders.known, []

    def known(*asked: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            both.wait()  # each holds its own customer now, if nothing keeps the second one back
        return reading(*asked)

    monkeypatch.setattr(orders, "known", known)
    listen(postgres_database.engine, "handle_error", lambda context: faults.append(context.original_exception))
    threads = [threading.Thread(target=shop.process, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert (_facts(shop), _facts(shop, "c2")) == ((0, Decimal(0)), (0, Decimal(0)))
