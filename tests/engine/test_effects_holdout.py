"""Customers whom a flow sets aside: always the same, they get nothing and take the key."""

from __future__ import annotations

import pytest

from tests.support.effects import SETTINGS, said, settle
from tests.support.finding import ClockShop
from tests.support.segments import Keeper
from tests.support.shop import LAN, YES, Shop
from worker.domain.chance import BY_HASH
from worker.storage.database import Database

WELCOME = "holdout: 50%\ntrigger: signup\nonce: ever\nexit: [{event: refund}]\nsteps: [{send: welcome}, {wait: 1 day}]"


def _people(shop: Shop, count: int) -> None:
    for number in range(count):
        shop.send("signup", {"id": f"c{number}", "email": f"c{number}@example.com", "consent": YES})


def test_a_share_is_set_aside_and_gets_nothing(database: Database) -> None:
    """Given a holdout, when customers enter by an event, then those it falls to have a journey that never moves."""
    shop = Shop(database, **SETTINGS)
    shop.publish(f=WELCOME)
    _people(shop, 30)
    shop.wait("3 days")
    falls = {row.customer_id: BY_HASH.sets_aside("f", row.customer_id, 0.5) for row in shop.journeys()}
    assert 5 < sum(falls.values()) < 25
    assert {row.customer_id: row.state == "control" for row in shop.journeys()} == falls
    assert {row.customer_id for row in shop.messages()} == {one for one, aside in falls.items() if not aside}
    first = next(row for row in shop.journeys() if row.state == "control")
    assert [kind for kind, _ in shop.trace(first.id)] == ["entered"]
    assert shop.trace(first.id)[0][1]["control"] is True
    line = next(one for one in said(shop) if one.get("journey") == first.id)
    assert line == {"flow": "f", "version": 1, "journey": first.id, "control": True}


def test_who_is_set_aside_has_entered(database: Database) -> None:
    """Given a customer set aside, when the event comes again or one of its exits, then the journey stays and is one."""
    shop = Shop(database, **SETTINGS)
    shop.publish(f=WELCOME.replace("50%", "99%"), asks='trigger: {event: ping}\nwhen: in_flow("f")\nsteps: [{send: x}]')
    for kind in ("signup", "signup", "refund", "ping"):
        shop.send(kind, LAN, order={"number": "A1"})
    assert [(row.flow, row.state) for row in shop.journeys()] == [("f", "control")]
    assert [line["reason"] for line in said(shop) if "reason" in line] == ["once", "when"]


@pytest.mark.parametrize("kind", ["segment", "clock"])
def test_those_whom_the_database_enters(database: Database, kind: str) -> None:
    """Given a holdout, when customers come by a segment or a turn, then the same are set aside as by an event."""
    shop = ClockShop(database, **SETTINGS)
    keeper = Keeper(shop)
    keeper.publish('new: "true"\n' if kind == "clock" else "new: customer.points > 5\n")
    trigger = "{segment: new}" if kind == "segment" else "{date: 2027-03-02}"
    shop.publish(f=f"holdout: 30%\ntrigger: {trigger}\nsteps: [{{send: welcome}}, {{wait: 1 day}}]")
    for number in range(30):
        shop.send("cart.updated", {"id": f"c{number}", "points": 9, "email": f"c{number}@example.com"})
    keeper.keep()
    shop.tick("2027-03-02 09:00")
    settle(shop)
    falls = {row.customer_id: BY_HASH.sets_aside("f", row.customer_id, 0.3) for row in shop.journeys()}
    assert len(falls) == 30
    assert {row.customer_id: row.state == "control" for row in shop.journeys()} == falls
    assert all(shop.trace(row.id)[0][1].get("control", False) is falls[row.customer_id] for row in shop.journeys())
    assert {row.customer_id for row in shop.messages()} == {one for one, aside in falls.items() if not aside}
