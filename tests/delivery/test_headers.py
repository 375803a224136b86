"""What a mail says of itself: finished mails are parsed again, and hold each header once, the same at every try."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from email.message import Message
from pathlib import Path

import pytest

from tests.delivery.test_staff_mails import StaffOffice
from tests.support.post import Office, Postbox
from tests.support.shop import Shop
from tests.support.staffed import StaffedShop
from worker.delivery.envelope import message_of
from worker.delivery.headers import list_label
from worker.delivery.transport import Outcome, Outgoing
from worker.storage.database import Database

SENDER = {"shop": {"name": "The Coffee", "sender": {"name": "The Coffee", "email": "chao@thecoffee.example"}}}
TOPICS = {"topics": {"offers": {"title": "Ưu đãi"}}}
ALWAYS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
]
OF_MARKETING = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"]
WELCOME = "trigger: signup\nsteps: [{send: welcome}]"
CONFIRM = "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]"


def parsed(mail: Outgoing) -> Message:
    return email.message_from_bytes(mail.content, policy=email.policy.compat32)


def office_of(database: Database, folder: Path, *outcomes: Outcome, **settings: object) -> Office:
    """Open the senders of a shop with one flow of each kind."""
    shop = Shop(database, **SENDER, **settings)
    shop.publish(welcome=WELCOME, confirm=CONFIRM)
    return Office(shop, folder, Postbox(*outcomes))


def test_advertising_says_what_it_is_and_how_to_refuse(database: Database, tmp_path: Path) -> None:
    """Given a welcome, then it has each header once, of its list, its stream and its refusal."""
    office = office_of(database, tmp_path)
    office.send(office.shop.send("signup"))
    message = parsed(office.post.mails[0])
    assert sorted(message.keys()) == sorted([*ALWAYS, *OF_MARKETING])
    assert message["List-Id"] == "<welcome.thecoffee.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    flow, shop, kind, sender = message["Feedback-ID"].split(":")
    assert (flow, shop, kind) == ("welcome", "thecoffee.example", "marketing")
    assert 5 <= len(sender) <= 15


def test_a_mail_about_an_order_is_of_no_list(database: Database, tmp_path: Path) -> None:
    """Given a confirmation, then it says that no person wrote it, and nothing of lists."""
    office = office_of(database, tmp_path)
    office.send(office.shop.buy("A1"))
    message = parsed(office.post.mails[0])
    assert sorted(message.keys()) == sorted(ALWAYS)
    assert message["Feedback-ID"].startswith("confirm:thecoffee.example:transactional:phin-")


def test_flows_of_one_topic_are_one_list(sqlite_database: Database, tmp_path: Path) -> None:
    """Given two flows about one topic, then their mails are of the same list, which the topic names."""
    shop = Shop(sqlite_database, **SENDER, **TOPICS)
    shop.publish(one=f"topic: offers\n{WELCOME}", two=f"topic: offers\n{WELCOME}")
    office = Office(shop, tmp_path)
    office.send(shop.send("signup"))
    assert {parsed(mail)["List-Id"] for mail in office.post.mails} == {"<offers.thecoffee.example>"}
    assert len(office.post.mails) == 2


@pytest.mark.parametrize("name", ["Tết-2027", "a..b", "_x_", "welcome", "...", "A" * 80])
def test_a_list_is_named_by_what_a_name_may_hold(name: str) -> None:
    """Given any flow's name, then its list's label is one of letters, digits and `-` (RFC 2919)."""
    label = list_label(name)
    assert label and label.strip("-") == label
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_second_try_is_the_same_mail(database: Database, tmp_path: Path) -> None:
    """Given a mail that a server did not take now, when it is tried again, then it has the same Message-ID."""
    seen: list[Outgoing] = []

    class Seeing(Postbox):
        def send(self, mails, journal):  # type: ignore[no-untyped-def] # as it is, and looked at
            seen.extend(mails)
            return super().send(mails, journal)

    shop = Shop(database, **SENDER, bounces={"domain": "b.thecoffee.example"})
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path, Seeing(Outcome.TEMPORARY))
    office.send(shop.send("signup"))
    (row,) = shop.messages()
    assert (row.state, row.attempts) == ("queued", 1)
    shop.now = row.not_before
    office.restart()
    office.send()
    first, second = seen
    (row,) = shop.messages()
    assert (row.state, row.attempts) == ("sent", 2)
    assert first.message_id == second.message_id == row.message_id
    assert parsed(first)["Message-ID"] == parsed(second)["Message-ID"] == f"<{row.message_id}>"
    assert first.message_id.endswith("@thecoffee.example")
    assert first.sender == second.sender


def test_the_envelope_sender_tells_whose_mail_came_back(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a domain for reports, then each mail leaves with a sender of its own; without one, with the shop's."""
    office = office_of(sqlite_database, tmp_path, bounces={"domain": "B.Thecoffee.Example"})
    office.send(office.shop.send("signup"))
    office.send(office.shop.buy("A1"))
    rows = office.shop.messages()
    senders = [mail.sender for mail in office.post.mails]
    assert [message_of(office.tokens, sender) for sender in senders] == [row.id for row in rows]
    assert {sender.partition("@")[2] for sender in senders} == {"b.thecoffee.example"}
    assert {parsed(mail)["From"] for mail in office.post.mails} == {"The Coffee <chao@thecoffee.example>"}


def test_without_a_domain_for_reports_they_come_to_the_sender(sqlite_database: Database, tmp_path: Path) -> None:
    """Given no such domain, then the envelope sender is the address in From."""
    office = office_of(sqlite_database, tmp_path)
    office.send(office.shop.send("signup"))
    assert [mail.sender for mail in office.post.mails] == ["chao@thecoffee.example"]


def test_a_mail_to_staff_tells_where_it_came_back_from_too(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a task to tell of, then the mail to staff is of no list, cannot be viewed, and has a sender of its own."""
    shop = StaffedShop(sqlite_database, base_url="https://mail.example", bounces={"domain": "b.thecoffee.example"})
    shop.publish(call="kind: transactional\ntrigger: purchase\nsteps: [{task: Call, assign: care}]")
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    shop.now += timedelta(hours=1)
    shop.reminders.run(shop.now)
    office.send()
    (mail,) = office.post.mails
    (row,) = [row for row in shop.messages() if row.staff]
    assert message_of(office.tokens, mail.sender) == row.id
    assert sorted(parsed(mail).keys()) == sorted(ALWAYS)
    assert "/v/" not in office.bodies()[0][1]
