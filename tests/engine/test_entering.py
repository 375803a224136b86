"""Who enters a flow, by which events, how often, and why not."""

from __future__ import annotations

import textwrap
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.support.shop import LAN, START, Shop
from worker.domain.work import Work
from worker.storage import customers
from worker.storage.database import Database
from worker.storage.tables import event_trace

CONFIRM = """
    kind: transactional
    trigger: purchase
    steps:
      - send: order-confirmation
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def test_history_changes_facts_and_starts_nothing(shop: Shop) -> None:
    """Given past orders, when they are loaded as history, then facts are there and nobody entered."""
    shop.publish(confirm=CONFIRM)
    past = (START - timedelta(days=400)).isoformat()
    assert shop.buy("OLD", time=past, history=True) == Work()
    with shop.database.reading() as connection:
        (person,) = customers.find(connection, "c1")
    assert person.facts.orders_count == 1
    assert shop.journeys() == []


def test_history_is_news_to_journeys_under_way(shop: Shop) -> None:
    """Given two that wait for an order, when one is history, then conditions see it, and it is no event."""
    shop.publish(
        until="trigger: signup\nsteps: [{wait: 9 days, until: customer.orders_count >= 1}, {send: welcome}]",
        leave="trigger: signup\nexit: [{when: customer.orders_count >= 1}]\nsteps: [{wait: 9 days}, {send: welcome}]",
        stay="trigger: signup\nexit: [{event: purchase}]\nsteps: [{wait: 9 days}, {send: welcome}]",
    )
    shop.send("signup")
    work = shop.buy("OLD", time=(START - timedelta(days=400)).isoformat(), history=True)
    assert len(work.journeys) == 3
    shop.reread(*work.journeys)
    assert [(row.flow, row.state) for row in shop.journeys()] == [
        ("leave", "exited"),
        ("stay", "waiting"),
        ("until", "done"),
    ]


def test_after_an_outage_what_was_accepted_still_starts_its_flow(shop: Shop) -> None:
    """Given a purchase that was accepted in time, when it is processed two days later, then it is confirmed."""
    shop.publish(confirm=CONFIRM)
    order = {"number": "A1", "total": 100_000, "lines": []}
    purchase = {"id": "p", "type": "purchase", "time": START.isoformat(), "customer": LAN, "order": order}
    work = shop.receive(purchase)[1]
    shop.now += timedelta(days=2)
    shop.process(work)
    assert [row.order_number for row in shop.messages()] == ["A1"]


def test_an_event_older_than_a_day_starts_nothing_unless_its_flow_says_so(shop: Shop) -> None:
    """Given an event of two days ago, when it comes, then only the flow that takes older ones is entered."""
    shop.publish(
        confirm=CONFIRM,
        late="""
            kind: transactional
            trigger: {event: purchase, within: 3 days}
            steps:
              - send: order-confirmation
        """,
    )
    shop.buy("A1", time=(START - timedelta(days=2)).isoformat())
    assert [row.flow for row in shop.journeys()] == ["late"]
    with shop.database.reading() as connection:
        said = connection.execute(select(event_trace.c.flows)).scalar_one()
    assert {line["flow"]: line.get("reason") for line in said} == {"confirm": "event too old", "late": None}


def test_why_somebody_did_not_enter_is_kept_with_what_was_seen(shop: Shop) -> None:
    """Given a flow for large orders, when a small one comes, then the trace holds the order's total."""
    shop.publish(large="trigger: purchase\nwhen: order.total >= 300_000\nsteps: [{send: thank-you}]")
    shop.buy("A1", 280_000)
    with shop.database.reading() as connection:
        (line,) = connection.execute(select(event_trace.c.flows)).scalar_one()
    assert (line["flow"], line["reason"]) == ("large", "when")
    assert line["seen"] == [{"text": "order.total >= 300_000", "seen": {"order.total": 280000}, "holds": False}]


@pytest.mark.parametrize(
    ("once", "entered"),
    [("ever", 1), ("per order", 2), ("per event", 3), ("per year", 1), ("per 30 days", 2)],
)
def test_once(shop: Shop, once: str, entered: int) -> None:
    """Given each rule of entry, when three events of two orders come over forty days, then so many entered."""
    shop.publish(f=f"trigger: {{event: order.shipped}}\nonce: {once}\nsteps: [{{send: thank-you}}]")
    for days, number in ((0, "A1"), (1, "A1"), (40, "A2")):
        shop.now = START + timedelta(days=days)
        shop.send("order.shipped", order={"number": number})
    assert len(shop.journeys()) == entered


def test_paused_flows_take_no_entries(shop: Shop) -> None:
    """Given a draft and a paused flow, when an event comes, then nobody enters either."""
    body = textwrap.dedent(CONFIRM)
    shop.publish(draft=f"status: draft\n{body}", paused=f"status: paused\n{body}")
    shop.buy("A1")
    assert shop.journeys() == []
