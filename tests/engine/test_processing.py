"""From an event to facts, entries, exits and goals."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from tests.support.shop import LAN, START, YES, Shop
from worker.domain.customers import Customer
from worker.domain.work import Work
from worker.storage import customers
from worker.storage.database import Database
from worker.storage.tables import consent_change, customer, event, event_trace, goal, journey, message, orders

CONFIRM = """
    kind: transactional
    trigger: purchase
    steps:
      - send: order-confirmation
"""
FIRST = """
    trigger: purchase
    when: customer.orders_count == 1
    steps:
      - send: welcome
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _only(shop: Shop, word: str = "c1") -> Customer:
    with shop.database.reading() as connection:
        (found,) = customers.find(connection, word)
        return found


def test_a_purchase_writes_its_confirmation_once(shop: Shop) -> None:
    """Given a flow on purchases, when one comes in, twice, and its job is repeated, then there is one message."""
    shop.publish(confirm=CONFIRM)
    work = shop.buy("A1")
    assert len(work.messages) == 1
    again = {"id": "e1", "type": "purchase", "time": START.isoformat(), "customer": LAN}
    line = {"sku": "AR-250", "name": "Arabica 250 g", "category": "arabica", "quantity": 1, "price": 450_000}
    receipt, _ = shop.receive(again | {"order": {"number": "A1", "total": 450_000, "lines": [line]}})
    assert (receipt.accepted, receipt.duplicates) == (0, 1)
    assert shop.process(Work(events=(1, 1))) == Work()
    (row,) = shop.messages()
    assert (row.step, row.state, row.kind, row.order_number) == ("order-confirmation", "queued", "transactional", "A1")


def test_facts_follow_orders_and_their_cancellation(shop: Shop) -> None:
    """Given two orders, when one is cancelled, then it is out of the facts again."""
    shop.buy("A1", 450_000)
    shop.now += timedelta(days=1)
    shop.buy("A2", 150_000)
    facts = _only(shop).facts
    assert (facts.orders_count, facts.total_spent, facts.average_order) == (2, Decimal(600_000), Decimal(300_000))
    assert facts.last_order_at == START + timedelta(days=1)
    shop.send("order.cancelled", order={"number": "A2"})
    facts = _only(shop).facts
    assert (facts.orders_count, facts.total_spent, facts.last_order_at) == (1, Decimal(450_000), START)


def test_the_first_order_is_seen_as_the_first_even_where_three_wait(shop: Shop) -> None:
    """Given three orders that wait together, when they are processed, then one of them was the first."""
    shop.publish(first=FIRST)
    waiting = Work()
    for i in range(3):
        order = {"number": f"A{i}", "total": 100_000, "lines": []}
        whole = {"id": f"p{i}", "type": "purchase", "time": START.isoformat(), "customer": LAN, "order": order}
        waiting += shop.receive(whole)[1]
    shop.process(Work(events=waiting.events[2:]))  # told of the last only, it takes what came before too
    assert [row.order_number for row in shop.journeys()] == ["A0"]
    with shop.database.reading() as connection:
        assert connection.execute(select(func.count()).where(event.c.state == "received")).scalar_one() == 0


def test_processing_that_is_pressed_commits_what_is_done_and_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given events of two customers, when others wait to write all the while, then each is committed by itself.

    None of them is left out, done twice or done before an earlier one of its customer.
    """
    shop.publish(confirm=CONFIRM)
    committed: list[int] = []

    def pressed() -> bool:
        with shop.database.reading() as other:
            committed.append(other.execute(select(func.count()).where(event.c.state == "processed")).scalar_one())
        return True

    monkeypatch.setattr(shop.database, "pressed", pressed)
    waiting = Work()
    for i, who in enumerate(("c1", "c2", "c1", "c2")):
        order = {"number": f"A{i}", "total": 100_000, "lines": []}
        whole = {"id": f"p{i}", "type": "purchase", "time": START.isoformat(), "customer": {"id": who}, "order": order}
        waiting += shop.receive(whole)[1]
    work = shop.process(waiting)
    assert committed == [0, 1, 2]
    assert len(work.messages) == 4
    assert [row.order_number for row in shop.journeys()] == ["A0", "A1", "A2", "A3"]
    assert (_only(shop).facts.orders_count, _only(shop, "c2").facts.orders_count) == (2, 2)


def test_known_by_address_first_and_by_id_later(shop: Shop) -> None:
    """Given a guest's order, when the shop later names an id for the address, then it is one customer."""
    shop.buy("A1", customer={"email": "Lan@Example.com", "name": "Lan"})
    shop.buy("A2", customer={"id": "c1", "email": "lan@example.com"})
    person = _only(shop)
    assert (person.external_id, person.email, person.facts.orders_count) == ("c1", "lan@example.com", 2)
    assert _only(shop, "lan@example.com").id == person.id


