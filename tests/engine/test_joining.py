"""A guest who turns out to be a known customer: one person, one journey of a kind, nothing lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.support.shop import START, YES, Shop
from worker.storage import customers
from worker.storage.database import Database
from worker.storage.tables import customer, message

BOTH = {"id": "c1", "email": "lan@example.com"}
WELCOME = """
    trigger: signup
    once: ever
    exit: [{event: purchase}]
    steps: [{send: thank-you}, {wait: 2 days}, {send: welcome}]
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def test_of_two_journeys_of_a_kind_the_guests_ends(shop: Shop) -> None:
    """Given a customer and a guest in one flow, when they turn out to be one, then one journey is left, and ends."""
    shop.publish(welcome=WELCOME)
    shop.send("signup", {"id": "c1"})
    shop.now += timedelta(hours=1)
    shop.send("signup", {"email": "lan@example.com", "consent": YES})
    shop.send("signup", BOTH)
    own, guests = shop.journeys()
    assert (own.state, guests.state, guests.reason) == ("waiting", "exited", "joined")
    assert shop.trace(guests.id)[-1] == ("exit", {"reason": "joined"})
    assert [row.state for row in shop.messages()] == ["queued", "cancelled"]
    shop.buy("A1", customer=BOTH)
    shop.wait("3 days")
    assert shop.journeys()[0].reason == "purchase"
    assert "welcome" not in [row.step for row in shop.messages()]


def test_a_guests_mail_that_waits_is_taken_back_with_its_journey(shop: Shop) -> None:
    """Given the same where both journeys are at their end, when they are joined, then one mail goes out, not two."""
    shop.publish(welcome="trigger: signup\nonce: ever\nsteps: [{send: welcome}]")
    shop.send("signup", {"id": "c1"})
    shop.send("signup", {"email": "lan@example.com"})
    shop.send("signup", BOTH)
    assert [row.state for row in shop.journeys()] == ["done", "done"]
    assert [row.state for row in shop.messages()] == ["queued", "cancelled"]


def test_a_customer_takes_over_from_a_guest_what_was_not_known(shop: Shop) -> None:
    """Given a guest with a name, fields and an opened mail, when joined, then the customer has them too."""
    shop = Shop(shop.database, fields={"taste": "text", "size": "text"})
    shop.send("signup", {"id": "c1", "phone": "0912345678", "size": "L", "address": {"city": "Huế"}})
    shop.send(
        "signup", {"email": "lan@example.com", "name": "Lan", "phone": "0900000000", "size": "S", "taste": "dark"}
    )
    with shop.database.writing() as connection:
        guest = update(customer).where(customer.c.email == "lan@example.com")
        connection.execute(guest.values(last_opened_at=START, tags=["vip"]))
    shop.send("signup", BOTH)
    with shop.database.reading() as connection:
        person = customers.by_external_id(connection, "c1")
    assert person is not None
    assert (person.name, person.phone, person.email) == ("Lan", "0912345678", "lan@example.com")
    assert person.fields == {"taste": "dark", "size": "L"}
    assert (person.address, person.tags, person.facts.last_opened_at) == ({"city": "Huế"}, ("vip",), START)


def test_what_is_not_alike_goes_on_for_the_customer(shop: Shop) -> None:
    """Given a guest's journey that the customer has not, when joined, then it goes on as the customer's."""
    shop.publish(welcome=WELCOME)
    shop.buy("A1", customer={"id": "c1"})
    shop.send("signup", {"email": "lan@example.com", "consent": YES})
    shop.send("order.packing", BOTH, order={"number": "A1"})
    shop.wait("3 days")
    with shop.database.reading() as connection:
        person = customers.by_external_id(connection, "c1")
        owners = set(connection.execute(select(message.c.customer_id)).scalars())
    assert person is not None
    assert owners == {person.id}
    assert [(row.customer_id, row.state) for row in shop.journeys()] == [(person.id, "done")]
