"""Coupons: one a step, made or drawn from the shop's pool, shown in texts, redeemed once by an order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.shop import LAN, Shop
from worker.domain.coupons import ALPHABET
from worker.storage import pools
from worker.storage.coupons import Terms
from worker.storage.database import Database
from worker.storage.tables import coupon, event

THANKS = """
    trigger: purchase
    steps:
      - coupon: thanks
        percent: 10%
        expires: 30 days
      - send: thank-you
        subject: "{{ coupons.thanks.code }} until {{ coupons.thanks.expires_at }}"
        with: {code: "{{ coupons.thanks.code }}", off: "{{ coupons.thanks.percent }}"}
      - task: Tell {{ customer.name }} of {{ coupons.thanks.code }}
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases; it is Monday, 14:00 in Ho Chi Minh City."""
    return Shop(database)


def rows(shop: Shop) -> list[Any]:
    """Return all coupons, in order."""
    with shop.database.reading() as connection:
        return list(connection.execute(select(coupon).order_by(coupon.c.id)))


def load(shop: Shop, name: str, *codes: str, terms: Terms | None = None) -> None:
    """Put codes into a pool."""
    with shop.database.writing() as connection:
        pools.load(connection, name, codes, terms or Terms(), shop.now)
        pools.settle(connection)


def redeemed_events(shop: Shop) -> list[Any]:
    """Return what was reported of coupons."""
    with shop.database.reading() as connection:
        return list(connection.execute(select(event).where(event.c.type == "coupon.redeemed").order_by(event.c.id)))


def order(number: str, code: str | None) -> dict[str, Any]:
    """Return an order as a shop tells it."""
    return {"number": number, "total": 300_000, "coupon": code}


def test_a_code_is_made_and_the_steps_after_it_show_it(shop: Shop) -> None:
    """Given a flow without a pool, when a customer comes to the step, a code is made, and mail and task show it."""
    shop.publish(post=THANKS)
    shop.buy("A1")
    (made,) = rows(shop)
    prefix, _, random = made.code.partition("-")
    assert prefix == "THANKS"
    assert len(random) == 9
    assert set(random) <= set(ALPHABET)
    assert (made.percent, made.loaded, made.redeemed_at) == (Decimal(10), False, None)
    assert made.expires_at == datetime(2027, 3, 31, 16, 59, 59, tzinfo=UTC)  # the end of 31 March in the shop
    (mail,) = shop.messages()
    assert mail.values["with"] == {"code": made.code, "off": "10"}
    assert mail.values["subject"] == f"{made.code} until 2027-03-31 23:59"
    detail = next(detail for kind, detail in shop.trace(1) if kind == "coupon")
    assert detail == {"coupon": "thanks", "code": made.code, "from": "made", "until": "2027-03-31T16:59:59+00:00"}


def test_a_later_step_shows_the_coupon_of_an_earlier_one(shop: Shop) -> None:
    """Given a wait between the coupon and a text, when the journey goes on, then the text has the same code."""
    shop.publish(
        post="trigger: purchase\nsteps:\n- {coupon: thanks, amount: 50_000, prefix: LAN}\n- wait: 3 days\n"
        "- {send: hello, with: {code: '{{ coupons.thanks.code }}', off: '{{ coupons.thanks.amount }}'}}"
    )
    shop.buy("A1")
    shop.wait("3 days")
    (made,) = rows(shop)
    assert (made.amount, made.currency, made.percent, made.expires_at) == (Decimal(50_000), "VND", None, None)
    assert made.code.startswith("LAN-")
    assert [mail.values["with"] for mail in shop.messages()] == [{"code": made.code, "off": "50000"}]


def test_codes_come_from_the_pool_in_its_order(shop: Shop) -> None:
    """Given a pool, when customers come, then each gets the next code, on the shop's terms, and none twice."""
    shop.publish(post=THANKS)
    end = shop.now + timedelta(days=5)
    load(shop, "thanks", "POOL-2", "POOL-1", terms=Terms(amount=Decimal(20_000), currency="VND", expires_at=end))
    load(shop, "thanks", "POOL-3")
    for number in ("A1", "A2", "A3"):
        shop.buy(number)
    given = [(row.code, row.percent, row.amount, row.expires_at) for row in rows(shop)]
    assert given == [
        ("POOL-2", None, Decimal(20_000), end),
        ("POOL-1", None, Decimal(20_000), end),
        ("POOL-3", Decimal(10), None, datetime(2027, 3, 31, 16, 59, 59, tzinfo=UTC)),
    ]
    assert [mail.values["with"]["code"] for mail in shop.messages()] == ["POOL-2", "POOL-1", "POOL-3"]


