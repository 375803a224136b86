"""The pace of advertising at the moment of sending: quiet hours have it wait, caps have it left out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select, update

from tests.support.post import Office, Postbox
from tests.support.shop import LAN, Shop
from worker.delivery.transport import Outcome
from worker.domain.work import Work
from worker.storage import flows
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


HIGH = "priority: high\ntrigger: signup\nsteps: [{send: thank-you}]"
LOW = "priority: low\ntrigger: signup\nsteps: [{send: order-confirmation}]"


def _became(shop: Shop) -> dict[str, tuple[str, str | None]]:
    return {row.flow: (row.state, row.reason) for row in shop.messages()}


def test_where_there_is_no_room_for_all_the_higher_priority_goes_first(database: Database, tmp_path: Path) -> None:
    """Given room for two and four mails that are due at once, the lowest first in the queue, whatever groups they are
    in, then the one of high priority goes, and one of the normal; the low one is left out."""
    shop = Shop(database, policy={"per_day": 2}, sending={"group_campaign": 1})
    shop.publish(a_low=LOW, b=FLOWS["f0"], c=FLOWS["f1"], d_high=HIGH)
    office = Office(shop, tmp_path)
    shop.send("signup")
    assert [row.flow for row in shop.messages()] == ["a-low", "b", "c", "d-high"]
    office.send()
    shop.now += timedelta(minutes=5)
    office.send()
    states = _became(shop)
    assert states["d-high"] == ("sent", None) and states["a-low"] == ("skipped", "cap: 2 in 24 hours")
    assert sorted([states["b"], states["c"]], key=str) == [("sent", None), ("skipped", "cap: 2 in 24 hours")]


@pytest.mark.parametrize(("leaves", "ends"), [(False, ("skipped", "cap: 1 in 24 hours")), (True, ("sent", None))])
def test_a_place_is_kept_until_the_higher_one_went_or_never_will(
    database: Database, tmp_path: Path, leaves: bool, ends: tuple[str, str | None]
) -> None:
    """Given room for one, a mail of high priority that is tried again in an hour and one of low priority, then that one
    waits for the other; it is left out once the other went, and goes where the other turned out not to."""
    shop = Shop(database, policy={"per_day": 1}, sending={"group_campaign": 1})
    shop.publish(high="priority: high\ntrigger: signup\nexit: [{event: refund}]\nsteps: [{send: thank-you}]", low=LOW)
    office = Office(shop, tmp_path, Postbox(Outcome.TEMPORARY))
    shop.send("signup")
    office.send()
    high, low = shop.messages()
    assert (high.state, low.state, low.reason) == ("queued", "queued", "priority")
    assert low.not_before >= high.not_before > shop.now
    if leaves:
        shop.buy("A1")
        shop.send("refund", order={"number": "A1"})
    shop.now = low.not_before
    office.send()
    shop.now += timedelta(minutes=10)
    office.send()
    assert _became(shop)["low"] == ends and _became(shop)["high"][0] == ("cancelled" if leaves else "sent")


@pytest.mark.parametrize(
    ("paused", "due_in", "goes"),
    [(False, timedelta(hours=23), False), (True, timedelta(hours=23), True), (False, timedelta(hours=25), True)],
)
def test_what_is_paused_or_far_off_keeps_no_place(
    database: Database, tmp_path: Path, paused: bool, due_in: timedelta, goes: bool
) -> None:
    """Given room for one, a mail of low priority and one of high that may go within a day, then the low one waits; not
    so where the other's flow is paused, or it is due later than in a day."""
    shop = Shop(database, policy={"per_day": 1})
    shop.publish(high=HIGH, low=LOW)
    office = Office(shop, tmp_path)
    shop.send("signup")
    with shop.database.writing() as connection:
        late = update(message).where(message.c.flow == "high").values(not_before=shop.now + due_in)
        connection.execute(late)
        if paused:
            flows.set_paused(connection, "high", True, shop.now)
    office.send()
    assert _became(shop)["low"] == (("sent", None) if goes else ("queued", "priority"))


def test_two_senders_keep_the_last_place_for_the_higher_one(database: Database, tmp_path: Path) -> None:
    """Given room for one and a mail of each priority, when two senders take one each at the same moment, then the high
    one goes, and the low one waits and is left out."""
    shop = Shop(database, policy={"per_day": 1})
    shop.publish(low=LOW, high=HIGH)
    shop.send("signup")
    numbers = {row.flow: row.id for row in shop.messages()}
    offices = [Office(shop, tmp_path / name) for name in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        work = [Work(messages=(numbers[flow],)) for flow in ("low", "high")]
        list(pool.map(lambda pair: pair[0].send(pair[1]), zip(offices, work, strict=True)))
    assert _became(shop)["high"] == ("sent", None)
    assert _became(shop)["low"] in (("queued", "priority"), ("skipped", "cap: 1 in 24 hours"))
    shop.now += timedelta(minutes=10)
    offices[0].send()
    assert _became(shop)["low"] == ("skipped", "cap: 1 in 24 hours")


def test_days_of_mails_of_every_priority_never_go_over_the_cap(database: Database, tmp_path: Path) -> None:
    """Given three customers, two of them with one address, three caps' worth of flows and three days of signing up at
    odd hours with quiet nights, when two senders work through it in turn, then no address ever has more than the cap in
    any 24 hours, and every mail is decided in the end."""
    chance = Random(20_270_301)
    shop = Shop(database, policy={"per_day": 2, "quiet_hours": "22:00-07:00"}, sending={"group_campaign": 2})
    shop.publish(low=LOW, high=HIGH, **dict(list(FLOWS.items())[:2]))
    offices = [Office(shop, tmp_path / name) for name in ("one", "two")]
    people = [
        {"id": f"c{number}", "email": address, "consent": LAN["consent"]}
        for number, address in enumerate(("lan@example.com", "lan@example.com", "an@example.com"))
    ]
    for _ in range(24):
        shop.now += timedelta(minutes=chance.randrange(30, 360))
        if chance.random() < 0.6:
            shop.send("signup", customer=chance.choice(people))
        chance.choice(offices).send()
    for _ in range(16):
        shop.now += timedelta(hours=6)
        offices[0].send()
    rows = shop.messages()
    assert {row.state for row in rows} == {"sent", "skipped"}
    went: dict[str, list[datetime]] = {}
    for row in sorted((row for row in rows if row.state == "sent"), key=lambda row: row.transmitting_at):
        went.setdefault(row.email, []).append(row.transmitting_at)
    assert len(went) == 2
    for times in went.values():
        assert all(later - first >= timedelta(days=1) for first, later in zip(times, times[2:], strict=False))
