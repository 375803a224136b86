"""Erasing a person: nothing that names them is left in any table, nothing goes to them, and figures stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.everywhere import AT, EMAIL, NEEDLES, SHOP_ID, stand_everywhere
from tests.support.shop import LAN, Shop
from worker.delivery.hits import Hits
from worker.domain.hits import HitKind
from worker.domain.messages import MessageState
from worker.domain.pseudonyms import Names, Pseudonyms
from worker.engine.erasing import erase, look_after
from worker.engine.processing import Processing
from worker.storage import claims, erasure, hits, ledger, webhooks
from worker.storage.audit import Actor, Way
from worker.storage.database import Database
from worker.storage.hits import NewHit
from worker.storage.ledger import Marked, Settlement
from worker.storage.personal import HELD, Whose
from worker.storage.tables import (
    address,
    audit,
    consent_change,
    customer,
    erased,
    event,
    hit,
    journey,
    message,
    metadata,
    orders,
    task,
    webhook,
)

SECRETS = Pseudonyms([b"a secret of the shop"])
OPERATOR = Actor(Way.COMMAND, "thu@office")
OTHER = "minh@other.example"


def dump(database: Database) -> Iterator[str]:
    """Every value of every table, and on SQLite every byte of its files."""
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                yield f"{table.name}: {list(row)}"
    if database.is_sqlite:
        raw = database.engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        path = Path(str(database.engine.url.database))
        for file in path.parent.glob(f"{path.name}*"):
            yield file.read_bytes().decode("utf-8", "replace")


def test_nothing_is_left_of_a_person_who_stood_in_every_table(database: Database) -> None:
    """Given a person in every table, when they are erased, then no table and no byte of the file names them."""
    with database.writing() as connection:
        stand_everywhere(connection, 1)
        stand_everywhere(connection, 2, telling="Trần Văn Minh", email=OTHER)
    before = {line.split(":")[0] for line in dump(database) if any(needle in line for needle in NEEDLES)}
    assert {name for name, held in HELD.items() if held.blank or held.hashed} <= before

    done = erase(database, SECRETS, 1, OPERATOR, AT)

    left = [line[:300] for line in dump(database) if any(needle in line for needle in NEEDLES)]
    assert left == []
    assert set(done.rows) == {name for name, held in HELD.items() if held.whose is not Whose.NOBODY}
    with database.reading() as connection:
        for name, held in HELD.items():  # what names nobody is still there, and the other person untouched
            if held.whose is not Whose.NOBODY:
                rows = len(connection.execute(select(metadata.tables[name])).all())
                assert rows == (1 if held.delete else 2), name
        assert connection.execute(select(customer.c.email).where(customer.c.id == 2)).scalar_one() == OTHER
        assert connection.execute(select(message.c.subject).where(message.c.id == 2)).scalar_one() is not None
        assert set(connection.execute(select(erased.c.hash)).scalars()) == {
            SECRETS.of(Names.EMAIL, EMAIL).hash,
            SECRETS.of(Names.ID, SHOP_ID).hash,
        }
        proof = connection.execute(select(consent_change.c.email).where(consent_change.c.id == 1)).scalar_one()
        assert proof == f"erased:{SECRETS.of(Names.EMAIL, EMAIL).hash}"
        (line,) = connection.execute(select(audit)).all()
        assert (line.action, line.who) == ("person erased", "thu@office")
        assert line.on == f"person {SECRETS.of(Names.ID, SHOP_ID).hash}"


FLOW = """
    trigger: signup
    steps:
      - send: welcome
      - wait: 30 days
      - send: welcome
        name: again
"""
THANKS = """
    kind: transactional
    trigger: purchase
    steps:
      - wait: 1 hour
      - send: thank-you
"""
SECOND = {"id": "c1", "email": "lan@example.com", "name": "Lan"}


class ErasingShop(Shop):
    """A shop that knows erased people again."""

    def __init__(self, database: Database, **settings: Any) -> None:
        super().__init__(database, **settings)
        self._processing = Processing(database, self.flowbook, self.settings, pseudonyms=SECRETS)

    def erase(self, number: int = 1) -> None:
        """Erase a customer now."""
        erase(self.database, SECRETS, number, OPERATOR, self.now)

    def column(self, column: Any) -> list[Any]:
        """Return a column's values, by the numbers of the rows."""
        with self.database.reading() as connection:
            return list(connection.execute(select(column).order_by(*column.table.primary_key.columns)).scalars())


