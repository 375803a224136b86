"""A batch of events comes to the same as one event after the other, whatever its events do to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.postgres import PostgresServer
from tests.support.shop import START, Shop
from worker.domain.work import Work
from worker.storage.database import Database
from worker.storage.memory import MemoryDatabase
from worker.storage.tables import (
    address,
    customer,
    event,
    event_trace,
    goal,
    journey,
    message,
    order_line,
    order_status,
    orders,
    trace,
)

FLOWS = {
    "thanks": "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]\n",
    "care": (
        "trigger: purchase\nonce: ever\ngoal: {event: purchase, within: 30 days}\n"
        "exit: {event: order.cancelled}\nsteps: [{wait: 3 days}, {send: how-was-it}]\n"
    ),
    "back": "trigger: signup\nwhen: customer.orders_count >= 1\nexit: {event: purchase}\nsteps: [{wait: 1 day}]\n",
    "mark": (
        "trigger: {event: order.shipped}\n"
        'steps: [{tag: shipped}, {wait: 30 days, until: order.status == "delivered"}, {send: arrived}]\n'
    ),
    # what a batch writes at its end, and who asks for it before: events, lines of orders, journeys of their own
    "did": 'trigger: signup\nonce: per event\nwhen: did("purchase", within="30 days")\nsteps: [{send: hello}]\n',
    "bought": 'trigger: signup\nonce: per event\nwhen: bought("robusta")\nsteps: [{send: hello}]\n',
    "alone": 'trigger: purchase\nsteps: [{if: in_flow("alone"), then: [{tag: again}], else: [{tag: alone}]}]\n',
    # customers that are held already, and those that another flow has just written to
    "counts": (
        "trigger: purchase\nonce: per event\nsteps:\n  - add: {points: 1}\n"
        "  - if: customer.points > 1\n    then: [{tag: many}]\n  - wait: 1 day\n"
    ),
    "counts-too": "trigger: purchase\nonce: per event\nsteps: [{add: {points: 10}}, {wait: 1 day}]\n",
    # decisions that ask for their journey's row
    "stops": "trigger: {event: order.cancelled}\nsteps: [{suppress: cancelled}, {tag: stopped}]\n",
    "holds-out": "trigger: purchase\nonce: per event\nholdout: 50%\ngoal: {event: order.delivered, within: 9 days}\n"
    "steps: [{send: x}]\n",
}
FIELDS = {"points": "number"}
WHO = st.sampled_from(
    [
        {"id": "c1"},
        {"id": "c2"},
        {"email": "a@example.com"},
        {"email": "b@example.com"},
        {"id": "c1", "email": "a@example.com"},
        {"id": "c1", "email": "b@example.com"},
        {"id": "c2", "email": "a@example.com", "name": "Lan"},
        {"email": "a@example.com", "name": "Hoa", "tags": ["x"]},
    ]
)
LINE = {"sku": "R", "name": "Robusta", "category": "robusta", "quantity": 1, "price": 100_000}
ORDERS = st.sampled_from(["A1", "A2"]).map(lambda number: {"number": number, "total": 100_000, "lines": [LINE]})
EVENTS = st.one_of(
    st.fixed_dictionaries({"type": st.just("purchase"), "customer": WHO, "order": ORDERS}),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["order.shipped", "order.delivered", "order.cancelled"]),
            "customer": WHO,
            "order": st.sampled_from([{"number": "A1", "total": 1}, {"number": "A2", "total": 2}]),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["signup", "subscribed", "unsubscribed"]), "customer": WHO, "history": st.booleans()}
    ),
)
TABLES = (customer, address, orders, order_line, order_status, event, event_trace, journey, trace, message, goal)


def kept(shop: Shop) -> dict[str, list[Any]]:
    """Return all that is kept, by table."""
    with shop.database.reading() as connection:
        return {table.name: _rows(connection.execute(select(table)).all()) for table in TABLES}


def played(shop: Shop, told: list[dict[str, Any]], *, together: bool) -> dict[str, list[Any]]:
    """Take events in, process them in one batch or each alone; returns all that is kept then."""
    waiting = Work()
    for one in told:
        receipt, work = shop.receive(one)
        assert not receipt.refused, receipt.refused
        waiting += work
        if not together:
            shop.process(work)
    if together:
        shop.process(waiting)
    return kept(shop)


def _rows(rows: Any) -> list[Any]:
    return sorted(
        (tuple(value for name, value in row._mapping.items() if name != "look_again") for row in rows),
        key=lambda row: tuple(str(value) for value in row),
    )


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A shop in memory with the flows."""
    database = MemoryDatabase()
    made = Shop(database, fields=FIELDS)
    made.publish(**FLOWS)
    yield made
    database.close()


