"""The pace of advertising at the moment of sending: quiet hours have it wait, caps have it left out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.post import Office
from tests.support.shop import LAN, Shop
from worker.domain.work import Work
from worker.storage.database import Database
from worker.storage.tables import message

FLOWS = {f"f{number}": f"trigger: signup\nsteps: [{{send: welcome, name: s{number}}}]" for number in range(5)}


def _states(shop: Shop) -> list[tuple[str, str | None]]:
    with shop.database.reading() as connection:
        rows = connection.execute(select(message.c.state, message.c.reason).order_by(message.c.id))
        return [(row.state, row.reason) for row in rows]


def test_advertising_waits_for_the_morning_and_orders_do_not(database: Database, tmp_path: Path) -> None:
    """Given quiet hours, when a customer signs up and buys at eleven in the evening, then the order's mail goes at
    once, the advertising when the night is over, and one that expires in the night not at all."""
    shop = Shop(database, policy={"quiet_hours": "22:00-07:00"})
    shop.publish(
        ad="trigger: signup\nsteps: [{send: welcome}]",
        short="trigger: signup\nsteps: [{send: thank-you, expires: 2 hours}]",
        order="kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]",
    )
    office = Office(shop, tmp_path)
    shop.now += timedelta(hours=9)  # 23:00
    shop.send("signup")
    shop.buy("A1")
    office.send()
    assert [mail.message for mail in office.post.mails] == [3]
    assert _states(shop)[:2] == [("queued", "quiet hours"), ("skipped", "expired: in the quiet hours")]
    shop.now += timedelta(hours=7, minutes=59)
    office.send()
    assert len(office.post.mails) == 1
    shop.now += timedelta(minutes=1)  # 07:00
    office.send()
    assert len(office.post.mails) == 2 and _states(shop)[0] == ("sent", None)


def test_quiet_is_what_the_customers_own_clock_says(database: Database, tmp_path: Path) -> None:
    """Given a customer in Paris, when it is night in the shop and afternoon there, then the advertising goes."""
    shop = Shop(database, policy={"quiet_hours": "22:00-07:00"})
    shop.publish(ad="trigger: signup\nsteps: [{send: welcome}]")
    office = Office(shop, tmp_path)
    shop.now += timedelta(hours=9)  # 23:00 in the shop, 17:00 in Paris
    shop.send("signup", customer={**LAN, "timezone": "Europe/Paris"})
    office.send()
    assert len(office.post.mails) == 1


def test_no_address_gets_more_than_its_cap(database: Database, tmp_path: Path) -> None:
    """Given a cap of three in 24 hours, when five flows write to one customer, then three mails go, whatever groups
    they are in, two are left out with the reason; a day later there is room again, and orders always have it."""
    shop = Shop(database, policy={"per_day": 3}, sending={"group_campaign": 2})
    shop.publish(**FLOWS, order="kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]")
    office = Office(shop, tmp_path)
    shop.send("signup")
    office.send()
    assert len(office.post.mails) == 3
    assert _states(shop).count(("skipped", "cap: 3 in 24 hours")) == 2
    shop.buy("A1")
    office.send()
    assert len(office.post.mails) == 4
    shop.now += timedelta(hours=24)
    other = {"id": "c2", "email": LAN["email"], "consent": LAN["consent"]}  # another customer, the same address
    shop.send("signup", customer=other)
    office.send()
    assert len(office.post.mails) == 7


@pytest.mark.parametrize(("days", "sent"), [(1, 4), (4, 6)])
def test_a_week_has_its_cap_too(database: Database, tmp_path: Path, days: int, sent: int) -> None:
    """Given a cap of four in seven days, when two mails are due every so many days, then those count that went in the
    seven days before."""
    shop = Shop(database, policy={"per_week": 4})
    shop.publish(f0=FLOWS["f0"], f1=FLOWS["f1"])
    office = Office(shop, tmp_path)
    for _ in range(3):
        shop.send("signup")
        office.send()
        shop.now += timedelta(days=days)
    assert len(office.post.mails) == sent
    assert _states(shop).count(("skipped", "cap: 4 in 7 days")) == 6 - sent


def test_two_senders_find_room_for_the_last_mail_once(database: Database, tmp_path: Path) -> None:
    """Given room for one mail and two that are due, when two senders take one each at once, then one goes."""
    shop = Shop(database, policy={"per_day": 1})
    shop.publish(f0=FLOWS["f0"], f1=FLOWS["f1"])
    shop.send("signup")
    numbers = [row.id for row in shop.messages()]
    offices = [Office(shop, tmp_path / name) for name in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda pair: pair[0].send(Work(messages=(pair[1],))), zip(offices, numbers, strict=True)))
    assert sorted(_states(shop), key=str) == [("sent", None), ("skipped", "cap: 1 in 24 hours")]
