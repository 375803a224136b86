"""From a queued message to a settled one: rules, groups, failures, deaths."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.post import Died, Office, Postbox
from tests.support.shop import LAN, START, Shop
from worker.delivery.transport import Outcome
from worker.domain.work import Work
from worker.storage.database import Database
from worker.storage.flows import set_paused
from worker.storage.tables import address, customer

CONFIRM = "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]"
WELCOME = "trigger: signup\nsteps: [{send: welcome}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose groups are of two."""
    return Shop(database, sending={"group_single": 2, "group_campaign": 2})


def _states(shop: Shop) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in shop.messages()]


def _signups(shop: Shop, count: int) -> Work:
    work = Work()
    for i in range(count):
        work += shop.send("signup", LAN | {"id": f"c{i}", "email": f"c{i}@example.com"})
    return work


def test_a_confirmation_goes_out_once_and_is_settled(shop: Shop, tmp_path: Path) -> None:
    """Given a purchase, when its message is sent, twice, then one mail went out and the row tells of it."""
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path)
    work = shop.buy("A1")
    office.send(work)
    office.send(work)
    (mail,) = office.post.mails
    assert mail.recipient == "lan@example.com"
    assert b"List-Unsubscribe" not in mail.content
    (row,) = shop.messages()
    assert (row.state, row.code, row.email, row.language) == ("sent", 250, "lan@example.com", "vi")
    assert (row.sent_at, row.subject, row.message_id) == (shop.now, "order-confirmation: Lan", mail.message_id)


def test_marketing_carries_the_refusal_and_is_not_sent_without_consent(shop: Shop, tmp_path: Path) -> None:
    """Given two sign-ups, one without consent, when the welcome is due, then one goes out, the other is skipped."""
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path)
    shop.send("signup")
    shop.send("signup", {"id": "c2", "email": "minh@example.com"})
    office.send()
    (mail,) = office.post.mails
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in mail.content
    assert _states(shop) == [("sent", None), ("skipped", "no consent")]


def test_a_refusal_holds_from_the_next_group_on(shop: Shop, tmp_path: Path) -> None:
    """Given four mails in two groups, when the third's customer says no while the first goes out, then it is kept."""
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 4)

    def refuse(number: int) -> None:
        if number == work.messages[0]:
            with shop.database.writing() as connection:
                values = {"marketing": "unsubscribed"}
                connection.execute(update(address).where(address.c.email == "c2@example.com").values(**values))

    office = Office(shop, tmp_path, Postbox(between=refuse))
    office.send(work)
    assert [mail.recipient for mail in office.post.mails] == ["c0@example.com", "c1@example.com", "c3@example.com"]
    assert _states(shop)[2] == ("skipped", "unsubscribed")


def test_a_mail_whose_address_changed_meanwhile_is_made_anew(shop: Shop, tmp_path: Path) -> None:
    """Given a mail that is made, when its customer's address changes before it is marked, then it goes to the new."""
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)

    def move(number: int) -> None:
        if number == work.messages[0]:
            with shop.database.writing() as connection:
                connection.execute(update(customer).where(customer.c.id == 3).values(email="c0@example.com"))

    office = Office(shop, tmp_path, Postbox(between=move))
    office.send(work)
    assert _states(shop)[2] == ("queued", "changed meanwhile")
    office.send()
    assert [mail.recipient for mail in office.post.mails] == ["c0@example.com", "c1@example.com", "c0@example.com"]
    assert shop.messages()[2].attempts == 1


def test_an_exit_found_at_sending_skips_and_the_engine_ends_the_journey(shop: Shop, tmp_path: Path) -> None:
    """Given an exit condition that comes true while a mail waits, when it is to be sent, then it is skipped."""
    shop.publish(
        f="trigger: signup\nexit: [{when: customer.orders_count >= 1}]\nsteps: [{send: welcome}, {wait: 9 days}]"
    )
    office = Office(shop, tmp_path)
    work = shop.send("signup")
    with shop.database.writing() as connection:
        connection.execute(update(customer).values(orders_count=1))
    left = office.send(work)
    assert _states(shop) == [("skipped", "exit")]
    shop.reread(*left.journeys)
    (row,) = shop.journeys()
    assert (row.state, row.reason) == ("exited", "customer.orders_count >= 1")


