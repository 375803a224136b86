"""What goes wrong for one message, one group or one moment costs nothing else."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as on_event
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.support.post import Died, Office, Postbox
from tests.support.shop import LAN, Shop
from worker.delivery.journal import SenderJournal
from worker.delivery.transport import Answer, Journal, LeaseOver, Outcome, Outgoing
from worker.domain.answers import Stage
from worker.domain.conditions.values import Reading
from worker.domain.errors import UnavailableError
from worker.domain.exits import exit_condition
from worker.domain.facts import Facts
from worker.domain.routes import Route
from worker.domain.work import Work
from worker.storage import claims, ledger
from worker.storage.database import Database
from worker.storage.tables import message

CONFIRM = "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]"
CAREFUL = (
    "kind: transactional\ntrigger: purchase\nexit: [{when: customer.orders_count >= 9}]\n"
    "steps: [{send: order-confirmation}]"
)
WELCOME = "trigger: signup\nsteps: [{send: welcome}]"


def _signups(shop: Shop, count: int, run: str = "c") -> Work:
    people = [LAN | {"id": f"{run}{i}", "email": f"{run}{i}@example.com"} for i in range(count)]
    return sum((shop.send("signup", one) for one in people), Work())


def _purchases(shop: Shop, count: int) -> Work:
    people = [{"id": f"c{i}", "email": f"c{i}@example.com"} for i in range(count)]
    return sum((shop.buy(f"A{i}", customer=one) for i, one in enumerate(people)), Work())


def _states(shop: Shop) -> list[str]:
    return [row.state for row in shop.messages()]


def test_a_guest_who_is_joined_while_a_batch_is_sent_harms_no_mail(database: Database, tmp_path: Path) -> None:
    """Given a guest's mail in a batch, when the guest becomes a known customer meanwhile, then all mails go out."""
    shop = Shop(database, sending={"group_single": 1})
    shop.publish(careful=CAREFUL)
    shop.send("signup", {"id": "c1", "email": "other@example.com"})
    work = shop.buy("A0", customer={"id": "c7", "email": "seven@example.com"})
    work += shop.buy("A1", customer={"email": "lan@example.com"})
    work += shop.buy("A2", customer={"id": "c8", "email": "eight@example.com"})

    def join(number: int) -> None:
        if number == work.messages[0]:
            shop.send("signup", {"id": "c1", "email": "lan@example.com"})

    Office(shop, tmp_path, Postbox(between=join)).send(work)
    assert _states(shop) == ["sent"] * 3


