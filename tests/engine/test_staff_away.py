"""All of a role on leave: their tasks are handed on at once where they would be done too late."""

from __future__ import annotations

import pytest

from tests.engine.test_tasks import CALL
from tests.support.staffed import HUY, LINH, MAI, StaffedShop, off
from worker.storage.database import Database


@pytest.fixture
def shop(database: Database) -> StaffedShop:
    """A shop with staff, on both databases; it is Monday, 14:00 in Ho Chi Minh City."""
    shop = StaffedShop(database)
    shop.publish(call=CALL)  # due in two days, to the manager two days after that
    return shop


def _told(shop: StaffedShop) -> list[tuple[str, str, str]]:
    return [mail for mail in shop.staff_mails() if mail[1] != "digest"]


def test_with_all_back_too_late_it_is_handed_on_at_once(shop: StaffedShop) -> None:
    """Given a role on leave until after a task is due, then whom it escalates to has it at once, and once only."""
    shop.change(off(MAI, "2027-03-01", "2027-03-10"), off(HUY, "2027-03-01", "2027-03-08"))
    shop.buy("A1")
    shop.remind()
    assert _told(shop) == [("Mon 01 Mar 14:00", "escalated", "linh")]
    assert [one.assignee for one in shop.all_tasks()] == ["linh"]
    shop.wait("14 days")
    assert [kind for _, kind, who in _told(shop)] == ["escalated", "reminder", "reminder", "overdue"]
    assert {who for _, _, who in _told(shop)} == {"linh"}


def test_who_is_back_in_time_keeps_it(shop: StaffedShop) -> None:
    """Given a role on leave of whom one is back before the task is due, then it is theirs, as it always was."""
    shop.change(off(MAI, "2027-03-01", "2027-03-10"), off(HUY, "2027-03-01", "2027-03-02"))
    shop.buy("A1")
    shop.remind()
    assert (_told(shop), [one.assignee for one in shop.all_tasks()]) == ([], ["huy"])


def test_it_stays_where_nobody_else_is_there_earlier(shop: StaffedShop) -> None:
    """Given a manager who is away longer than the role, then the first one of the role back has the task."""
    away = [off(one, "2027-03-01", "2027-03-05") for one in (MAI, HUY)]
    shop.change(*away, off(LINH, "2027-03-01", "2027-03-31"))
    shop.buy("A1")
    shop.wait("8 days")
    assert ("Mon 08 Mar 08:30", "overdue", "mai") in _told(shop) or ("Mon 08 Mar 08:30", "overdue", "huy") in _told(
        shop
    )
    assert {one.assignee for one in shop.all_tasks()} <= {"mai", "huy"}