def test_codes_that_are_over_or_used_are_not_drawn(shop: Shop) -> None:
    """Given codes that expired, or that an order carried before anybody had them, then the next good one is drawn."""
    shop.publish(post=THANKS)
    load(shop, "thanks", "OLD", terms=Terms(expires_at=shop.now))
    load(shop, "thanks", "LEAKED", "GOOD")
    shop.send("purchase", order=order("A1", "leaked"))
    assert [mail.values["with"]["code"] for mail in shop.messages()] == ["GOOD"]


def test_an_empty_pool_holds_the_journey_back(shop: Shop) -> None:
    """Given a pool that is empty, then the journey waits, says why once, and goes on when the shop fills it."""
    shop.publish(post=THANKS)
    load(shop, "thanks", "ONE")
    shop.buy("A1")
    shop.buy("A2")
    held = shop.journeys()[1]
    assert (held.state, held.step) == ("waiting", None)
    assert held.reason == "the pool of coupons 'thanks' is empty; fill it: phin coupons load thanks FILE"
    shop.wait("5 hours")
    assert [kind for kind, _ in shop.trace(2)] == ["entered", "held"]
    assert len(shop.messages()) == 1
    load(shop, "thanks", "TWO")
    shop.wait("1 hour")
    assert [mail.values["with"]["code"] for mail in shop.messages()] == ["ONE", "TWO"]
    assert [row.state for row in shop.journeys()] == ["done", "done"]


def test_what_was_given_before_an_empty_pool_is_taken_back(shop: Shop) -> None:
    """Given two coupons of which the second's pool is empty, then the first stays in its pool until both can be had."""
    shop.publish(post="trigger: purchase\nsteps: [{coupon: one}, {coupon: two}, {send: hello}]")
    load(shop, "one", "ONE")
    load(shop, "two", "TWO", terms=Terms(expires_at=shop.now))
    shop.buy("A1")
    assert [row.customer_id for row in rows(shop)] == [None, None]
    load(shop, "two", "TWO-2")
    shop.wait("1 hour")
    assert [(row.code, row.customer_id) for row in rows(shop)] == [("ONE", 1), ("TWO", None), ("TWO-2", 1)]


@pytest.mark.parametrize("codes", [24, 20])
def test_many_workers_never_draw_one_code_twice(shop: Shop, codes: int) -> None:
    """Given customers processed side by side and a pool, then each code is one customer's; who is left waits."""
    shop.publish(post=THANKS)
    load(shop, "thanks", *(f"POOL-{number}" for number in range(codes)))
    works = []
    for number in range(24):
        person = {**LAN, "id": f"c{number}", "email": f"c{number}@example.com"}
        whole = {"id": f"x{number}", "type": "purchase", "time": shop.now.isoformat(), "customer": person}
        works.append(shop.receive(whole | {"order": {"number": f"B{number}", "total": 1}})[1])
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(shop.process, works))
    shop.wait("2 minutes")  # who came while others had the last codes in hand has looked again
    assert len({row.customer_id for row in rows(shop)}) == codes
    assert len({mail.values["with"]["code"] for mail in shop.messages()}) == codes
    assert sorted(row.state for row in shop.journeys()) == ["done"] * codes + ["waiting"] * (24 - codes)


