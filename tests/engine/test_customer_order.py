"""Each customer's events are taken in the order in which they came, however the customer is named, by whomever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.shop import LAN, START, Shop
from worker.domain.profiles import profile_changes
from worker.domain.work import Work
from worker.engine import processing, recording
from worker.engine.recording import record
from worker.storage import hits, pending
from worker.storage.database import Database
from worker.storage.tables import customer, event, orders

FIRST = "trigger: purchase\nwhen: customer.orders_count == 1\nsteps: [{send: welcome}]\n"
ID, EMAIL = {"id": LAN["id"]}, {"email": LAN["email"]}


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases, with a flow that greets whoever has ordered once."""
    shop = Shop(database)
    shop.publish(first=FIRST)
    return shop


class Gate:
    """Holds one thread where a function has just been left, until it is let go."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        result = self._function(*arguments)
        if threading.current_thread().name == "held up" and not self.reached.is_set():
            self.reached.set()
            assert self.open.wait(20)
        return result

    def while_held(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        """Run the second while the first stands at the gate, for a while, then let the first go."""
        one = threading.Thread(target=first, name="held up")
        one.start()
        assert self.reached.wait(20)
        other = threading.Thread(target=second)
        other.start()
        other.join(1)
        self.open.set()
        one.join(20)
        other.join(20)


def _event(shop: Shop, key: str, kind: str, person: dict[str, Any], **more: Any) -> Work:
    whole = {"id": key, "type": kind, "time": START.isoformat(), "customer": person} | more
    receipt, work = shop.receive(whole)
    assert not receipt.refused, receipt.refused
    return work


def _purchase(shop: Shop, number: str, person: dict[str, Any]) -> Work:
    return _event(shop, number, "purchase", person, order={"number": number, "total": 100_000, "lines": []})


def test_by_id_and_by_address_it_is_one_customer(shop: Shop) -> None:
    """Given a customer with both, when two orders name one each, and the second's job is first, then A1 was first."""
    shop.send("signup")
    one, two = _purchase(shop, "A1", ID), _purchase(shop, "A2", EMAIL)
    shop.process(two)
    shop.process(one)
    assert [row.order_number for row in shop.journeys()] == ["A1"]


def test_an_event_between_ties_id_and_address_together(shop: Shop) -> None:
    """Given an order by address, a sign-up with both, an order by id, when the last's job is first, then A1 was."""
    one = _purchase(shop, "A1", EMAIL)
    _event(shop, "s", "signup", ID | EMAIL)
    two = _purchase(shop, "A2", ID)
    shop.process(two)
    shop.process(one)
    assert [row.order_number for row in shop.journeys()] == ["A1"]


def test_two_workers_process_an_event_once(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a partial refund that two jobs lead to, when two workers run them at once, then it counts once."""
    shop = Shop(postgres_database)
    shop.buy("A1", 450_000)
    _event(shop, "r", "refund", ID | EMAIL, order={"number": "A1"}, data={"amount": 100_000})
    one, two = _event(shop, "x", "product.viewed", ID), _event(shop, "y", "product.viewed", EMAIL)
    gate = Gate(pending.take)
    monkeypatch.setattr(pending, "take", gate)
    gate.while_held(lambda: shop.process(one), lambda: shop.process(two))
    with postgres_database.reading() as connection:
        assert connection.execute(select(orders.c.refunded)).scalar_one() == 100_000
        assert set(connection.execute(select(event.c.state)).scalars()) == {"processed"}


def test_two_workers_lose_no_field_of_a_customer(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two events that each bring a field, when two workers take one each at once, then both fields are there."""
    shop = Shop(postgres_database, fields={"a": "text", "b": "text"})
    shop.send("signup")
    one, two = _event(shop, "a", "signup", ID | {"a": "1"}), _event(shop, "b", "signup", EMAIL | {"b": "2"})
    gate = Gate(profile_changes)
    monkeypatch.setattr(recording, "profile_changes", gate)
    gate.while_held(lambda: shop.process(one), lambda: shop.process(two))
    with postgres_database.reading() as connection:
        assert connection.execute(select(customer.c.fields)).scalar_one() == {"a": "1", "b": "2"}


def test_what_comes_while_a_worker_waits_for_a_customer_is_taken_in_its_order(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a worker that waits for an id, when an event ties an address to it, then that one's order is first."""
    shop = Shop(postgres_database)
    shop.publish(first=FIRST)
    viewed, again = _event(shop, "v", "product.viewed", ID), _event(shop, "w", "product.viewed", ID)
    one = _purchase(shop, "A1", EMAIL)
    gate = Gate(pending.take)
    monkeypatch.setattr(pending, "take", gate)

    def second() -> None:
        waiting = threading.Thread(target=lambda: shop.process(again))
        waiting.start()
        waiting.join(0.5)  # it stands at the lock
        _event(shop, "s", "signup", ID | EMAIL)
        _purchase(shop, "A2", ID)
        waiting.join(20)

    gate.while_held(lambda: shop.process(viewed), second)
    shop.process(one)
    assert [row.order_number for row in shop.journeys()] == ["A1"]


def test_an_event_that_fails_for_a_while_is_not_overtaken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two orders, when the first fails once and is tried again a minute later, then it is still the first."""
    one, two = _purchase(shop, "A1", ID), _purchase(shop, "A2", ID)
    real, failures = record, [1, 1]

    def flaky(connection: Any, taken: Any, *rest: Any) -> Any:
        if taken.id == one.events[0] and failures:
            failures.pop()
            raise RuntimeError("a passing failure")
        return real(connection, taken, *rest)

    monkeypatch.setattr(processing, "record", flaky)
    shop.process(one + two)
    shop.process(two + _purchase(shop, "A3", ID | EMAIL))
    assert shop.journeys() == []
    assert shop.due().events == (), "what waits behind another is not asked for in vain"
    shop.now += timedelta(minutes=2)
    shop.process(shop.due())
    assert [row.order_number for row in shop.journeys()] == ["A1"]
    with shop.database.reading() as connection:
        assert set(connection.execute(select(event.c.state)).scalars()) == {"processed"}


def test_so_many_who_share_an_address_are_still_taken_in_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more customers with one address than are held one by one, when jobs come anyhow, then it is in order."""
    monkeypatch.setattr(pending, "MANY", 4)
    works = [_purchase(shop, f"A{i}", {"id": f"c{i % 5}", "email": "khach@example.com"}) for i in range(10)]
    for work in reversed(works):
        shop.process(work)
    assert [row.order_number for row in shop.journeys()] == [f"A{i}" for i in range(5)]


def test_processing_and_hits_do_not_wait_for_each_other(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two customers, when one job names them the other way round than hits hold them, then both get through."""
    shop = Shop(postgres_database)
    shop.send("signup", {"id": "c1"})
    shop.send("signup", {"id": "c2"})
    batch = _event(shop, "x", "signup", {"id": "c2", "name": "B"}) + _event(
        shop, "y", "signup", {"id": "c1", "name": "A"}
    )
    gate = Gate(record)
    monkeypatch.setattr(processing, "record", gate)
    failed: list[Exception] = []

    def hold() -> None:
        try:
            with postgres_database.writing() as connection:
                hits.hold_customers(connection, [1])
                hits.hold_customers(connection, [2])
        except Exception as error:
            failed.append(error)

    gate.while_held(lambda: shop.process(batch), hold)
    assert failed == []
    with postgres_database.reading() as connection:
        assert set(connection.execute(select(event.c.attempts)).scalars()) == {0}
