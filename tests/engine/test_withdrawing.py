"""An exit event takes back what has not gone out yet, whether its journey still goes on or has ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.post import Office, Postbox
from tests.support.shop import Shop
from worker.storage.database import Database
from worker.storage.tables import message

THANKS = "trigger: purchase\nkind: transactional\nexit: [{event: refund}]\nsteps: [{wait: 1 day}, {send: thank-you}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose customer bought A1 a day ago: the thanks are in the queue, and the journey is done."""
    shop = Shop(database)
    shop.publish(thanks=THANKS)
    shop.buy("A1")
    shop.wait("1 day")
    assert [row.state for row in shop.journeys()] == ["done"]
    return shop


def test_an_exit_event_after_the_last_step_takes_the_queued_mail_back(shop: Shop, tmp_path: Path) -> None:
    """Given a last mail that is held up in the queue, when an exit event comes, then the mail does not go out."""
    shop.send("refund", order={"number": "A1"})
    (row,) = shop.messages()
    assert (row.state, row.reason) == ("cancelled", "exit: refund")
    (journey,) = shop.journeys()
    assert journey.state == "done"
    assert [kind for kind, _ in shop.trace(journey.id)][-2:] == ["done", "exit"]
    office = Office(shop, tmp_path)
    office.send()
    assert office.post.mails == []


@pytest.mark.parametrize("order", ["A2", None])
def test_another_event_takes_nothing_back(shop: Shop, order: str | None) -> None:
    """Given a last mail in the queue, when another order is refunded, or something else happens, then it stays."""
    if order is None:
        shop.send("signup")
    else:
        shop.buy(order)
        shop.send("refund", order={"number": order})
    assert shop.messages()[0].state == "queued"


def test_a_mail_in_a_senders_hand_is_held_back_too(database: Database, tmp_path: Path) -> None:
    """Given two last mails in two groups, when the exit of the second comes while the first goes out, it is skipped."""
    shop = Shop(database, sending={"group_single": 1})
    shop.publish(thanks=THANKS)
    shop.buy("A1")
    shop.buy("A2", customer={"id": "c2", "email": "minh@example.com"})
    shop.wait("1 day")

    def refund(number: int) -> None:
        if number == 1:
            shop.send("refund", {"id": "c2"}, order={"number": "A2"})

    Office(shop, tmp_path, Postbox(between=refund)).send()
    assert [(row.state, row.reason) for row in shop.messages()] == [("sent", None), ("skipped", "exit")]


def test_what_was_sent_stays_sent(shop: Shop) -> None:
    """Given a last mail that was sent, when an exit event comes, then nothing is taken back and nothing noted."""
    with shop.database.writing() as connection:
        connection.execute(update(message).values(state="sent"))
    shop.send("refund", order={"number": "A1"})
    assert [row.state for row in shop.messages()] == ["sent"]
    assert [kind for kind, _ in shop.trace(shop.journeys()[0].id)][-1] == "done"