def test_an_order_redeems_the_code_that_it_carries(shop: Shop) -> None:
    """Given a code, when an order carries it, however it is typed, then it is redeemed once, and flows hear of it."""
    shop.publish(post=THANKS, used="trigger: {event: coupon.redeemed}\nsteps: [{send: enjoy}]")
    shop.buy("A1")
    (made,) = rows(shop)
    typed = "  " + made.code.lower().replace("-", "\u2013")
    shop.now += timedelta(days=1)
    shop.process(shop.send("purchase", order=order("A2", typed)))
    shop.send("order.shipped", order={"number": "A2"})
    shop.send("purchase", order=order("A3", made.code))
    first = rows(shop)[0]
    assert (first.redeemed_at, first.order_number) == (made.made_at + timedelta(days=1), "A2")
    (told,) = redeemed_events(shop)
    assert told.payload["data"] == {"coupon": "thanks", "code": made.code}
    assert told.order_number == "A2"
    assert [step for _, step in shop.mails()].count("enjoy") == 1


def test_several_codes_of_one_order_are_each_redeemed(shop: Shop) -> None:
    """Given an order that tells two codes and a stranger's in one text, then ours are redeemed."""
    load(shop, "thanks", "ONE", "TWO", "THREE")
    shop.send("purchase", order=order("A1", "ONE, three SUMMER"))
    assert [(row.code, row.order_number) for row in rows(shop)] == [("ONE", "A1"), ("TWO", None), ("THREE", "A1")]


def test_the_past_redeems_without_starting_anything(shop: Shop) -> None:
    """Given an order of the past that is loaded, when it carries a code, then that is noted and nothing is reported."""
    load(shop, "thanks", "ONE")
    shop.send("purchase", order=order("A1", "ONE"), history=True, time="2026-01-05T10:00:00Z")
    (used,) = rows(shop)
    assert (used.order_number, used.redeemed_at) == ("A1", datetime(2026, 1, 5, 10, tzinfo=UTC))
    assert redeemed_events(shop) == []


def test_a_friend_redeems_and_the_owner_s_journey_looks_again(shop: Shop) -> None:
    """Given a code that its owner passed on, when a friend buys with it, then the owner's journey sees it redeemed."""
    shop.publish(
        gift="trigger: signup\nsteps:\n- coupon: gift\n- wait: 9 days\n  until: redeemed('gift')\n- send: thanks"
    )
    shop.send("signup")
    (made,) = rows(shop)
    shop.now += timedelta(days=2)
    friend = {"id": "c2", "email": "minh@example.com", "name": "Minh"}
    work = shop.send("purchase", friend, order=order("B1", made.code))
    shop.reread(*work.journeys)
    assert shop.mails() == [("03 Mar 14:00", "thanks")]
    (told,) = redeemed_events(shop)
    assert told.customer_key == "id:c2"


def test_redeemed_asks_about_this_customer_since_the_journey_began(shop: Shop) -> None:
    """Given a coupon redeemed before, by the order that began the journey, then it does not count; a later one does."""
    body = "trigger: purchase\nsteps:\n- wait: 1 day\n- if: redeemed('thanks')\n  then: [{send: 'yes'}]\n"
    body += "  else: [{send: 'no'}]"
    load(shop, "thanks", "ONE", "TWO")
    shop.publish(give="trigger: signup\nsteps: [{coupon: thanks}]", ask=body)
    shop.send("signup")
    shop.send("purchase", order=order("A1", "ONE"))
    shop.wait("2 days")
    assert [step for _, step in shop.mails()] == ["no"]
    shop.send("signup")
    shop.send("purchase", order=order("A2", None))
    shop.now += timedelta(hours=2)
    shop.send("purchase", order=order("A3", "TWO"))
    shop.wait("2 days")
    assert [step for _, step in shop.mails()] == ["no", "yes", "no"]


def test_a_guest_s_coupons_become_the_customer_s(shop: Shop) -> None:
    """Given a guest with a coupon who turns out to be a customer, then the coupon is the customer's."""
    shop.publish(post=THANKS)
    guest = {"email": "lan@example.com"}
    shop.send("purchase", guest, order={"number": "A1", "total": 1})
    shop.send("signup", {"id": "c1"})
    shop.send("signup", LAN)
    (made,) = rows(shop)
    with shop.database.reading() as connection:
        known = connection.execute(select(event.c.customer_id).where(event.c.external_id == "e3")).scalar_one()
    assert made.customer_id == known
