"""What flows write to customers: once, whole, seen by others, and held against what the shop says."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.support.effects import SETTINGS, person, settle
from tests.support.finding import ClockShop
from tests.support.segments import Keeper
from tests.support.shop import LAN, Shop
from worker.storage import customers
from worker.storage.database import Database

WRITES = """
    trigger: signup
    steps:
      - set: {tier: "gold {{ customer.name }}", points: 5, vip: true, renews: "2027-04-01"}
      - add: {points: 10}
      - add: {points: "{{ customer.points * 2 }}"}
      - tag: [coffee-club, new]
      - untag: new
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database, **SETTINGS)


def test_each_step_sees_what_the_one_before_wrote(shop: Shop) -> None:
    """Given steps that write, when a journey runs, then fields have their types, and sums build on each other."""
    shop.publish(f=WRITES)
    shop.send("signup")
    lan = person(shop)
    assert lan.fields == {"tier": "gold Lan", "points": 45, "vip": True, "renews": "2027-04-01"}
    assert lan.tags == ("coffee-club",)
    wrote = [detail for kind, detail in shop.trace(1) if kind == "wrote"]
    assert [line.get("set", {}).get("points") for line in wrote] == [5, 15, 45, None, None]
    assert [line.get("tagged", line.get("untagged")) for line in wrote[3:]] == [["coffee-club", "new"], ["new"]]


def test_written_once_though_the_work_is_told_twice(shop: Shop) -> None:
    """Given a journey that adds after a wait, when it is taken on twice, then it has added once."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {add: {points: 1}}]")
    shop.send("signup")
    shop.now += timedelta(days=1)
    due = shop.due().journeys
    shop.reread(*due)
    shop.reread(*due)
    assert person(shop).fields == {"points": 1}


def test_a_flow_that_enters_at_the_same_event_loses_nothing(shop: Shop) -> None:
    """Given two flows that one event starts, when both write, one by what it sees, then both have written."""
    body = 'trigger: signup\nsteps: [{set: {points: "{{ customer.points + 1 }}"}}, {tag: %s}]'
    shop.send("cart.updated", LAN | {"points": 1})
    shop.publish(a=body % "from-a", b=body % "from-b")
    shop.send("signup")
    assert (person(shop).fields, person(shop).tags) == ({"points": 3}, ("from-a", "from-b"))


def test_a_flow_that_enters_sees_what_a_journey_wrote_at_the_same_event(shop: Shop) -> None:
    """Given a journey that writes when an order comes, and a flow that the order starts, then both have written."""
    shop.publish(waits='trigger: signup\nsteps: [{wait: 30 days, until: did("purchase")}, {add: {points: 5}}]')
    shop.send("signup")
    shop.publish(starts="trigger: purchase\nsteps: [{add: {points: 1}}]")
    shop.buy("A1")
    assert person(shop).fields == {"points": 6}


def test_a_flow_knows_that_it_is_under_way_itself(shop: Shop) -> None:
    """Given a flow that asks for itself and for another, when somebody enters, then they are in it alone."""
    ways = "then: [{tag: %s-it-is}], else: [{tag: %s-it-is-not}]"
    asks = 'trigger: signup\nsteps:\n  - {if: in_flow("%s"), %s}\n  - {wait: 1 day}\n'
    shop.publish(own=asks % ("own", ways % ("own", "own")), other=asks % ("third", ways % ("third", "third")))
    shop.publish(third="trigger: purchase\nsteps: [{wait: 1 day}]")
    shop.send("signup")
    assert set(person(shop).tags) == {"own-it-is", "third-it-is-not"}


def test_two_workers_lose_no_update(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two journeys of a customer that add, when two workers take them on at the same time, then both count."""
    shop = Shop(postgres_database, **SETTINGS)
    body = "trigger: signup\nsteps: [{wait: 1 day}, {add: {points: %d}}, {tag: t%d}, {wait: 1 day}]"
    shop.publish(a=body % (1, 1), b=body % (10, 10))
    shop.send("signup")
    shop.now += timedelta(days=1)
    reached, go = threading.Event(), threading.Event()
    original, read = customers.held, []

    def held(*arguments: Any) -> Any:
        found = original(*arguments)
        read.append(found)
        if not reached.is_set():
            reached.set()
            assert go.wait(20)
        return found

    monkeypatch.setattr(customers, "held", held)
    first = threading.Thread(target=shop.reread, args=[1])
    first.start()
    assert reached.wait(20)
    second = threading.Thread(target=shop.reread, args=[2])
    second.start()
    second.join(1)
    go.set()
    first.join(20)
    second.join(20)
    assert (person(shop).fields, set(person(shop).tags)) == ({"points": 11}, {"t1", "t10"})
    assert len(read) == 2  # each once: neither was given up for the other's sake


