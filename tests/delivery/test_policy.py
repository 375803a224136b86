"""What the shop's profile and a step's own condition make of a mail at the moment of sending."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as happening
from sqlalchemy import select

from tests.support.post import Office
from tests.support.shop import LAN, Shop
from worker.delivery.transport import Outgoing
from worker.storage.database import Database
from worker.storage.tables import message

BOTH = {
    "ad": 'trigger: signup\nsteps: [{send: welcome, subject: "{{ customer.name }}, chào bạn"}]',
    "own": 'trigger: signup\nsteps: [{send: thank-you, subject: "[QC] Đã có nhãn"}]',
    "order": "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation, subject: Đơn hàng của bạn}]",
}


def _states(shop: Shop) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in shop.messages()]


def _subjects(office: Office) -> list[str]:
    found = (message_from_bytes(mail.content)["Subject"] for mail in office.post.mails)
    return [str(make_header(decode_header(subject))) for subject in found]


def _html(mail: Outgoing) -> str:
    (part,) = (one for one in message_from_bytes(mail.content).walk() if one.get_content_type() == "text/html")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


@pytest.mark.parametrize(("profile", "mark"), [("vn", "[QC] "), ("eu", "")])
def test_advertising_says_so_first_and_once(database: Database, tmp_path: Path, profile: str, mark: str) -> None:
    """Given a profile, when mails go, then the subject of advertising begins with its mark, once, on the wire and in
    the ledger; that of an order's mail never."""
    shop = Shop(database, policy={"profile": profile, "quiet_hours": "none", "double_opt_in": "no"})
    shop.publish(**BOTH)
    office = Office(shop, tmp_path)
    shop.send("signup")
    shop.buy("A1")
    office.send()
    said = {f"{mark}Lan, chào bạn", "[QC] Đã có nhãn", "Đơn hàng của bạn"}
    assert set(_subjects(office)) == said == {row.subject for row in shop.messages()}


@pytest.mark.parametrize(
    ("profile", "consent", "goes", "tracked"),
    [
        ("vn", {}, False, False),
        ("vn", {"marketing": True}, True, False),
        ("vn", {"marketing": True, "tracking": True}, True, True),
        ("us", {}, True, True),
        ("us", {"tracking": False}, True, False),
        ("us", {"marketing": False}, False, True),
    ],
)
def test_whose_yes_is_needed_is_the_profiles(
    database: Database, tmp_path: Path, profile: str, consent: dict[str, bool], goes: bool, tracked: bool
) -> None:
    """Given what a customer said of advertising and of being followed, then the profile says whether silence will do;
    a no counts under each. Who is not followed gets no pixel and plain links, in an order's mail too."""
    shop = Shop(database, policy={"profile": profile, "quiet_hours": "none"})
    shop.publish(ad="trigger: signup\nsteps: [{send: welcome}]", order=BOTH["order"])
    office = Office(shop, tmp_path)
    said = {**consent, "source": "checkout"} if consent else None
    customer = {key: value for key, value in LAN.items() if key != "consent"} | ({"consent": said} if said else {})
    shop.send("signup", customer=customer)
    shop.buy("A1", customer=customer)
    office.send()
    ad, order = shop.messages()
    assert ad.state == ("sent" if goes else "skipped") and order.state == "sent"
    if not goes:
        assert ad.reason == ("unsubscribed" if consent.get("marketing") is False else "no consent")
    html = _html(office.post.mails[-1])
    assert order.tracked is tracked
    assert ("/o/" in html) is tracked and ('"https://shop.example/orders"' in html) is not tracked


ASKING = """
kind: transactional
trigger: purchase
steps:
  - send: order-confirmation
    when: order.status != "cancelled"
  - send: thank-you
"""


