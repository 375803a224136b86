"""A yes by a mail's own link: said anew, with the wording of the sign-up, unless a refusal came after the mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.support.consents import LAN, say
from tests.support.ledger import NOW, add_customer, queue
from worker.delivery.confirming import Asking, Confirmed, Yes, asking_of, confirm
from worker.delivery.unsubscribing import Refusal, unsubscribe
from worker.domain.customers import ConsentState, Purpose
from worker.domain.work import Work
from worker.storage import consent
from worker.storage.consent import Told
from worker.storage.database import Database
from worker.storage.tables import address, customer, event, message

HOUR = timedelta(hours=1)
PAGE = "Bấm nút là bạn đồng ý"


def asking(database: Database, *, signed_up: bool = True, key: str = "m") -> int:
    """Return the number of a mail that asks Lan to confirm, written now."""
    with database.writing() as connection:
        owner = add_customer(connection, external_id=key, email=LAN)
        (number,) = queue(connection, key, customer_id=owner)
        sent = {"state": "sent", "email": LAN, "language": "vi", "created_at": NOW}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
        if signed_up:
            told = Told("form", "Tôi muốn nhận ưu đãi", {"event": 7})
            for purpose in Purpose:
                say(connection, True, NOW - HOUR, purpose=purpose, confirmed=False, told=told)
    return number


def states(database: Database) -> list[ConsentState]:
    with database.reading() as connection:
        return [consent.known(connection, LAN, one).state for one in Purpose]


def test_a_confirmation_is_a_yes_with_the_wording_of_the_sign_up(database: Database) -> None:
    """Given a sign-up to both that waits, when its button is pressed, then the yes to advertising holds, with proof."""
    number = asking(database)
    assert asking_of(database, number) == Asking(Confirmed.DONE, "vi", takes_back=False, tracking=True)
    became, work = confirm(database, Yes(number, NOW + HOUR, PAGE), NOW + HOUR)
    assert became is Confirmed.DONE
    assert states(database) == [ConsentState.SUBSCRIBED, ConsentState.UNKNOWN], "nobody ticked the box about tracking"
    with database.reading() as connection:
        pending, _, line = consent.lines(connection, LAN)
        (told,) = connection.execute(select(event)).all()
    assert (line.line.state, line.line.anew, line.told.source) == ("subscribed", True, "confirmation: form")
    assert line.told.wording == f"Tôi muốn nhận ưu đãi\n\n{PAGE}"
    assert line.told.proof == {"message": number, "line": pending.id}
    assert (told.source, told.type, told.payload["customer"]) == ("phin", "subscribed", {"id": "m"})
    assert work == Work(events=(told.id,))


def test_a_box_about_tracking_that_was_ticked_is_a_yes_with_its_own_words(database: Database) -> None:
    """Given a yes to tracking that waits, when its box is ticked, at once or later, then it holds, in its own words."""
    number = asking(database)
    confirm(database, Yes(number, NOW + HOUR, PAGE), NOW + HOUR)
    for hours in (2, 3):
        confirm(database, Yes(number, NOW + hours * HOUR, PAGE, tracking="theo dõi"), NOW + hours * HOUR)
    assert states(database) == [ConsentState.SUBSCRIBED] * 2
    with database.reading() as connection:
        _, pending, _, line = consent.lines(connection, LAN)
    assert (line.purpose, line.line.anew, line.told.wording) == ("tracking", True, "Tôi muốn nhận ưu đãi\n\ntheo dõi")
    assert line.told.proof == {"message": number, "line": pending.id}
    assert not asking_of(database, number).tracking


def test_a_box_about_tracking_that_nobody_asked_for_is_no_yes(database: Database) -> None:
    """Given a sign-up without tracking, when a form says that its box was ticked, then nothing is written of it."""
    number = asking(database, signed_up=False)
    assert not asking_of(database, number).tracking
    confirm(database, Yes(number, NOW + HOUR, PAGE, tracking="theo dõi"), NOW + HOUR)
    assert states(database) == [ConsentState.SUBSCRIBED, ConsentState.UNKNOWN]


def test_said_again_it_is_one(database: Database) -> None:
    """Given a confirmation, when the button is pressed again, then it is still done, and nothing more is written."""
    number = asking(database)
    for hours in (1, 2, 2_000):
        assert confirm(database, Yes(number, NOW + hours * HOUR, PAGE), NOW + hours * HOUR)[0] is Confirmed.DONE
    with database.reading() as connection:
        assert len(consent.lines(connection, LAN)) == 3
        assert len(connection.execute(select(event)).all()) == 1


def test_a_refusal_after_the_mail_holds_against_its_button(database: Database) -> None:
    """Given a mail that asks, when its receiver refuses after it, then its old button undoes nothing."""
    number = asking(database)
    unsubscribe(database, Refusal(number, NOW + HOUR, "page"), NOW + HOUR)
    assert confirm(database, Yes(number, NOW + 2 * HOUR, PAGE), NOW + 2 * HOUR) == (Confirmed.REFUSED, Work())
    assert asking_of(database, number).becomes is Confirmed.REFUSED
    assert states(database)[0] is ConsentState.UNSUBSCRIBED


def test_the_mail_that_confirms_a_refusal_takes_it_back(database: Database) -> None:
    """Given a refusal of who had signed up to both, when the mail about it takes it back, then that is about mail."""
    number = asking(database)
    at = NOW + HOUR
    work = unsubscribe(database, Refusal(number, at, "one-click"), at, confirmed=True)
    (mail,) = work.messages
    assert asking_of(database, mail) == Asking(Confirmed.DONE, None, takes_back=True, tracking=False)
    yes = Yes(mail, at + HOUR, PAGE, tracking="theo dõi")
    assert confirm(database, yes, at + HOUR)[0] is Confirmed.DONE
    assert states(database) == [ConsentState.SUBSCRIBED, ConsentState.UNKNOWN]


def test_one_mail_confirms_a_refusal_to_the_very_address(database: Database) -> None:
    """Given a customer with another address by now, when the old one refuses twice, then it gets one mail about it."""
    number = asking(database, signed_up=False)
    with database.writing() as connection:
        connection.execute(update(customer).values(email="new@example.com"))
    works = [
        unsubscribe(database, Refusal(number, NOW + hours * HOUR, "page"), NOW + hours * HOUR, confirmed=True)
        for hours in (1, 2)
    ]
    assert [len(work.messages) for work in works] == [1, 0]
    with database.reading() as connection:
        (row,) = connection.execute(select(message).where(message.c.id == works[0].messages[0])).all()
    assert (row.email, row.kind, row.template, row.state) == (LAN, "transactional", "refusal-confirmed", "queued")
    assert row.key.startswith("refusal:")


def test_a_refusal_after_a_new_yes_is_confirmed_anew(database: Database) -> None:
    """Given a refusal, a new yes and a second refusal, then each refusal has its own mail."""
    number = asking(database, signed_up=False)
    mails: list[int] = []
    for hours in (1, 3):
        at = NOW + hours * HOUR
        mails += unsubscribe(database, Refusal(number, at, "page"), at, confirmed=True).messages
        with database.writing() as connection:
            say(connection, True, at + HOUR, anew=True)
    assert len(set(mails)) == 2


def test_an_address_that_mail_comes_back_from_gets_no_confirmation(database: Database) -> None:
    """Given a suppressed address, when it refuses, then the refusal holds and no mail is written."""
    number = asking(database, signed_up=False)
    with database.writing() as connection:
        consent.hold(connection, LAN)
        connection.execute(update(address).values(suppressed="complaint", suppressed_at=NOW))
    assert unsubscribe(database, Refusal(number, NOW + HOUR, "page"), NOW + HOUR, confirmed=True).messages == ()
    assert states(database)[0] is ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize("confirmed", [True, False])
def test_of_an_erased_customer_nothing_is_left_to_confirm(database: Database, confirmed: bool) -> None:
    """Given an erased customer, then neither a yes nor a refusal by an old mail writes anything."""
    number = asking(database, signed_up=False)
    with database.writing() as connection:
        connection.execute(update(customer).values(email=None, external_id=None, erased_at=NOW))
        connection.execute(update(message).values(email=None))
    assert confirm(database, Yes(number, NOW, PAGE), NOW) == (Confirmed.NOBODY, Work())
    assert unsubscribe(database, Refusal(number, NOW, "page"), NOW, confirmed=confirmed) == Work()
