"""A pause, as senders and the clock of reminders obey it: mails to staff too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.test_staff_mails import StaffOffice
from tests.support.staffed import StaffedShop
from worker.storage import flows
from worker.storage.database import Database

FLOW = """
    kind: transactional
    trigger: purchase
    steps:
      - send: staff/task
        name: tell
        to: care
      - task: Call
        name: call
        assign: care
        due: 1 day
"""


@pytest.fixture
def shop(database: Database) -> StaffedShop:
    """A shop whose flow writes to staff by itself, and gives out a task."""
    made = StaffedShop(database, base_url="https://mail.the-coffee.example")
    made.publish(call=FLOW.replace("staff/task", "thank-you"))
    return made


def pause(shop: StaffedShop, name: str | None, paused: bool = True) -> None:
    with shop.database.writing() as connection:
        flows.set_paused(connection, name, paused, shop.now)


def recipients(office: StaffOffice) -> list[str]:
    return [mail.recipient for mail in office.post.mails]


def test_a_paused_flow_writes_to_no_staff_and_its_tasks_go_on(shop: StaffedShop, tmp_path: Path) -> None:
    """Given a flow that is paused, then its mail to a role waits, and the mail of the task that it gave goes out."""
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    pause(shop, "call")
    reminded = shop.reminders.run(shop.now)
    office.send(reminded)
    assert len(recipients(office)) == 1
    office.send(shop.due())
    assert len(recipients(office)) == 1
    pause(shop, "call", False)
    office.send(shop.due())
    assert len(recipients(office)) == 3


def test_while_everything_is_paused_no_mail_goes_out_at_all(shop: StaffedShop, tmp_path: Path) -> None:
    """Given a pause of everything, then neither the flow's mails nor that of a task go, and all go afterwards."""
    office = StaffOffice(shop, tmp_path)
    shop.buy("A1")
    pause(shop, None)
    office.send(shop.reminders.run(shop.now))
    office.send(shop.due())
    assert recipients(office) == []
    pause(shop, None, False)
    office.send(shop.due())
    assert len(recipients(office)) == 3
