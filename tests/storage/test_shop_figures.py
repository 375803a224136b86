"""The shop's own figures are counted from its rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update

from tests.support.shop import LAN, START, Shop
from worker.storage.database import Database
from worker.storage.shop_figures import Promptness, ShopFigures, shop_figures
from worker.storage.tables import message, task, task_reminder

CONFIRM = """
kind: transactional
trigger: purchase
steps:
  - send: order-confirmation
"""
OTHERS: list[dict[str, Any]] = [{"id": f"c{number}", "email": f"c{number}@example.com"} for number in (2, 3)]


def figures(database: Database, since: timedelta | None = None) -> ShopFigures:
    with database.reading() as connection:
        return shop_figures(connection, None if since is None else START + since)


def test_an_empty_shop_has_nothing(database: Database) -> None:
    """Given no rows, then every figure is nothing."""
    assert figures(database) == ShopFigures(0, 0, {}, {}, {})


def test_customers_buyers_and_orders_by_status(database: Database) -> None:
    """Given three customers and a guest, then those with an id are registered, and buyers have an order that counts."""
    shop = Shop(database)
    shop.buy("A1")
    shop.buy("A2", customer=OTHERS[0])
    shop.send("order.cancelled", OTHERS[0], order={"number": "A2"})
    shop.send("signup", OTHERS[1])
    shop.send("signup", {"email": "guest@example.com"})
    shop.now += timedelta(days=2)
    shop.buy("A3")
    shop.send("order.packing", LAN, order={"number": "A3"})
    found = figures(database)
    assert (found.customers, found.buyers) == (3, 1)
    assert found.orders == {"cancelled": 1, "packing": 1, "placed": 1}
    assert figures(database, timedelta(days=1)).orders == {"packing": 1}


def test_how_prompt_the_first_mail_was(database: Database) -> None:
    """Given confirmations after a second, five minutes and an hour, then two are prompt; those not sent count not."""
    shop = Shop(database)
    shop.publish(confirm=CONFIRM)
    took = [timedelta(seconds=1), timedelta(minutes=5), timedelta(hours=1)]
    for number, after in enumerate(took):
        (mail,) = shop.buy(f"A{number}").messages
        with database.writing() as connection:
            sent = update(message).where(message.c.id == mail)
            connection.execute(sent.values(state="sent", sent_at=shop.now + after))
    shop.buy("A9")
    assert figures(database).promptness == {"confirm": Promptness(mails=3, prompt=2, longest=3_600.0)}
    assert figures(database, timedelta(days=1)).promptness == {}


def test_of_how_many_customers_staff_were_reminded(database: Database) -> None:
    """Given tasks of two customers, then each counts once, and only where a reminder before it was due was mailed."""
    shop = Shop(database)
    for customer in (LAN, *OTHERS):
        shop.send("signup", customer)
    with database.writing() as connection:
        people = [1, 1, 2, 3]
        for number, person in enumerate(people, start=1):
            made = {"key": f"t{number}", "type": "call", "priority": "normal", "title": {}, "flow": "help"}
            connection.execute(insert(task).values(**made, customer_id=person, created_at=START))
            mail = {"key": f"m{number}", "kind": "transactional", "template": "staff/reminder", "state": "sent"}
            connection.execute(
                insert(message).values(**mail, staff="mai", created_at=START, not_before=START, sent_at=START)
            )
            kind = "came" if person == 3 else "before"
            told = {"task_id": number, "kind": kind, "nth": 1, "wanted_at": START, "due_at": START}
            connection.execute(insert(task_reminder).values(**told, settled_at=START, message_id=number))
    assert figures(database).reminded == {"help": 2}
    assert figures(database, timedelta(days=1)).reminded == {}
