"""A flow's `suppress`: a last mail, then no marketing, until the customer subscribes, clicks or buys."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.post import Office
from tests.support.shop import LAN, YES, Shop
from worker.delivery import hits
from worker.delivery.hits import Hits
from worker.domain.hits import SETTLING, HitKind
from worker.storage.database import Database
from worker.storage.hits import NewHit
from worker.storage.tables import address

SUNSET = """
    trigger: signup
    steps:
      - send: last-call
      - suppress: never opens
      - send: welcome
      - wait: 1 day
      - send: news
"""
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with a flow that suppresses, one that advertises and one that confirms, on both databases."""
    shop = Shop(database)
    shop.publish(
        sunset=SUNSET,
        news="trigger: {event: product.viewed}\nsteps: [{send: news}]",
        confirm="kind: transactional\ntrigger: {event: order.shipped}\nsteps: [{send: shipped}]",
    )
    return shop


def _states(shop: Shop) -> list[tuple[str, str, str | None]]:
    return [(row.step, row.state, row.reason) for row in shop.messages()]


def _suppressed(shop: Shop) -> tuple[str | None, str | None]:
    """Return the reason why no marketing goes to Lan, and why nothing at all does."""
    with shop.database.reading() as connection:
        row = connection.execute(select(address).where(address.c.email == "lan@example.com")).one()
    return row.marketing_suppressed, row.suppressed


def test_a_last_mail_then_no_marketing(shop: Shop, tmp_path: Path) -> None:
    """Given a flow that sends, suppresses and sends, when all is sent, then only the first mail and service go."""
    office = Office(shop, tmp_path, None, **{name: name for name in ("last-call", "welcome", "news", "shipped")})
    work = shop.send("signup")
    assert len(work.messages) == 1
    work += shop.send("product.viewed")
    work += shop.send("order.shipped", order={"number": "A1"})
    office.send(work)
    assert sorted(_states(shop)) == [
        ("last-call", "sent", None),
        ("news", "skipped", "suppressed"),
        ("shipped", "sent", None),
        ("welcome", "skipped", "suppressed"),
    ]
    shop.wait("1 day")
    assert _states(shop)[-1] == ("news", "skipped", "suppressed")
    assert [detail for kind, detail in shop.trace(1) if kind == "suppressed"] == [{"reason": "never opens"}]


@pytest.mark.parametrize(
    ("did", "lifted"),
    [
        ("subscribed", ["the customer subscribed anew"]),
        ("purchase", ["the customer bought"]),
        ("product.viewed", []),
        ("signup", []),
    ],
)
def test_who_subscribes_or_buys_gets_marketing_again(shop: Shop, did: str, lifted: list[str]) -> None:
    """Given a suppressed customer, when they subscribe or buy later, then it is lifted and told; by nothing else."""
    shop.send("signup")
    shop.now += timedelta(days=2)
    shop.publish(sunset=SUNSET.replace("suppress: never opens", "wait: 1 day"))
    shop.send(did, order={"number": "A1", "total": 1, "lines": []})
    assert (_suppressed(shop)[0] is None) is bool(lifted)
    assert [detail["lifted"] for kind, detail in shop.trace(1) if "lifted" in detail] == lifted


def test_what_happened_before_lifts_nothing(shop: Shop) -> None:
    """Given a suppressed customer, when an order of before comes in late, then it stays."""
    shop.send("signup")
    shop.now += timedelta(days=1)
    early = (shop.now - timedelta(days=1, hours=1)).isoformat()
    shop.send("purchase", time=early, order={"number": "A1", "total": 1, "lines": []})
    shop.send("cart.updated", LAN | {"consent": YES | {"marketing": True}})
    assert _suppressed(shop) == ("never opens", None)


@pytest.mark.parametrize(("agent", "lifted"), [(PHONE, True), ("python-requests/2.31", False)])
def test_a_persons_click_lifts_it(shop: Shop, tmp_path: Path, agent: str, lifted: bool) -> None:
    """Given a suppressed customer with a last mail, when a person clicks in it, then it is lifted; not by a machine."""
    office = Office(shop, tmp_path, None, **{"last-call": "last-call"})
    office.send(shop.send("signup"))
    shop.now += timedelta(hours=1)
    number = shop.messages()[0].id
    hits.record(shop.database, [NewHit("k", number, HitKind.CLICK, shop.now, 1, "https://x.example", agent)])
    Hits(shop.database).run([1], shop.now + SETTLING)
    assert (_suppressed(shop)[0] is None) is lifted


def test_a_dead_address_stays_dead(shop: Shop) -> None:
    """Given an address that bounced and was suppressed by a flow, when they buy, then it is dead as before."""
    shop.send("signup")
    with shop.database.writing() as connection:
        connection.execute(update(address).values(suppressed="hard bounce", suppressed_at=shop.now))
    shop.now += timedelta(days=1)
    shop.buy("A1")
    assert _suppressed(shop) == (None, "hard bounce")


def test_who_has_no_address_cannot_be_suppressed(shop: Shop) -> None:
    """Given a customer without an address, when a flow suppresses, then the journey goes on and says so."""
    shop.send("signup", {"id": "c9"})
    told = [detail["reason"] for kind, detail in shop.trace(1) if kind == "suppressed"]
    assert told == ["never opens", "the customer has no e-mail address"]