def test_a_guest_who_turns_out_to_be_a_known_customer_is_joined(shop: Shop) -> None:
    """Given a customer with an id and a guest, when an event names both, then the orders are the customer's."""
    shop.publish(confirm=CONFIRM)
    shop.buy("A1", customer={"id": "c1"})
    shop.buy("A2", customer={"email": "lan@example.com"})
    shop.buy("A3", customer={"id": "c1", "email": "lan@example.com"})
    person = _only(shop)
    assert (person.email, person.facts.orders_count) == ("lan@example.com", 3)
    assert {row.customer_id for row in shop.journeys()} == {person.id}
    assert _only(shop, "lan@example.com").id == person.id


def test_two_customers_with_one_address_stay_two(shop: Shop) -> None:
    """Given two ids with one address, when both order, then each has an order and consent is the address's."""
    shop.buy("A1", customer={"id": "c1", "email": "nha@example.com", "consent": YES})
    shop.buy("A2", customer={"id": "c2", "email": "nha@example.com"})
    first, second = _only(shop, "c1"), _only(shop, "c2")
    assert first.id != second.id
    assert [first.facts.orders_count, second.facts.orders_count] == [1, 1]
    assert second.consent.marketing.value == "subscribed"


def test_a_customer_without_an_address_is_kept(shop: Shop) -> None:
    """Given an order without an address, when it comes with consent, then it is kept and the note says why not."""
    shop.buy("A1", customer={"id": "c9", "consent": YES})
    assert _only(shop, "c9").facts.orders_count == 1
    with shop.database.reading() as connection:
        note = connection.execute(select(event.c.reason)).scalar_one()
        assert "no e-mail address" in note
        assert connection.execute(select(consent_change.c.id)).all() == []


def test_a_refusal_is_kept_against_a_shop_that_repeats_its_yes(shop: Shop) -> None:
    """Given an address that said no, when the shop's next order repeats yes, then no stands until `subscribed`."""
    shop.buy("A1")
    shop.now += timedelta(hours=1)
    shop.send("unsubscribed", {"id": "c1", "email": "lan@example.com"})
    shop.now += timedelta(hours=1)
    shop.buy("A2")
    assert _only(shop).consent.marketing.value == "unsubscribed"
    shop.now += timedelta(hours=1)
    shop.send("subscribed", {"id": "c1", "email": "lan@example.com"})
    assert _only(shop).consent.marketing.value == "subscribed"
    with shop.database.reading() as connection:
        states = connection.execute(
            select(consent_change.c.state).where(consent_change.c.purpose == "marketing").order_by(consent_change.c.id)
        ).scalars()
        assert list(states) == ["subscribed", "unsubscribed", "subscribed"]


def test_an_exit_event_ends_only_the_journeys_of_its_order(shop: Shop) -> None:
    """Given two orders under way, when one is refunded, then its journey ends and takes its mail back."""
    shop.publish(
        after="trigger: purchase\nexit: [{event: refund}]\nsteps: [{send: thank-you}, {wait: 7 days}, {send: welcome}]"
    )
    shop.buy("A1")
    shop.buy("A2")
    shop.send("refund", order={"number": "A1"})
    assert [(row.order_number, row.state, row.reason) for row in shop.journeys()] == [
        ("A1", "exited", "refund"),
        ("A2", "waiting", None),
    ]
    assert [row.state for row in shop.messages()] == ["cancelled", "queued"]


def test_purchase_as_an_exit_means_a_later_order(shop: Shop) -> None:
    """Given a win-back that a purchase ends, when the customer orders again, then only the earlier journey ends."""
    shop.publish(after="trigger: purchase\nexit: [{event: purchase}]\nsteps: [{wait: 7 days}, {send: welcome}]")
    shop.buy("A1")
    shop.buy("A2")
    assert [(row.order_number, row.state) for row in shop.journeys()] == [("A1", "exited"), ("A2", "waiting")]


def test_an_exit_condition_ends_a_journey_when_a_fact_changes(shop: Shop) -> None:
    """Given an exit on the second order, when it comes, then the journey ends before its next mail."""
    shop.publish(
        nudge="trigger: signup\nexit: [{when: customer.orders_count >= 1}]\nsteps: [{wait: 3 days}, {send: welcome}]"
    )
    shop.send("signup")
    shop.buy("A1")
    (row,) = shop.journeys()
    assert (row.state, row.reason) == ("exited", "customer.orders_count >= 1")
    shop.wait("4 days")
    assert shop.messages() == []