@settings(max_examples=60, deadline=None)
@given(events=st.lists(EVENTS, min_size=2, max_size=9))
def test_a_batch_comes_to_the_same_as_one_after_the_other(shop: Shop, events: list[dict[str, Any]]) -> None:
    """Given events of few customers and orders, processed together or each alone, then all rows are the same."""
    told = [{"id": f"e{at}", "time": START.isoformat(), **one} for at, one in enumerate(events)]
    results = []
    for together in (False, True):
        assert isinstance(shop.database, MemoryDatabase)
        with shop.database.undone():
            results.append(played(shop, told, together=together))
    alone, batch = results
    for name, rows in alone.items():
        assert batch[name] == rows, name


SCENE: list[dict[str, Any]] = [
    {"type": "signup", "customer": {"email": "a@example.com"}},
    {"type": "purchase", "customer": {"id": "c1"}, "order": {"number": "A1", "total": 100_000, "lines": [LINE, LINE]}},
    {
        "type": "purchase",
        "customer": {"email": "b@example.com"},
        "order": {"number": "A2", "total": 1, "lines": [LINE]},
    },
    {"type": "signup", "customer": {"id": "c1", "email": "a@example.com"}},  # joins the guest
    {"type": "order.shipped", "customer": {"id": "c1"}, "order": {"number": "A1", "total": 1}},
    {"type": "order.delivered", "customer": {"id": "c1"}, "order": {"number": "A1", "total": 1}},
    {"type": "purchase", "customer": {"id": "c2", "email": "b@example.com"}, "order": {"number": "A3", "total": 5}},
    {"type": "order.cancelled", "customer": {"id": "c2"}, "order": {"number": "A2", "total": 2}},
    {"type": "purchase", "customer": {"id": "c1"}, "order": {"number": "A3", "total": 9}},  # another's order
    {"type": "unsubscribed", "customer": {"id": "c2"}},
]


@pytest.mark.parametrize("asked", ['did("purchase", within="30 days")', 'bought("robusta")', "customer.points == 1"])
def test_an_event_sees_what_those_before_it_in_the_batch_left(database: Database, asked: str) -> None:
    """Given an order and a sign-up in one batch, then a flow that asks at the sign-up sees all that the order left."""
    shop = Shop(database, fields=FIELDS)
    shop.publish(counts=FLOWS["counts"], asks=f"trigger: signup\nwhen: {asked}\nsteps: [{{wait: 1 day}}]\n")
    order = {"number": "A1", "total": 100_000, "lines": [LINE]}
    told: list[dict[str, Any]] = [{"type": "purchase", "order": order}, {"type": "signup"}]
    waiting = Work()
    for at, one in enumerate(told):
        waiting += shop.receive({"id": f"e{at}", "time": START.isoformat(), "customer": {"id": "c1"}, **one})[1]
    shop.process(waiting)
    assert [row.flow for row in shop.journeys()] == ["counts", "asks"]


@pytest.mark.parametrize("steps", ["[{send: x}]", "[{send: x}, {wait: 9 days}]"], ids=["ended", "under way"])
def test_a_mail_is_taken_back_by_a_later_event_of_its_batch(database: Database, steps: str) -> None:
    """Given what starts a mail and what ends its journey in one batch, then the mail is not sent."""
    shop = Shop(database)
    shop.publish(f=f"trigger: {{event: product.viewed}}\nexit: {{event: signup}}\nsteps: {steps}\n")
    waiting = Work()
    for kind in ("product.viewed", "signup"):
        one = {"id": kind, "type": kind, "time": START.isoformat(), "customer": {"id": "c1"}}
        waiting += shop.receive(one)[1]
    assert shop.process(waiting).messages == (1,)
    assert [(row.state, row.reason) for row in shop.messages()] == [("cancelled", "exit: signup")]


def test_on_postgresql_a_batch_comes_to_the_same(postgres_server: PostgresServer, _postgres_template: str) -> None:
    """Given guests that are joined, orders that change and journeys that end, in one batch or singly on PostgreSQL."""
    told = [{"id": f"e{at}", "time": START.isoformat(), **one} for at, one in enumerate(SCENE)]
    results = []
    for together in (False, True):
        name = postgres_server.create_database(_postgres_template)
        shop = Shop(Database(postgres_server.url(name)), fields=FIELDS)
        shop.publish(**FLOWS)
        results.append(played(shop, told, together=together))
        shop.database.close()
        postgres_server.drop_database(name)
    alone, batch = results
    assert len(alone["trace"]) > len(SCENE)
    for table, rows in alone.items():
        assert batch[table] == rows, table
