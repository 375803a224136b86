"""A campaign goes as quickly as it can be sent: a sender with a whole batch in hand goes on with what else is due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.delivery.test_sending import WELCOME, _signups
from tests.support.post import Office
from tests.support.shop import Shop
from worker.domain.work import Work
from worker.storage import claims
from worker.storage.claims import SUSPECT_FROM
from worker.storage.database import Database
from worker.storage.flows import set_paused
from worker.storage.tables import message


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose senders claim three messages at a time."""
    return Shop(database, sending={"batch": 3})


def _change(shop: Shop, number: int, **values: object) -> None:
    with shop.database.writing() as connection:
        connection.execute(update(message).where(message.c.id == number).values(**values))


def test_asked_for_a_batch_a_sender_goes_on_until_nothing_is_due(shop: Shop, tmp_path: Path) -> None:
    """Given ten messages that are due, when a job names three of them, then all go out, each once."""
    shop.publish(welcome=WELCOME)
    numbers = _signups(shop, 10).messages
    office = Office(shop, tmp_path)
    office.send(Work(messages=numbers[:3]))
    assert sorted(mail.message for mail in office.post.mails) == list(numbers)
    assert {row.state for row in shop.messages()} == {"sent"}


def test_asked_for_less_than_a_batch_it_sends_that(shop: Shop, tmp_path: Path) -> None:
    """Given five that are due, when a job names two, then two go out: what is prompt stays short."""
    shop.publish(welcome=WELCOME)
    numbers = _signups(shop, 5).messages
    office = Office(shop, tmp_path)
    office.send(Work(messages=numbers[:2]))
    assert [mail.message for mail in office.post.mails] == list(numbers[:2])


def test_it_takes_no_more_than_may_go(shop: Shop, tmp_path: Path) -> None:
    """Given a later one, one that may kill its sender, and a paused flow's, when it goes on, then they are left."""
    shop.publish(welcome=WELCOME, other=WELCOME)
    numbers = _signups(shop, 5).messages
    of_other = [row.id for row in shop.messages() if row.flow == "other"]
    mine = [number for number in numbers if number not in of_other]
    _change(shop, mine[3], not_before=shop.now + timedelta(hours=1))
    _change(shop, mine[4], crashes=SUSPECT_FROM)
    with shop.database.writing() as connection:
        set_paused(connection, "other", True, shop.now)
    office = Office(shop, tmp_path)
    office.send(Work(messages=tuple(mine[:3])))
    assert sorted(mail.message for mail in office.post.mails) == mine[:3]


def test_one_flow_after_the_other_is_taken_the_oldest_first(shop: Shop, tmp_path: Path) -> None:
    """Given two flows' mails, when a sender goes on, then it takes both lines, a batch of one at a time."""
    shop.publish(welcome=WELCOME, other=WELCOME)
    numbers = _signups(shop, 6).messages
    office = Office(shop, tmp_path)
    office.send(Work(messages=numbers[:3]))
    assert sorted(mail.message for mail in office.post.mails) == sorted(numbers)


def test_a_job_that_was_done_already_makes_nobody_go_on(shop: Shop, tmp_path: Path) -> None:
    """Given a job whose messages went out before, when it comes again, then what else is due is left to others."""
    shop.publish(welcome=WELCOME)
    numbers = _signups(shop, 3).messages
    office = Office(shop, tmp_path)
    office.send(Work(messages=numbers))
    shop.send("signup", {"id": "new", "email": "new@example.com", "consent": {"marketing": True}})
    office.send(Work(messages=numbers))
    assert sorted(mail.message for mail in office.post.mails) == list(numbers)


def test_what_was_answered_is_known_though_the_next_batch_cannot_be_claimed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a batch that went out, when the commit fails that would claim the next, then no mail goes out twice."""
    shop.publish(welcome=WELCOME)
    numbers = _signups(shop, 9).messages
    office, real, calls = Office(shop, tmp_path), claims.claim_next, list[int]()

    def failing(*arguments: Any, **given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise OperationalError("UPDATE", {}, Exception("deadlock detected"))
        return real(*arguments, **given)

    monkeypatch.setattr(claims, "claim_next", failing)
    with pytest.raises(OperationalError):
        office.send(Work(messages=numbers[:3]))
    office.restart()
    office.recover()
    assert sorted(row.state for row in shop.messages()) == ["queued"] * 3 + ["sent"] * 6
    office.send()
    assert sorted(mail.message for mail in office.post.mails) == list(numbers)