def test_a_goal_is_credited_to_the_last_send_within_its_window(shop: Shop) -> None:
    """Given a flow with a goal, when a later order comes in time, then it counts once, with its revenue."""
    shop.publish(after="trigger: purchase\ngoal: {event: purchase, within: 14 days}\nsteps: [{send: thank-you}]")
    shop.buy("A1")
    _mark_sent(shop)
    shop.now += timedelta(days=3)
    shop.buy("A2", 200_000)
    shop.buy("A3", 900_000)
    with shop.database.reading() as connection:
        rows = connection.execute(select(goal, journey.c.order_number.label("own")).join(journey)).all()
    assert [(row.own, row.order_number, row.amount, row.currency) for row in rows] == [("A1", "A2", 200_000, "VND")]


def test_an_order_after_the_window_or_before_the_send_is_no_goal(shop: Shop) -> None:
    """Given a goal within two days, when orders come before the send and after the window, then none counts."""
    shop.publish(after="trigger: signup\ngoal: {event: purchase, within: 2 days}\nsteps: [{send: welcome}]")
    shop.send("signup")
    _mark_sent(shop)
    shop.buy("A1", time=(START - timedelta(hours=1)).isoformat())
    shop.now += timedelta(days=3)
    shop.buy("A2")
    with shop.database.reading() as connection:
        assert connection.execute(select(goal)).all() == []


def test_an_event_that_cannot_be_processed_harms_only_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one event of three that fails each time, when they are processed, then the others are, it is set aside."""
    shop.publish(confirm=CONFIRM)
    broken = shop.receive(_purchase("bad", "B1", {"id": "c2"}))[1]
    work = shop.receive(_purchase("a", "A1", LAN))[1] + broken + shop.receive(_purchase("c", "A3", LAN))[1]
    with shop.database.writing() as connection:  # a row that no intake would let through
        connection.execute(event.update().where(event.c.external_id == "bad").values(payload={"customer": 5}))
    for _ in range(6):
        shop.process(work)
        shop.now += timedelta(minutes=2)
    assert [row.order_number for row in shop.journeys()] == ["A1", "A3"]
    with shop.database.reading() as connection:
        rows = connection.execute(select(event).order_by(event.c.external_id)).all()
    states = [(row.external_id, row.state) for row in rows]
    assert states == [("a", "processed"), ("bad", "refused"), ("c", "processed")]
    assert "AttributeError" in rows[1].reason


def _purchase(key: str, number: str, person: dict[str, Any]) -> dict[str, Any]:
    order = {"number": number, "total": 100_000, "lines": []}
    return {"id": key, "type": "purchase", "time": START.isoformat(), "customer": person, "order": order}


def _mark_sent(shop: Shop) -> None:
    with shop.database.writing() as connection:
        connection.execute(message.update().values(state="sent", sent_at=shop.now, settled_at=shop.now))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_facts_are_the_same_however_events_arrive(sqlite_database: Database, data: st.DataObject) -> None:
    """Given orders and cancellations, when they arrive in any order and any batches, then the facts are the same."""
    shop = Shop(sqlite_database)
    with shop.database.writing() as connection:
        for table in (event_trace, goal, message, journey, event, orders, customer):
            connection.execute(delete(table))
    totals = data.draw(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=5))
    cancelled = data.draw(st.sets(st.integers(0, len(totals) - 1)))
    told = [
        _purchase(f"p{i}", f"A{i}", LAN) | {"order": {"number": f"A{i}", "total": total, "lines": []}}
        for i, total in enumerate(totals)
    ]
    later = (START + timedelta(hours=1)).isoformat()
    told += [
        {"id": f"x{i}", "type": "order.cancelled", "time": later, "customer": LAN, "order": {"number": f"A{i}"}}
        for i in cancelled
    ]
    for one in data.draw(st.permutations(told)):
        work = shop.receive(one)[1]
        if data.draw(st.booleans()):
            shop.process(work)
    with shop.database.reading() as connection:
        rest = list(connection.execute(select(event.c.id).where(event.c.state == "received")).scalars())
    shop.process(Work(events=tuple(rest)))
    kept = [total for i, total in enumerate(totals) if i not in cancelled]
    facts = _only(shop).facts
    assert (facts.orders_count, facts.total_spent) == (len(kept), Decimal(sum(kept)))


def test_a_customer_is_known_since_the_first_that_the_past_tells_of(shop: Shop) -> None:
    """Given a customer who signs up today, when the shop's past is loaded, then they are known since its beginning."""

    def known_since() -> datetime | None:
        with shop.database.reading() as connection:
            (lan,) = customers.find(connection, "c1")
        return lan.created_at

    early, late = START - timedelta(days=400), START - timedelta(days=30)
    shop.send("signup", {"id": "c1"}, time=late.isoformat())
    assert known_since() == START  # what a shop reports late is no history
    shop.send("signup", {"id": "c1"}, time=early.isoformat(), history=True)
    shop.send("signup", {"id": "c1"}, time=late.isoformat(), history=True)
    assert known_since() == early