@pytest.fixture
def shop(database: Database) -> ErasingShop:
    """A shop with a flow for newcomers and one for buyers, and Lan in both; it is Monday, 14:00 in Ho Chi Minh City."""
    shop = ErasingShop(database)
    shop.publish(hello=FLOW, thanks=THANKS)
    shop.send("signup")
    shop.step()
    shop.buy("A1")
    return shop


def test_journeys_end_and_queued_mail_is_cancelled(shop: ErasingShop) -> None:
    """Given mail in the queue and journeys that wait, when their customer is erased, then none goes on."""
    assert shop.column(journey.c.state) == ["waiting", "waiting"]
    shop.erase()
    assert (shop.column(journey.c.state), shop.column(journey.c.reason)) == (["exited"] * 2, ["erased"] * 2)
    assert (shop.column(message.c.state), shop.column(message.c.reason)) == (["cancelled"], ["erased"])

    shop.wait("40 days")
    assert len(shop.messages()) == 1
    assert shop.column(orders.c.total) == [450_000]  # the shop's figures stay
    assert shop.column(customer.c.orders_count) == [1]


def test_a_claimed_mail_is_not_sent_and_one_in_hand_leaves_nothing(shop: ErasingShop) -> None:
    """Given a mail that a sender claimed and one that it is handing over, when their customer is erased, then the first
    is not sent, and the second keeps its outcome without a trace of whom it went to."""
    first = shop.messages()[0].id
    shop.wait("2 hours")
    second = shop.messages()[1].id
    in_hand = Marked(second, "lan@example.com", "vi", "Lan ơi", "h", "m@shop", False)
    with shop.database.writing() as connection:
        until = shop.now + timedelta(minutes=2)
        claims.claim(connection, [first, second], token="sender", lease_until=until, now=shop.now)
        ledger.mark(connection, [in_hand], token="sender", now=shop.now)

    shop.erase()
    with shop.database.writing() as connection:
        late = Marked(first, "lan@example.com", "vi", "Chào Lan", "h", "n@shop", False)
        assert ledger.mark(connection, [late], token="sender", now=shop.now) == set()
        sent = Settlement(second, MessageState.SENT, shop.now, code=250, answer="2.1.5 <lan@example.com> ok")
        assert ledger.settle(connection, [sent], token="sender") == {second}
    assert look_after(shop.database, SECRETS, shop.now + timedelta(hours=1)) == 1

    assert shop.column(message.c.state) == ["cancelled", "sent"]
    assert shop.column(message.c.code) == [None, 250]
    assert [line[:200] for line in dump(shop.database) if "lan@example.com" in line or "Lan ơi" in line] == []


def test_the_past_told_again_brings_nothing_back(shop: ErasingShop) -> None:
    """Given an erased customer, when the same event, another of their time before, or a list of the past comes in, then
    each is closed with nothing in it, and nobody is made of it."""
    item = {"id": "e1", "type": "signup", "time": shop.now.isoformat(), "customer": LAN}
    before = shop.now
    shop.now += timedelta(days=1)
    waiting = {"id": "q1-lan@example.com", "type": "viewed", "time": before.isoformat(), "customer": LAN}
    shop.receive(waiting)  # taken in, and not processed when they are erased
    shop.erase()

    assert shop.receive(item)[0].duplicates == 1
    shop.now += timedelta(days=1)
    for number, whom in enumerate(({"id": "c1"}, {"email": "lan@example.com"}, LAN)):
        old = {"id": f"old-{number}", "type": "signup", "time": before.isoformat(), "customer": whom}
        receipt, work = shop.receive(old, old | {"id": f"past-lan@example.com-{number}", "history": True})
        assert receipt.accepted == 2
        shop.process(work)
        shop.process(shop.receive(old)[1])  # once more

    assert len(shop.column(customer.c.id)) == 1
    assert set(shop.column(event.c.state)) == {"processed"}
    assert shop.column(event.c.payload)[2:] == [{}] * 10
    assert len(shop.messages()) == 1
    assert [line[:200] for line in dump(shop.database) if "lan@example.com" in line] == []


