"""An entry while a journey of the same flow is under way: ignored, or that one started over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.support.effects import SETTINGS, said, settle
from tests.support.finding import ClockShop
from tests.support.segments import Keeper
from tests.support.shop import Shop
from worker.storage.database import Database
from worker.storage.tables import message

CART = "trigger: {event: cart.updated}\nsteps: [{send: early}, {wait: 4 hours}, {send: cart}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database, **SETTINGS)


def test_an_entry_while_one_is_under_way_is_ignored(shop: Shop) -> None:
    """Given a journey that waits, when its event comes again, then nobody enters and it is told why; later, again."""
    shop.publish(cart=CART)
    shop.send("cart.updated")
    shop.wait("1 hour")
    shop.send("cart.updated")
    assert said(shop)[-1] == {"flow": "cart", "version": 1, "reason": "under way", "journey": 1}
    shop.wait("3 hours")
    assert shop.mails() == [("01 Mar 14:00", "early"), ("01 Mar 18:00", "cart")]
    shop.send("cart.updated")
    assert len(shop.journeys()) == 2


def test_an_entry_starts_the_journey_over_where_the_flow_says_so(shop: Shop) -> None:
    """Given `again: restart`, when its event comes again, then it waits anew, and what was queued is back."""
    shop.publish(cart=f"again: restart\n{CART}")
    shop.send("cart.updated", data={"total": 100})
    shop.wait("1 hour")
    shop.send("cart.updated", data={"total": 200})
    shop.wait("4 hours")
    (row,) = shop.journeys()
    assert (row.turn, row.state, row.event_id, row.entered_at) == (1, "done", 2, row.ended_at - timedelta(hours=4))
    assert [(one.step, one.key, one.state) for one in shop.messages()] == [
        ("early", "journey:1:early:0", "cancelled"),
        ("early", "journey:1:early:1", "queued"),
        ("cart", "journey:1:cart:1", "queued"),
    ]
    told = "entered send wait", "started over", "send wait waited send done"
    assert " ".join(kind for kind, _ in shop.trace(1)) == " ".join(told)
    assert said(shop)[-1] == {"flow": "cart", "version": 1, "journey": 1, "restarted": True}


def test_a_journey_started_over_knows_none_of_its_earlier_mails(shop: Shop) -> None:
    """Given a mail of the first turn, when the journey is started over, then `sent` asks for those of this turn."""
    shop.publish(
        f="""
            again: restart
            trigger: {event: ping}
            steps:
              - wait: 1 hour
              - if: sent("news")
                then: [{send: welcome}]
              - wait: 1 hour
              - send: news
              - wait: 1 day
        """
    )
    for _ in range(2):
        shop.send("ping")
        shop.wait("3 hours")
        with shop.database.writing() as connection:
            values = {"state": "sent", "sent_at": shop.now, "transmitting_at": shop.now}
            connection.execute(update(message).where(message.c.state == "queued").values(**values))
    assert [step for _, step in shop.mails()] == ["news", "news"]


def test_it_goes_on_by_the_version_of_new_entries(shop: Shop) -> None:
    """Given a newer version, when a journey of an older one is started over, then it is on the newer."""
    shop.publish(cart=f"again: restart\n{CART}")
    shop.send("cart.updated")
    shop.publish(cart=f"again: restart\n{CART}".replace("early", "other"))
    shop.send("cart.updated")
    assert [step for _, step in shop.mails()] == ["early", "other"]


@pytest.mark.parametrize("again", ["", "again: restart\n"])
def test_journeys_of_different_orders_run_side_by_side(shop: Shop, again: str) -> None:
    """Given journeys of two orders, when an event of the first comes, then it is about that one alone."""
    shop.publish(f=f"{again}trigger: {{event: order.shipped}}\nonce: per event\nsteps: [{{wait: 9 days}}]")
    for number in ("A1", "A2", "A1"):
        shop.send("order.shipped", order={"number": number})
    assert [(row.order_number, row.turn) for row in shop.journeys()] == [("A1", 1 if again else 0), ("A2", 0)]


def test_once_holds_before_all(shop: Shop) -> None:
    """Given `once: per order`, when the order's event comes again, then nothing starts over."""
    shop.publish(f="again: restart\ntrigger: {event: order.shipped}\nonce: per order\nsteps: [{wait: 9 days}]")
    for _ in range(2):
        shop.send("order.shipped", order={"number": "A1"})
    assert shop.journeys()[0].turn == 0
    assert said(shop)[-1]["reason"] == "once"


def test_a_span_counts_from_the_last_start(shop: Shop) -> None:
    """Given `once: per 2 days`, when events come each day, then every second starts the journey over."""
    shop.publish(f="again: restart\ntrigger: {event: ping}\nonce: per 2 days\nsteps: [{wait: 30 days}]")
    for _ in range(6):
        shop.send("ping")
        shop.wait("1 day")
    assert [line.get("reason", line.get("restarted", "entered")) for line in said(shop)] == [
        "entered", "once", True, "once", True, "once",
    ]  # fmt: skip


@pytest.mark.parametrize(("again", "turns"), [("", [0]), ("again: restart\n", [2])])
def test_turns_of_the_clock_keep_to_it_too(database: Database, again: str, turns: list[int]) -> None:
    """Given a schedule of every day and a wait of ten, when three turns come, then one journey is under way."""
    shop = ClockShop(database, **SETTINGS)
    shop.tell("a")
    shop.publish(f=f'{again}trigger: {{schedule: "0 9 * * *"}}\nsteps: [{{wait: 10 days}}, {{send: news}}]')
    for day in (2, 3, 4):
        shop.tick(f"2027-03-0{day} 09:00")
        settle(shop)
        shop.tick()  # once more changes nothing
    assert [row.turn for row in shop.journeys()] == turns
    assert shop.journeys()[0].turn_at.day == (4 if again else 2)
    shop.at("2027-03-14 09:00")
    settle(shop)
    assert len(shop.messages()) == 1


def test_who_comes_into_a_segment_again_starts_over(database: Database) -> None:
    """Given a flow of a segment that restarts, when a customer leaves it and comes in again, then it starts over."""
    shop = Shop(database, **SETTINGS)
    keeper = Keeper(shop)
    keeper.publish("rich: customer.points > 5\n")
    shop.publish(f="again: restart\nonce: per event\ntrigger: {segment: rich}\nsteps: [{wait: 10 days}, {send: news}]")
    for points in (9, 1, 9):
        shop.send("cart.updated", {"id": "c1", "points": points})
        keeper.keep()
        settle(shop)
        shop.now += timedelta(hours=1)
    assert [row.turn for row in shop.journeys()] == [1]
