"""A mail to staff of whom nobody is known waits with its journey until somebody is; nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.staffed import LINH, STAFF, StaffedShop
from worker.domain.staff import Staff
from worker.storage.database import Database

AT_ONCE = "trigger: purchase\nsteps: [{send: thank-you}, {send: new-order, to: care}]"
LATER = "trigger: purchase\nsteps: [{send: thank-you}, {wait: 2 hours}, {send: new-order, to: care}]"


@pytest.fixture
def shop(database: Database) -> StaffedShop:
    """A shop with staff, on both databases; it is Monday, 14:00 in Ho Chi Minh City."""
    return StaffedShop(database)


def _templates(shop: StaffedShop) -> list[tuple[str, str | None]]:
    return [(row.template, row.staff) for row in shop.messages()]


ALL = [("thank-you", None), ("new-order", "mai"), ("new-order", "huy")]


@pytest.mark.parametrize("flow", [AT_ONCE, LATER])
@pytest.mark.parametrize("without", [Staff(lost=True), replace(STAFF, people={"linh": LINH}, roles={})])
def test_a_mail_to_nobody_waits_until_somebody_is_known(shop: StaffedShop, flow: str, without: Staff) -> None:
    """Given a role that is not known, when its mail is due, then the journey stays, and writes it once when it is."""
    shop.publish(f=flow)
    shop.staff = without
    shop.buy("A1")
    shop.wait("5 hours")
    assert ("new-order", None) not in _templates(shop) and len(_templates(shop)) <= 1
    (held,) = shop.journeys()
    assert held.state == "waiting" and "nobody is known as 'care'" in held.reason
    assert [kind for kind, _ in shop.trace(held.id)].count("held") == 1  # told once, however often it was tried
    shop.staff = STAFF
    shop.wait("1 hour")
    assert _templates(shop) == ALL
    assert [(row.state, row.reason) for row in shop.journeys()] == [("done", None)]
    shop.wait("1 day")
    assert _templates(shop) == ALL