def test_a_journey_that_waits_for_it_goes_on(shop: Shop) -> None:
    """Given journeys that wait for a field or end by it, when another one writes it, then they see it at once."""
    shop.publish(
        ends="trigger: signup\nexit: [{when: customer.points > 0}]\nsteps: [{wait: 9 days}]",
        waits='trigger: signup\nsteps: [{wait: 9 days, until: customer.tier == "gold"}, {send: welcome}]',
        writes="trigger: signup\nsteps: [{wait: 1 hour}, {set: {tier: gold}}, {add: {points: 1}}]",
    )
    shop.send("signup")
    shop.wait("1 hour")
    settle(shop)
    assert [(row.flow, row.state) for row in shop.journeys()] == [
        ("ends", "exited"),
        ("waits", "done"),
        ("writes", "done"),
    ]


def test_nobody_is_woken_where_nothing_changed(shop: Shop) -> None:
    """Given a customer who has the tag, when a flow gives it again, then no journey looks again."""
    shop.publish(w="trigger: signup\nsteps: [{wait: 9 days}]", t="trigger: {event: ping}\nsteps: [{tag: club}]")
    shop.send("signup", LAN | {"tags": ["club"]})
    shop.send("ping")
    assert not shop.due().journeys


def test_a_written_date_moves_triggers_and_a_tag_moves_segments(database: Database) -> None:
    """Given a flow by an own date and one by a segment, when steps write both, then the customer comes to both."""
    shop = ClockShop(database, **SETTINGS)
    keeper = Keeper(shop)
    keeper.publish("club: \"'coffee-club' in customer.tags\"\n")
    shop.publish(
        renewal='trigger: {date: customer.renews, at: "09:00"}\nsteps: [{wait: 1 day}]',
        member="trigger: {segment: club}\nsteps: [{wait: 1 day}]",
    )
    shop.at("2027-03-02 08:00")
    shop.tick()
    shop.publish(w='trigger: signup\nsteps: [{set: {renews: "{{ today }}"}}, {tag: coffee-club}]')
    shop.at("2027-03-02 10:00")
    shop.tick()
    shop.send("signup", LAN | {"id": "early"})
    keeper.keep()
    assert shop.entered("member") == ["early"]
    assert shop.tick() == 1
    assert shop.entered("renewal") == ["early"]


def _says(shop: Shop, minutes: int, **said: Any) -> None:
    at = (shop.now + timedelta(minutes=minutes)).isoformat()
    shop.send("cart.updated", LAN | said, time=at)


def test_the_newer_word_on_an_own_field_holds(shop: Shop) -> None:
    """Given a field that a flow wrote, when the shop tells it of before and of after, then the newer word holds."""
    shop.publish(f="trigger: signup\nsteps: [{set: {tier: gold}}]")
    shop.send("signup", LAN | {"phone": "0912000000"}, time=(shop.now - timedelta(minutes=10)).isoformat())
    _says(shop, -5, tier="iron", points=3, phone="0912345678")
    assert person(shop).fields == {"tier": "gold", "points": 3}
    assert person(shop).phone == "0912345678"
    shop.now += timedelta(minutes=9)
    _says(shop, -1, tier="iron")
    assert person(shop).fields["tier"] == "iron"


def test_a_tag_that_a_flow_gave_is_not_the_shops_to_forget(shop: Shop) -> None:
    """Given a tag by a flow, when the shop sends its own list of tags, then both are there until a flow unties it."""
    shop.publish(f="trigger: signup\nsteps: [{tag: club}, {wait: 1 day}, {untag: club}]")
    shop.send("signup", LAN | {"tags": ["a"]})
    shop.now += timedelta(minutes=1)
    _says(shop, 0, tags=["b"])
    assert person(shop).tags == ("b", "club")
    shop.wait("1 day")
    assert person(shop).tags == ("b",)
    _says(shop, 0, tags=["club"])
    _says(shop, 1, tags=[])
    assert person(shop).tags == ()


def test_a_guest_who_gets_an_id_keeps_what_flows_gave(shop: Shop) -> None:
    """Given a guest whom a flow tagged, when the shop gives an id, then a list of the shop's leaves the tag."""
    shop.publish(f="trigger: signup\nsteps: [{tag: club}]")
    shop.send("signup", {"email": "lan@example.com"})
    shop.send("product.viewed", {"id": "c1", "email": "old@example.com"})
    shop.now += timedelta(minutes=1)
    shop.send("product.viewed", {"id": "c1", "email": "lan@example.com"})
    _says(shop, 1, tags=["b"])
    assert person(shop).tags == ("b", "club")
