"""The flows that Phin ships for an order's life, its thanks, and a checkout that is left, on both databases."""

from __future__ import annotations

import pytest

from tests.support.shipped import on, own, publish, stage, steps
from tests.support.shop import LAN, Shop
from worker.storage.database import Database

STAGES = ("order-packing", "order-shipped", "order-delivered", "order-cancelled", "order-refunded")
CART = {"total": 535_000, "items": 3, "url": "https://the-coffee.example/cart/x", "lines": [{"name": "Phin nhôm"}]}


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database, **own())


def test_each_stage_is_told_once_and_at_once(shop: Shop) -> None:
    """Given an order that goes its way, when its stages are reported, one of them twice, then each is told once."""
    publish(shop, *STAGES)
    shop.buy("A1")
    for kind in ("order.packing", "order.packing", "order.shipped", "order.delivered"):
        stage(shop, kind)
        on(shop, "1 hour")
    assert shop.mails() == [
        ("01 Mar 14:00", "order-packing"),
        ("01 Mar 16:00", "order-shipped"),
        ("01 Mar 17:00", "order-delivered"),
    ]


def test_a_stage_that_is_over_is_not_told(shop: Shop) -> None:
    """Given an order that was delivered, when word of earlier stages comes late, then nobody hears of them."""
    publish(shop, *STAGES)
    shop.buy("A1")
    shop.wait("3 hours")
    stage(shop, "order.delivered")
    for kind, hours in (("order.packing", 2), ("order.shipped", 1)):
        earlier = shop.now.replace(hour=shop.now.hour - hours)
        shop.send(kind, order={"number": "A1"}, time=earlier.isoformat())
    assert steps(shop) == ["order-delivered"]


def test_a_mail_still_in_the_queue_is_taken_back_by_the_next_stage(shop: Shop) -> None:
    """Given a mail of packing that was not sent yet, when the order is shipped, then only that is told."""
    publish(shop, *STAGES)
    shop.buy("A1")
    stage(shop, "order.packing")
    stage(shop, "order.shipped")
    assert steps(shop) == ["order-shipped"]


def test_cancelling_and_each_refund_are_told(shop: Shop) -> None:
    """Given an order that is called off and paid back in two parts, then there are three mails, and none of packing."""
    publish(shop, *STAGES)
    shop.buy("A1")
    stage(shop, "order.cancelled", reason="Khách đổi ý")
    stage(shop, "order.packing")
    stage(shop, "refund", amount=100_000)
    stage(shop, "refund", amount=350_000)
    assert steps(shop) == ["order-cancelled", "order-refunded", "order-refunded"]


def test_thanks_follow_the_delivery_and_the_invitation_a_week_later(shop: Shop) -> None:
    """Given a delivery on the third day, then thanks come the morning after, and the invitation in a week."""
    publish(shop, "post-purchase")
    shop.buy("A1")
    on(shop, "3 days")
    stage(shop, "order.delivered")
    on(shop, "30 days")
    assert shop.mails() == [
        ("05 Mar 10:30", "thank-you"),
        ("12 Mar 10:30", "review-invite"),
        ("15 Mar 10:30", "review-reminder"),
    ]


def test_a_shop_that_reports_no_stages_thanks_after_a_fortnight(shop: Shop) -> None:
    """Given an order of which nothing more is reported, then after 14 days it is taken to have arrived."""
    publish(shop, "post-purchase")
    shop.buy("A1")
    on(shop, "40 days")
    assert shop.mails()[:2] == [("16 Mar 10:30", "thank-you"), ("23 Mar 10:30", "review-invite")]


def test_a_late_delivery_is_waited_for_and_a_lost_one_is_not_thanked_for(shop: Shop) -> None:
    """Given two orders that were shipped, when one arrives after 20 days and one never, then one is thanked for."""
    publish(shop, "post-purchase")
    other = LAN | {"id": "c2", "email": "minh@example.com", "name": "Minh"}
    shop.buy("A1")
    shop.buy("B1", customer=other)
    stage(shop, "order.shipped")
    shop.send("order.shipped", other, order={"number": "B1"})
    on(shop, "20 days")
    stage(shop, "order.delivered")
    on(shop, "30 days")
    assert [step for step in steps(shop) if step == "thank-you"] == ["thank-you"]
    reasons = {row.order_number: row.reason for row in shop.journeys()}
    assert reasons["B1"] == "no delivery was reported"


@pytest.mark.parametrize("kind", ["order.incident", "refund", "order.cancelled"])
def test_trouble_ends_thanks_and_invitation(shop: Shop, kind: str) -> None:
    """Given trouble with the order, on its way or after it came, then there is no invitation, delivered or not."""
    publish(shop, "post-purchase")
    shop.buy("A1")
    on(shop, "1 day")
    stage(shop, kind)
    stage(shop, "order.delivered")
    on(shop, "60 days")
    assert steps(shop) == []


def test_another_orders_trouble_is_not_this_ones(shop: Shop) -> None:
    """Given two orders, when one has an incident, then the other is still thanked for."""
    publish(shop, "post-purchase")
    shop.buy("A1")
    shop.buy("A2")
    stage(shop, "order.incident", "A2")
    stage(shop, "order.delivered", "A1")
    on(shop, "3 days")
    assert [(row.order_number, row.state) for row in shop.journeys()] == [("A1", "waiting"), ("A2", "exited")]
    assert steps(shop) == ["thank-you"]


def test_a_bad_mark_ends_the_invitations(shop: Shop) -> None:
    """Given an invitation, when it is answered with one star, then no second one follows."""
    publish(shop, "post-purchase")
    shop.buy("A1")
    stage(shop, "order.delivered")
    on(shop, "9 days")
    assert steps(shop) == ["thank-you", "review-invite"]
    stage(shop, "survey.answered", score=1)
    on(shop, "30 days")
    assert steps(shop) == ["thank-you", "review-invite"]


def test_a_checkout_that_is_left_is_recalled_twice(shop: Shop) -> None:
    """Given a checkout without an order, then a mail comes after an hour and one a day later, and no more that week."""
    publish(shop, "abandoned-checkout")
    shop.send("checkout.started", data=CART)
    on(shop, "2 days")
    shop.send("checkout.started", data=CART)
    on(shop, "4 days")
    assert shop.mails() == [("01 Mar 15:00", "checkout-reminder"), ("02 Mar 15:00", "checkout-last-note")]
    on(shop, "2 days")
    shop.send("checkout.started", data=CART)
    on(shop, "2 hours")
    assert len(shop.mails()) == 3


@pytest.mark.parametrize(("waits", "sent"), [("30 minutes", 0), ("2 hours", 1), ("1 day", 1)])
def test_an_order_ends_the_recalls(shop: Shop, waits: str, sent: int) -> None:
    """Given a checkout, when the order follows, then no mail is sent from then on."""
    publish(shop, "abandoned-checkout")
    shop.send("checkout.started", data=CART)
    on(shop, waits)
    shop.buy("A1")
    on(shop, "10 days")
    assert len(steps(shop)) == sent


def test_an_order_told_before_its_checkout_counts_too(shop: Shop) -> None:
    """Given an order that the shop tells of before it tells of its checkout, then there is nothing to recall."""
    publish(shop, "abandoned-checkout")
    began = shop.now.isoformat()
    shop.wait("5 minutes")
    shop.buy("A1")
    shop.send("checkout.started", data=CART, time=began)
    on(shop, "10 days")
    assert steps(shop) == []
