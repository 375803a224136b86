"""What follows from an answer: when it is tried again, when it is too late, who waits to hear of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.post import Died, Office, Postbox
from tests.support.shop import START, Shop
from worker.delivery.settling import after_answer
from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Stage
from worker.domain.messages import MessageState
from worker.storage.database import Database

ASKING = """\
trigger: signup
steps:
  - send: welcome
  - wait: 9 days
    until: sent("welcome")
  - send: thank-you
"""
NO_RELAY = Answer(1, Outcome.TEMPORARY, None, "connection refused", Stage.CONNECT)


@dataclass(frozen=True)
class Tried:
    id: int = 1
    attempts: int = 1
    created_at: datetime = START
    expires_at: datetime | None = None


def test_a_relay_that_is_down_is_asked_more_and_more_seldom() -> None:
    """Given a relay that is down, when a mail is tried for an hour, then the pauses grow from 30 s to five minutes."""
    now, pauses = START, list[timedelta]()
    while now < START + timedelta(hours=1):
        after = after_answer(Tried(), NO_RELAY, limit=8, now=now).settlement
        assert after.state is MessageState.QUEUED and after.forgive and after.not_before is not None
        pauses.append(after.not_before - now)
        now = after.not_before
    assert pauses[0] == timedelta(seconds=30)
    assert pauses[-1] == timedelta(minutes=5)
    assert all(earlier <= later <= 2 * earlier for earlier, later in pairwise(pauses))


@pytest.mark.parametrize("answer", [NO_RELAY, Answer(1, Outcome.TEMPORARY, 451, "later", Stage.RCPT)])
def test_what_expires_before_the_next_try_is_skipped(answer: Answer) -> None:
    """Given a mail that expires in ten seconds, when it is not taken now, then it is skipped as expired."""
    after = after_answer(Tried(expires_at=START + timedelta(seconds=10)), answer, limit=8, now=START).settlement
    assert (after.state, after.reason, after.answer) == (MessageState.SKIPPED, "expired", answer.text)


def test_expired_between_tries_is_a_skip(database: Database, tmp_path: Path) -> None:
    """Given a mail that may be two minutes late, when the server says later, then its row tells that it expired."""
    shop = Shop(database)
    shop.publish(w="trigger: signup\nsteps: [{send: welcome, expires: 2 minutes}]")
    shop.send("signup")
    Office(shop, tmp_path, Postbox(Outcome.TEMPORARY)).send()
    (row,) = shop.messages()
    assert (row.state, row.reason, row.code) == ("skipped", "expired", 451)


def _goes_on(shop: Shop, *journeys: int) -> bool:
    """Say whether the journey that waits for its mail is told, and goes on."""
    shop.reread(*journeys)
    return "thank-you" in [row.step for row in shop.messages()]


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_a_mail_that_went_out_is_news_to_a_wait(database: Database, tmp_path: Path, outcome: Outcome) -> None:
    """Given a journey that waits for its mail, when that was sent, or perhaps was, then the journey goes on."""
    shop = Shop(database)
    shop.publish(w=ASKING)
    shop.send("signup")
    assert _goes_on(shop, *Office(shop, tmp_path, Postbox(outcome)).send().journeys)


def test_a_mail_that_recovery_settles_is_news_to_a_wait(database: Database, tmp_path: Path) -> None:
    """Given a journey that waits for its mail, when the sender dies after the dot, then recovery tells the journey."""
    shop = Shop(database)
    shop.publish(w=ASKING)
    shop.send("signup")
    office = Office(shop, tmp_path, Postbox("after the dot"))
    with pytest.raises(Died):
        office.send()
    assert _goes_on(shop, *office.recover().work.journeys)


def test_a_mail_of_a_lost_machine_is_news_to_a_wait(database: Database, tmp_path: Path) -> None:
    """Given a sender that is gone with its journal, when its lease is over, then the waiting journey is told."""
    shop = Shop(database)
    shop.publish(w=ASKING)
    shop.send("signup")
    office = Office(shop, tmp_path, Postbox("after the dot"))
    with pytest.raises(Died):
        office.send()
    for journal in (tmp_path / "journals").iterdir():
        journal.unlink()
    office.lead = timedelta(seconds=shop.settings.sending.lease + 1)
    assert _goes_on(shop, *office.recover().work.journeys)


def test_an_unknown_mail_that_the_rule_sends_again_is_work(database: Database, tmp_path: Path) -> None:
    """Given `retry` for advertising, when an hour brought no evidence, then the mail is among the work to be done."""
    shop = Shop(database, sending={"unknown_marketing": "retry"})
    shop.publish(w="trigger: signup\nsteps: [{send: welcome}]")
    work = shop.send("signup")
    office = Office(shop, tmp_path, Postbox(Outcome.UNKNOWN))
    office.send()
    assert office.recover().work.messages == ()
    shop.now += timedelta(hours=2)
    assert office.recover().work.messages == work.messages
    office.send(work)
    assert [row.state for row in shop.messages()] == ["sent"]
