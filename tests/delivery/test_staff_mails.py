"""Mails to staff: through the same ledger, never tracked, in the person's language, with links that are theirs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.post import Office
from tests.support.shop import LAN
from tests.support.staffed import HUY, STAFF, StaffedShop
from worker.delivery.preparing import Preparing
from worker.delivery.sender import Mailroom
from worker.delivery.sending import Sending
from worker.delivery.templates.library import TemplateLibrary
from worker.storage import reports
from worker.storage.database import Database
from worker.storage.tables import customer, message

SHIPPED = Path(__file__).parent.parent.parent / "templates"
CALL = """
    kind: transactional
    trigger: purchase
    steps:
      - send: thank-you
      - task: {vi: "Gọi cho {{ customer.name }}", en: "Call {{ customer.name }}"}
        note: {vi: "Hỏi xem hàng tới chưa", en: "Ask whether it came"}
        name: call
        assign: care
        due: 1 day
        overdue: 1 hour
        escalate: {to: manager, after: 2 hours}
"""


class StaffOffice(Office):
    """The senders of a shop with staff, with the templates that are shipped."""

    def _senders(self) -> Sending:
        shop = self.shop
        assert isinstance(shop, StaffedShop)
        self.library = TemplateLibrary(SHIPPED, shop.settings.shop, monotonic=lambda: 0.0)
        preparing = Preparing(shop.settings, self.library, self.tokens, lambda: shop.staff)
        journals = self.folder / "journals"
        room = Mailroom(shop.database, shop.flowbook, preparing, lambda _: self.post, journals, shop.settings, self)
        return Sending(room)

    def bodies(self) -> list[tuple[str, str]]:
        """To whom each mail went, with its HTML."""
        found = []
        for mail in self.post.mails:
            parts = message_from_bytes(mail.content).walk()
            html = next(part for part in parts if part.get_content_type() == "text/html").get_payload(decode=True)
            assert isinstance(html, bytes)
            found.append((mail.recipient, html.decode()))
        return found


@pytest.fixture
def shop(database: Database) -> StaffedShop:
    """A shop whose Huy reads English; its orders carry consent to tracking."""
    people = {**STAFF.people, "huy": replace(HUY, language="en", timezone="Europe/London")}
    made = StaffedShop(database, replace(STAFF, people=people), base_url="https://mail.the-coffee.example")
    made.publish(call=CALL)
    return made


def _states(shop: StaffedShop) -> list[tuple[str, str, str | None]]:
    with shop.database.reading() as connection:
        rows = connection.execute(select(message).where(message.c.staff.is_not(None)).order_by(message.c.id))
        return [(row.template, row.state, row.reason) for row in rows]


def test_a_task_is_told_to_its_assignee(shop: StaffedShop, tmp_path: Path) -> None:
    """Given tasks of two people, then each has a mail of their own language, untracked, with a link to the page."""
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    shop.buy("A2")
    shop.now += timedelta(hours=1)  # Monday 15:00 in Ho Chi Minh City, 08:00 in London
    shop.reminders.run(shop.now)
    shop.now += timedelta(hours=1)
    shop.reminders.run(shop.now)
    office.send()
    told = dict(office.bodies())
    vietnamese, english = told["mai@the-coffee.example"], told["huy@the-coffee.example"]
    assert "Gọi cho Lan" in vietnamese
    assert "Hỏi xem hàng tới chưa" in vietnamese
    assert "Call Lan" in english
    for html, number, person in ((vietnamese, 1, "mai"), (english, 2, "huy")):
        (token,) = re.findall(r"https://mail\.the-coffee\.example/t/([\w-]+)", html)
        found = office.tokens.read_task(token)
        assert found is not None
        assert (found.task, found.person) == (number, person)
        assert not re.search(r"/[ocu]/[\w-]{10}", html)
    headers = message_from_bytes(office.post.mails[-1].content)
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Unsubscribe"] is None
    rows = [row for row in shop.messages() if row.staff]
    assert [(row.state, row.tracked, row.customer_id) for row in rows] == [("sent", False, None)] * 2


def test_staff_mails_are_not_the_customers(shop: StaffedShop, tmp_path: Path) -> None:
    """Given a flow with a mail to the customer and one to staff, then the flow's figures count the customer's alone."""
    office = StaffOffice(shop, tmp_path)
    shop.publish(note="trigger: purchase\nkind: transactional\nsteps: [{send: thank-you}, {send: welcome, to: care}]")
    shop.buy("A1")
    office.send()
    assert len(office.post.mails) == 4  # two flows' to the customer, one each to Mai and Huy
    with shop.database.reading() as connection:
        found = reports.flow_figures(connection)
    assert {name: figures.sent for name, figures in found.items()} == {"call": 1, "note": 1}


def test_what_is_done_meanwhile_is_not_told(shop: StaffedShop, tmp_path: Path) -> None:
    """Given mails that wait, when tasks are closed or handed on before they go, then they are skipped, and say why."""
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    shop.buy("A2", customer={**LAN, "id": "c2", "email": "c2@example.com"})
    shop.now += timedelta(hours=2)
    shop.reminders.run(shop.now)
    with shop.database.writing() as connection:  # as if a sender had had them in hand
        table = message.metadata.tables["task"]
        connection.execute(update(table).where(table.c.id == 1).values(state="done"))
        connection.execute(update(table).where(table.c.id == 2).values(assignee="linh"))
    office.send()
    assert _states(shop) == [
        ("staff/task", "skipped", "task closed"),
        ("staff/task", "skipped", "handed on"),
    ]


def test_an_erased_customer_is_told_of_to_nobody(shop: StaffedShop, tmp_path: Path) -> None:
    """Given a task of a customer who was erased, then no mail tells of it; nor is one made for who left the staff."""
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    shop.buy("A2", customer={**LAN, "id": "c2", "email": "c2@example.com"})
    shop.now += timedelta(hours=2)
    shop.reminders.run(shop.now)
    with shop.database.writing() as connection:
        connection.execute(update(customer).where(customer.c.id == 1).values(erased_at=shop.now))
    shop.staff = replace(shop.staff, people={"mai": shop.staff.people["mai"]}, roles={"care": ("mai",)})
    office.send()
    assert _states(shop) == [
        ("staff/task", "skipped", "erased"),
        ("staff/task", "skipped", "not of the staff"),
    ]


def test_every_staff_mail_renders(shop: StaffedShop, tmp_path: Path) -> None:
    """Given a task from its coming to its escalation, and mornings between, then each kind of mail is made and sent."""
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    for _ in range(60):
        shop.reminders.run(shop.now)
        office.send()
        shop.now += timedelta(hours=1)
    with shop.database.reading() as connection:
        rows = connection.execute(select(message).where(message.c.staff.is_not(None)).order_by(message.c.id)).all()
    assert [(row.template, row.state, row.staff) for row in rows] == [
        ("staff/task", "sent", "mai"),
        ("staff/digest", "sent", "mai"),
        ("staff/overdue", "sent", "mai"),
        ("staff/escalated", "sent", "linh"),
        ("staff/digest", "sent", "linh"),
    ]
    assert "Việc hôm nay" in rows[1].subject
    assert any("was not done in time" in html for to, html in office.bodies() if to == "linh@the-coffee.example")