def test_paused_mails_wait_and_go_on_unless_expired(shop: Shop, tmp_path: Path) -> None:
    """Given mails in the queue, when their flow is paused for two days, then those that expired are skipped."""
    shop.publish(
        f="trigger: signup\nsteps: [{send: welcome, expires: 1 day}]",
        g="trigger: signup\nsteps: [{send: thank-you}]",
    )
    office = Office(shop, tmp_path)
    shop.send("signup")
    with shop.database.writing() as connection:
        set_paused(connection, None, True, shop.now)
    assert office.send() == Work()
    assert office.post.mails == []
    shop.now += timedelta(days=2)
    with shop.database.writing() as connection:
        set_paused(connection, None, False, shop.now)
    office.send()
    assert _states(shop) == [("skipped", "expired"), ("sent", None)]


def test_a_template_that_fails_for_one_customer_harms_no_other(shop: Shop, tmp_path: Path) -> None:
    """Given a template that needs a phone number, when one of three has none, then the others' mails go out."""
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path, welcome="{{ customer.phone[0] }}")
    for i, phone in enumerate(("091", None, "092")):
        shop.send("signup", LAN | {"id": f"c{i}", "email": f"c{i}@example.com", "phone": phone})
    office.send()
    states = _states(shop)
    assert [state for state, _ in states] == ["sent", "failed", "sent"]
    assert "welcome.vi.html" in str(states[1][1])


def test_without_an_address_nothing_is_made(shop: Shop, tmp_path: Path) -> None:
    """Given a customer without an address, when the confirmation is due, then it is skipped with the reason."""
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path)
    shop.buy("A1", customer={"id": "c1"})
    office.send()
    assert _states(shop) == [("skipped", "no address")]


def test_what_failed_for_a_while_is_tried_again_on_schedule(shop: Shop, tmp_path: Path) -> None:
    """Given a server that says later, when the time has come, then the same mail goes out, with the same id."""
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path, Postbox(Outcome.TEMPORARY))
    shop.buy("A1")
    office.send()
    (row,) = shop.messages()
    assert (row.state, row.code, row.not_before) == ("queued", 451, START + timedelta(minutes=5))
    first = row.message_id
    office.send()
    assert office.post.mails == []
    shop.now += timedelta(minutes=5)
    office.send()
    assert [mail.message_id for mail in office.post.mails] == [first]
    assert shop.messages()[0].attempts == 2


def test_a_message_that_fails_for_a_while_too_often_has_failed(database: Database, tmp_path: Path) -> None:
    """Given three tries, when the server says later three times, then the message has failed, visibly."""
    shop = Shop(database, sending={"attempts": 3})
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path, Postbox(*[Outcome.TEMPORARY] * 3))
    shop.buy("A1")
    for _ in range(4):
        office.send()
        shop.now += timedelta(hours=1)
    assert _states(shop) == [("failed", "tried too often")]


def test_a_dead_mailbox_is_suppressed_and_gets_nothing_more(shop: Shop, tmp_path: Path) -> None:
    """Given a server that knows no such user, when the next mail to the address is due, then it is skipped."""
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path, Postbox(Outcome.REFUSED))
    shop.buy("A1")
    office.send()
    shop.buy("A2")
    office.send()
    assert _states(shop) == [("failed", "refused: 5.1.1"), ("skipped", "suppressed")]
    with shop.database.reading() as connection:
        assert connection.execute(select(address.c.suppressed)).scalar_one() == "hard bounce: 5.1.1"


def test_an_unknown_outcome_is_never_sent_again_blindly(shop: Shop, tmp_path: Path) -> None:
    """Given a connection lost after the final dot, when sending goes on for days, then the mail is not sent again."""
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path, Postbox(Outcome.UNKNOWN))
    shop.buy("A1")
    office.send()
    for _ in range(3):
        shop.now += timedelta(days=1)
        office.recover()
        office.send()
    assert [state for state, _ in _states(shop)] == ["unknown"]
    assert office.post.mails == []