def test_a_steps_condition_is_asked_as_the_mail_goes(database: Database, tmp_path: Path) -> None:
    """Given a mail for orders that stand, when an order is cancelled while its mail waits in the queue, then the mail
    is skipped, the ledger says by which condition; the step's others and others' mails go."""
    shop = Shop(database)
    shop.publish(order=ASKING)
    office = Office(shop, tmp_path)
    shop.buy("A1")
    shop.buy("A2", customer={"id": "c2", "email": "binh@example.com"})
    shop.send("order.cancelled", order={"number": "A1"})
    office.send()
    states = {(row.order_number, row.step): (row.state, row.reason) for row in shop.messages()}
    assert states == {
        ("A1", "order-confirmation"): ("skipped", 'condition: order.status != "cancelled"'),
        ("A1", "thank-you"): ("sent", None),
        ("A2", "order-confirmation"): ("sent", None),
        ("A2", "thank-you"): ("sent", None),
    }


def test_conditions_of_a_group_are_asked_in_a_fixed_number_of_statements(database: Database, tmp_path: Path) -> None:
    """Given mails that each ask for the past, when a group of one and one of twelve are ruled, then the second takes no
    more statements than the first."""
    shop = Shop(database, sending={"group_single": 50})
    asking = """send: order-confirmation\n    when: bought("arabica", within="9 days") and order.total > 1"""
    shop.publish(order=f"kind: transactional\ntrigger: purchase\nsteps:\n  - {asking}\n")
    office = Office(shop, tmp_path)
    counts: list[int] = []
    for size in (1, 12):
        people = [{"id": f"c{size}{n}", "email": f"c{n}@x.example"} for n in range(size)]
        work = [shop.buy(f"A{size}-{n}", customer=one) for n, one in enumerate(people)]
        count = [0]

        def counted(*_: Any, count: list[int] = count) -> None:
            count[0] += 1

        happening.listen(database.engine, "before_cursor_execute", counted)
        office.send(sum(work[1:], work[0]))
        happening.remove(database.engine, "before_cursor_execute", counted)
        counts.append(count[0])
    assert {state for state, _ in _states(shop)} == {"sent"}
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("expires", "ends"), [("", ("sent", None)), (", expires: 12 hours", ("skipped", "expired"))])
def test_what_was_moved_to_the_morning_is_over_where_nobody_sent_it_then(
    database: Database, tmp_path: Path, expires: str, ends: tuple[str, str | None]
) -> None:
    """Given advertising that was moved from the evening to seven, when Phin runs again at noon only, then it goes, but
    where it expired by then it is skipped."""
    shop = Shop(database, policy={"profile": "vn"})
    shop.publish(ad=f"trigger: signup\nsteps: [{{send: welcome{expires}}}]")
    office = Office(shop, tmp_path)
    shop.now += timedelta(hours=9)  # 23:00
    shop.send("signup")
    office.send()
    assert _states(shop) == [("queued", "quiet hours")]
    shop.now += timedelta(hours=13)  # noon
    office.send()
    assert _states(shop) == [ends]


def test_no_advertising_on_a_holiday(database: Database, tmp_path: Path) -> None:
    """Given a holiday on the next day, when a customer signs up on it, then the advertising goes the day after at seven
    and not in the night, the order's mail at once, and what expires that day not at all."""
    shop = Shop(database, policy={"profile": "vn", "holidays": ["2027-03-02"]})
    shop.publish(
        ad="trigger: signup\nsteps: [{send: welcome}]",
        short="trigger: signup\nsteps: [{send: thank-you, expires: 6 hours}]",
        order=BOTH["order"],
    )
    office = Office(shop, tmp_path)
    shop.now += timedelta(days=1)
    shop.send("signup")
    shop.buy("A1")
    office.send()
    assert _states(shop) == [("queued", "holiday"), ("skipped", "expired: on a holiday"), ("sent", None)]
    with shop.database.reading() as connection:
        (due,) = connection.execute(select(message.c.not_before).where(message.c.state == "queued")).scalars()
    assert due == shop.now.replace(hour=0) + timedelta(days=1)  # 07:00 in Ho Chi Minh City
    shop.now = due
    office.send()
    assert _states(shop)[0] == ("sent", None)