@pytest.mark.parametrize("group", [1, 10])
def test_a_rule_that_fails_for_one_message_fails_that_message(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    """Given an exit condition that cannot be told for one of three, when they are sent, then the two others go out."""
    shop = Shop(database, sending={"group_single": group})
    shop.publish(careful=CAREFUL)
    work = _purchases(shop, 3)

    def failing(route: Route, facts: Facts, reading: Reading) -> Any:
        if facts.customer.external_id == "c1":
            raise OverflowError("cannot tell it of lan@example.com")
        return exit_condition(route, facts, reading)

    monkeypatch.setattr("worker.delivery.rules.exit_condition", failing)
    Office(shop, tmp_path).send(work)
    assert _states(shop) == ["sent", "failed", "sent"]
    assert shop.messages()[1].reason == "OverflowError: cannot tell it of …@…"


def test_a_group_that_the_database_will_not_mark_goes_back_unharmed(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given three groups, when the database fails the second's transaction, then only that one waits, as it was."""
    shop = Shop(database, sending={"group_single": 1})
    shop.publish(confirm=CONFIRM)
    work = _purchases(shop, 3)
    real, calls = ledger.mark, list[int]()

    def failing(*arguments: Any, **given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise OperationalError("UPDATE", {}, Exception("deadlock detected"))
        return real(*arguments, **given)

    monkeypatch.setattr(ledger, "mark", failing)
    office = Office(shop, tmp_path)
    office.send(work)
    assert _states(shop) == ["sent", "queued", "sent"]
    assert (shop.messages()[1].attempts, shop.messages()[1].crashes) == (0, 0)
    office.send()
    assert _states(shop) == ["sent"] * 3
    assert len(office.post.mails) == 3


def test_a_database_that_is_gone_blames_no_message(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a batch in hand, when the database goes and comes again, then what was sent is, the rest is unharmed."""
    shop = Shop(database, sending={"group_single": 1})
    shop.publish(confirm=CONFIRM)
    work = _purchases(shop, 3)
    real, calls = ledger.mark, list[int]()

    def gone(*arguments: Any, **given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise UnavailableError("the database cannot be reached")
        return real(*arguments, **given)

    monkeypatch.setattr(ledger, "mark", gone)
    office = Office(shop, tmp_path)
    with pytest.raises(UnavailableError):
        office.send(work)
    office.recover()
    assert [(row.state, row.attempts, row.crashes) for row in shop.messages()] == [
        ("sent", 1, 0),
        ("queued", 0, 0),
        ("queued", 0, 0),
    ]


def test_a_journal_on_a_full_disk_hands_nothing_over_and_blames_no_message(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a disk that takes no record, when senders try again and again, then nothing is handed over and nothing is
    set aside; and given room again, each mail goes out once."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    _signups(shop, 3)
    office = Office(shop, tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(SenderJournal, "_append", full)
        for _ in range(2 * shop.settings.sending.attempts):
            with pytest.raises(OSError, match="No space"):
                office.send()
            office.recover()
    assert office.post.mails == []
    assert [(row.state, row.attempts, row.crashes) for row in shop.messages()] == [("queued", 0, 0)] * 3
    office.send()
    assert _states(shop) == ["sent"] * 3
    assert len(office.post.mails) == 3


def test_a_sender_that_died_handing_over_blames_none_of_the_others(database: Database, tmp_path: Path) -> None:
    """Given two groups of two, when the sender dies after the first dot, then that mail is unknown, none blamed."""
    shop = Shop(database, sending={"group_campaign": 2})
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 4)
    office = Office(shop, tmp_path, Postbox("after the dot"))
    with pytest.raises(Died):
        office.send(work)
    office.recover()
    assert [(row.state, row.crashes) for row in shop.messages()] == [("unknown", 0)] + [("queued", 0)] * 3
    assert {row.attempts for row in shop.messages()[1:]} == {0}


def test_a_sender_that_died_before_a_dot_blames_the_mail_in_hand(database: Database, tmp_path: Path) -> None:
    """Given two groups of two, when the sender dies before the second mail's dot, then that one alone is blamed."""
    shop = Shop(database, sending={"group_campaign": 2})
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 4)
    office = Office(shop, tmp_path, Postbox(Outcome.ACCEPTED, Died))
    with pytest.raises(Died):
        office.send(work)
    office.recover()
    assert [(row.state, row.crashes) for row in shop.messages()] == [
        ("sent", 0),
        ("queued", 1),
        ("queued", 0),
        ("queued", 0),
    ]


def test_a_message_that_kills_its_sender_is_set_aside_and_no_other(database: Database, tmp_path: Path) -> None:
    """Given a mail that kills its sender whenever it is handed over, when that goes on, then it alone is set aside."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 4)
    poison = work.messages[1]

    def kill(number: int) -> None:
        if number == poison:
            raise Died

    office = Office(shop, tmp_path, Postbox(between=kill))
    for _ in range(2 * shop.settings.sending.attempts):
        try:
            office.send()
        except Died:
            office.recover()
            office.restart()
            shop.now += timedelta(hours=2)  # a suspect is tried later and later
    assert _states(shop) == ["sent", "failed", "sent", "sent"]
    assert shop.messages()[1].reason == "its senders died too often"


def test_mails_that_were_put_off_are_taken_together(database: Database, tmp_path: Path) -> None:
    """Given mails that the server put off three times, when they are due, then it takes no more transactions."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path)
    begun: list[int] = []
    on_event.listen(database.engine, "begin", lambda _: begun.append(1))
    taken = []
    for attempts in (0, 3):
        work = _signups(shop, 60, f"of{attempts}-")
        with database.writing() as connection:
            fresh = message.c.state == "queued"
            connection.execute(update(message).where(fresh).values(attempts=attempts))
        begun.clear()
        office.send(work)
        taken.append(len(begun))
    assert taken[0] == taken[1]


def test_a_group_that_outlasts_its_lease_is_sent_to_its_end(database: Database, tmp_path: Path) -> None:
    """Given a relay that takes three seconds a mail, when a group of fifty outlasts its lease, then all of it goes."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 50)
    office = Office(shop, tmp_path)

    def slowly(_: int) -> None:
        office.lead += timedelta(seconds=3)
        assert not office.recover().queued

    office.post.between = slowly
    office.send(work)
    assert [(row.state, row.attempts) for row in shop.messages()] == [("sent", 1)] * 50


def test_a_batch_that_outlasts_its_lease_is_sent_to_its_end(database: Database, tmp_path: Path) -> None:
    """Given mails in groups of one, when their batch takes many times the lease, then none of them is taken back."""
    shop = Shop(database, sending={"group_single": 1, "lease": 5})
    shop.publish(confirm=CONFIRM)
    work = _purchases(shop, 30)
    office = Office(shop, tmp_path)

    def slowly(_: int) -> None:
        office.lead += timedelta(seconds=2)
        assert not office.recover().queued

    office.post.between = slowly
    office.send(work)
    assert [(row.state, row.attempts) for row in shop.messages()] == [("sent", 1)] * 30


def test_a_slow_relay_is_given_smaller_groups(database: Database, tmp_path: Path) -> None:
    """Given a relay that takes half a second a mail, then after the first group two are marked at a time, no more.

    So the rules were asked at most about a second before each mail went.
    """
    shop = Shop(database, sending={"group_single": 4})
    shop.publish(confirm=CONFIRM)
    work = _purchases(shop, 10)
    office = Office(shop, tmp_path)
    marked: list[int] = []

    def slowly(_: int) -> None:
        office.lead += timedelta(seconds=0.45)
        marked.append(_states(shop).count("transmitting"))

    office.post.between = slowly
    office.send(work)
    assert _states(shop) == ["sent"] * 10
    assert marked == [4, 4, 4, 4, 2, 2, 2, 2, 2, 2]


def test_a_mail_so_slow_that_the_claim_runs_out_costs_no_try(database: Database, tmp_path: Path) -> None:
    """Given a process that stood still, when others took its group for lost, then what was not handed over goes on."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)
    office = Office(shop, tmp_path)

    def stand_still(number: int) -> None:
        if number == work.messages[1]:
            office.lead += timedelta(seconds=shop.settings.sending.lease + 1)
            office.recover()

    office.post.between = stand_still
    left = office.send(work)
    assert [(row.state, row.attempts) for row in shop.messages()] == [("sent", 1), ("queued", 0), ("queued", 0)]
    assert [row.not_before <= shop.now for row in shop.messages()] == [True] * 3
    assert left.messages == work.messages[1:]


class _Overtaken:
    """A transport that hands two mails over at a time, and hears of the second first.

    Parameters:
        between: what comes while the first awaits its answer; `outcome`, `code`: that answer.
    """

    def __init__(self, between: Callable[[], None], outcome: Outcome, code: int) -> None:
        self._between = between
        self._outcome = outcome
        self._code = code
        self.taken: list[int] = []

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Hand the first over; what comes between keeps all others from it."""
        first, *others = mails
        journal.handing(first.message)
        self.taken.append(first.message)
        self._between()
        for mail in others:
            with suppress(LeaseOver):
                journal.handing(mail.message)
                self.taken.append(mail.message)
            yield Answer(mail.message, Outcome.TEMPORARY, None, "the claim ran out")
        answer = Answer(first.message, self._outcome, self._code, "4.2.2 said the relay", Stage.DOT)
        journal.answered(answer)
        yield answer

    def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(
    ("outcome", "code", "state", "reason"),
    [(Outcome.ACCEPTED, 250, "sent", None), (Outcome.TEMPORARY, 452, "queued", "to be tried again")],
)
def test_what_was_answered_counts_though_the_claim_on_others_ran_out(
    database: Database, tmp_path: Path, outcome: Outcome, code: int, state: str, reason: str | None
) -> None:
    """Given a mail that awaits its answer while the claim runs out, then its answer holds, and it is not sent again."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)
    office = Office(shop, tmp_path)

    def stand_still() -> None:
        office.lead += timedelta(seconds=shop.settings.sending.lease + 1)
        office.recover()

    transport = _Overtaken(stand_still, outcome, code)
    office.by_relay = lambda _: transport
    left = office.send(work)
    rows = shop.messages()
    assert [(row.state, row.attempts) for row in rows] == [(state, 1), ("queued", 0), ("queued", 0)]
    assert rows[0].reason == reason
    assert transport.taken == [work.messages[0]]
    assert left.messages == work.messages[1:]


def test_a_lease_that_is_over_is_renewed_where_nobody_took_the_messages(database: Database, tmp_path: Path) -> None:
    """Given one mail that took longer than the lease, when nobody missed its sender, then the rest goes out too."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)
    office = Office(shop, tmp_path)

    def very_slowly(_: int) -> None:
        office.lead += timedelta(seconds=shop.settings.sending.lease + 1)

    office.post.between = very_slowly
    office.send(work)
    assert _states(shop) == ["sent"] * 3


def test_a_lease_that_cannot_be_renewed_holds_to_its_end(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a database that went away within a group, when the lease is over, then no further dot is written."""
    shop = Shop(database)
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 5)
    office = Office(shop, tmp_path)
    real = claims.renew

    def unavailable(*arguments: Any, lease_until: datetime, **given: Any) -> Any:
        if office.post.mails:
            raise UnavailableError("the database cannot be reached")
        return real(*arguments, lease_until=lease_until, **given)

    def slowly(_: int) -> None:
        office.lead += timedelta(seconds=shop.settings.sending.lease / 2.5)

    monkeypatch.setattr(claims, "renew", unavailable)
    office.post.between = slowly
    office.send(work)
    assert _states(shop) == ["sent", "sent", "queued", "queued", "queued"]