def test_nothing_goes_to_who_was_erased_until_they_come_back(shop: ErasingShop) -> None:
    """Given an erased customer whom the shop goes on telling of, then nothing goes to the address; after an order of
    theirs mail about it does, and advertising once they subscribe."""
    shop.erase()
    shop.now += timedelta(days=1)
    shop.send("customer_updated", LAN)  # with the shop's own record of a yes
    assert shop.column(address.c.suppressed) == [erasure.REASON]
    assert shop.column(address.c.marketing) == ["unsubscribed"]
    assert shop.column(customer.c.email) == [None, "lan@example.com"]

    shop.send("purchase", SECOND, order={"number": "A0", "total": 1, "lines": []}, history=True)
    assert shop.column(address.c.suppressed) == [erasure.REASON]
    shop.buy("A2", customer=SECOND)
    assert shop.column(address.c.suppressed) == [None]
    assert shop.column(address.c.marketing) == ["unsubscribed"]

    shop.now += timedelta(days=1)
    shop.send("subscribed", SECOND)
    assert shop.column(address.c.marketing) == ["subscribed"]
    assert None not in shop.column(erased.c.lifted_at)


def test_guests_go_along_and_a_shared_address_stays(shop: ErasingShop) -> None:
    """Given a guest who turned out to be a customer, and another with the same address, when the customer is erased,
    then the guest goes too, and the other keeps address and consent."""
    shop.buy("G1", customer={"email": "lan.guest@example.com"})
    shop.send("customer_updated", {"id": "c1", "email": "lan.guest@example.com"})
    shop.send("signup", {"id": "c9", "email": "lan@example.com", "name": "Minh"})

    shop.erase()
    assert shop.column(customer.c.email) == [None, None, "lan@example.com"]
    assert shop.column(address.c.email) == ["lan@example.com"]
    assert set(shop.column(consent_change.c.email)) == {"lan@example.com"}
    with shop.database.reading() as connection:
        assert erasure.known(connection, SECRETS, None, "lan@example.com") is None
        assert erasure.known(connection, SECRETS, None, "lan.guest@example.com") is not None
        assert erasure.known(connection, SECRETS, "c1", None) is not None
        rotated = Pseudonyms([b"the key of next year", b"a secret of the shop"])
        assert erasure.known(connection, rotated, "c1", None) is not None
        assert erasure.strange(connection, Pseudonyms([b"the key of next year"])) == 2

    shop.erase()  # done again it changes nothing
    assert shop.column(customer.c.email) == [None, None, "lan@example.com"]
    assert len(shop.column(erased.c.hash)) == 2


def test_a_late_hit_is_nobodys(shop: ErasingShop) -> None:
    """Given a mail of an erased customer, when its link is clicked, then the hit is kept without who or from where."""
    with shop.database.writing() as connection:
        connection.execute(update(message).values(state="sent", sent_at=shop.now, transmitting_at=shop.now))
    shop.erase()
    at = shop.now + timedelta(days=1)
    with shop.database.writing() as connection:
        new = NewHit("k", 1, HitKind.CLICK, at, 1, "https://shop.example/?for=lan", "Firefox", {"dnt": "1"}, "0a1b")
        numbers = hits.add(connection, new.row())[HitKind.CLICK]
    Hits(shop.database).run(numbers, at + timedelta(minutes=1))

    with shop.database.reading() as connection:
        (kept,) = connection.execute(select(hit)).all()
    assert (kept.kind, kept.link, kept._mapping["class"]) == ("click", 1, "person")
    assert (kept.url, kept.user_agent, kept.headers, kept.ip_hash) == (None, None, {}, None)
    assert shop.column(customer.c.last_clicked_at) == shop.column(message.c.clicked_at) == [None]


def test_webhooks_and_tasks_of_erased_people_are_not_taken_up_again(database: Database) -> None:
    """Given a webhook that waits and an open task, when their customer is erased, then neither can be taken up."""
    with database.writing() as connection:
        stand_everywhere(connection, 1)
        connection.execute(update(webhook).values(state="queued"))
        connection.execute(update(task).values(state="open", closed_at=None))
    erase(database, SECRETS, 1, OPERATOR, AT)
    with database.writing() as connection:
        assert webhooks.again(connection, None, AT) == []
        found = connection.execute(select(task.c.state, task.c.closed_by, webhook.c.state)).one()
    assert tuple(found) == ("cancelled", "phin", "failed")