@pytest.mark.parametrize("body", [CONFIRM, WELCOME])
def test_a_sender_that_leaves_takes_no_unknown_outcome_back(shop: Shop, tmp_path: Path, body: str) -> None:
    """Given a connection lost after the final dot, when the sender goes on with other mails and leaves in order, again
    and again, then that mail was handed over once, and stays unknown until its rule."""
    shop.publish(flow=body)
    office = Office(shop, tmp_path, Postbox(Outcome.UNKNOWN))
    shop.buy("A1")
    shop.send("signup")
    office.send()
    (number,) = [row.id for row in shop.messages()]
    for turn in range(3):
        other = LAN | {"id": f"o{turn}", "email": f"o{turn}@example.com"}
        shop.send("signup", other)
        shop.buy(f"B{turn}", customer=other)
        office.send()
        office.restart()
        assert office.recover().queued == ()
        office.send()
    assert number not in [mail.message for mail in office.post.mails]
    assert [row.state for row in shop.messages()] == ["unknown", "sent", "sent", "sent"]


def test_an_unknown_campaign_mail_is_assumed_sent_after_an_hour(shop: Shop, tmp_path: Path) -> None:
    """Given an advertising mail with an unknown outcome, when an hour brought no evidence, then it counts as sent."""
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path, Postbox(Outcome.UNKNOWN))
    shop.send("signup")
    office.send()
    office.recover()
    assert [state for state, _ in _states(shop)] == ["unknown"]
    shop.now += timedelta(hours=2)
    office.recover()
    assert _states(shop) == [("sent", "assumed sent: no answer known")]


def test_after_a_death_the_journal_tells_what_was_handed_over(shop: Shop, tmp_path: Path) -> None:
    """Given a sender that dies in the midst of a group, when the sweep comes, then each mail stands where it was."""
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)
    office = Office(shop, tmp_path, Postbox(Outcome.ACCEPTED, "after the dot"))
    with pytest.raises(Died):
        office.send(work)
    assert [state for state, _ in _states(shop)] == ["transmitting", "transmitting", "claimed"]
    recovered = office.recover()
    assert (len(recovered.settled), len(recovered.unknown), len(recovered.queued)) == (1, 1, 1)
    office.restart()
    office.send()
    assert [state for state, _ in _states(shop)] == ["sent", "unknown", "sent"]
    assert sorted(mail.message for mail in office.post.mails) == list(work.messages)


def test_a_death_before_the_dot_loses_and_doubles_nothing(shop: Shop, tmp_path: Path) -> None:
    """Given a sender that dies before the second mail's dot, when another takes over, then each goes out once."""
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)
    office = Office(shop, tmp_path, Postbox(Outcome.ACCEPTED, Died))
    with pytest.raises(Died):
        office.send(work)
    office.recover()
    office.restart()
    office.send()
    assert [state for state, _ in _states(shop)] == ["sent", "sent", "sent"]
    assert sorted(mail.message for mail in office.post.mails) == list(work.messages)


def test_a_sender_of_a_lost_machine_is_given_up_by_its_lease(shop: Shop, tmp_path: Path) -> None:
    """Given a sender whose journal is lost with its machine, when its lease is over, then its group is unknown."""
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 3)
    office = Office(shop, tmp_path, Postbox(Outcome.ACCEPTED, Died))
    with pytest.raises(Died):
        office.send(work)
    for journal in (tmp_path / "journals").iterdir():
        journal.unlink()
    assert not office.recover().queued
    office.lead = timedelta(seconds=shop.settings.sending.lease + 1)
    office.recover()
    assert [state for state, _ in _states(shop)] == ["unknown", "unknown", "queued"]


def test_a_sender_that_stood_still_past_its_lease_hands_nothing_over(shop: Shop, tmp_path: Path) -> None:
    """Given a process that was stopped for minutes between two mails, when it goes on, then it writes no dot."""
    shop.publish(welcome=WELCOME)
    work = _signups(shop, 2)
    office = Office(shop, tmp_path)

    def stand_still(number: int) -> None:
        if number == work.messages[1]:
            office.lead = timedelta(seconds=shop.settings.sending.lease + 1)
            office.recover()

    office.post.between = stand_still
    office.send(work)
    assert [mail.message for mail in office.post.mails] == [work.messages[0]]
    # its word on both is taken: one was sent, the other surely not
    assert [state for state, _ in _states(shop)] == ["sent", "queued"]


def test_without_tracking_consent_links_are_plain(shop: Shop, tmp_path: Path) -> None:
    """Given one customer who agreed to tracking and one who did not, when both get mail, then one has no pixel."""
    shop.publish(confirm=CONFIRM)
    office = Office(shop, tmp_path)
    shop.buy("A1")
    shop.buy("A2", customer={"id": "c2", "email": "minh@example.com"})
    office.send()
    assert [row.tracked for row in shop.messages()] == [True, False]
