"""Unsubscribing holds for the address at once, is written down once with its proof, and is reported as an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from tests.support.consents import say
from tests.support.ledger import NOW, add_customer, queue
from worker.delivery.unsubscribing import Refusal, language_of, unsubscribe
from worker.domain.customers import ConsentState, Purpose
from worker.domain.messages import Kind
from worker.domain.work import Work
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import consent_change, customer, event, message

LATER = NOW + timedelta(hours=1)


def mail_to(database: Database, email: str | None = "lan@example.com", **more: Any) -> int:
    """Return the number of a marketing mail that was sent to this address."""
    with database.writing() as connection:
        owner = add_customer(connection, email=email, **more)
        (number,) = queue(connection, f"m{owner}", kind=Kind.MARKETING, customer_id=owner, flow="f", step="thank-you")
        connection.execute(
            update(message).where(message.c.id == number).values(state="sent", email=email, language="en")
        )
    return number


def state_of(database: Database, email: str = "lan@example.com") -> ConsentState:
    with database.reading() as connection:
        return consent.known(connection, email, Purpose.MARKETING).state


def say_yes(database: Database, at: datetime, *, anew: bool) -> None:
    with database.writing() as connection:
        say(connection, True, at, anew=anew)


def events_of(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(select(event).order_by(event.c.id)))


def test_a_refusal_holds_and_is_reported(database: Database) -> None:
    """Given a mail, when its receiver refuses, then the address is unsubscribed, with proof, and an event says so."""
    number = mail_to(database, external_id="c1")
    work = unsubscribe(database, Refusal(number, LATER, "one-click"), LATER)
    assert state_of(database) is ConsentState.UNSUBSCRIBED
    (told,) = events_of(database)
    assert work == Work(events=(told.id,))
    assert (told.source, told.type, told.customer_key, told.state) == ("phin", "unsubscribed", "id:c1", "received")
    assert told.payload["customer"] == {"id": "c1"}
    assert told.payload["data"] == {"message": number, "flow": "f", "step": "thank-you", "way": "one-click"}
    with database.reading() as connection:
        change = connection.execute(select(consent_change)).one()
    assert (change.email, change.purpose, change.state) == ("lan@example.com", "marketing", "unsubscribed")
    assert (change.at, change.source, change.proof) == (LATER, "unsubscribe: one-click", {"message": number})


def test_said_twice_it_is_one(database: Database) -> None:
    """Given a refusal, when it is said again, by the same mail or another, then nothing more is written."""
    first, second = mail_to(database), mail_to(database)
    unsubscribe(database, Refusal(first, LATER, "page"), LATER)
    for number in (first, second):
        assert unsubscribe(database, Refusal(number, LATER + timedelta(days=1), "page"), LATER) == Work()
    assert len(events_of(database)) == 1


def test_a_refusal_after_a_new_yes_counts_again(database: Database) -> None:
    """Given a yes said anew after a refusal, when the old mail's link is used once more, then it is a new refusal."""
    number = mail_to(database)
    unsubscribe(database, Refusal(number, LATER, "page"), LATER)
    say_yes(database, LATER + timedelta(days=1), anew=True)
    now = LATER + timedelta(days=2)
    assert unsubscribe(database, Refusal(number, LATER + timedelta(hours=1), "page"), now) == Work()
    assert state_of(database) is ConsentState.SUBSCRIBED, "an older no, read back late, does not undo a newer yes"
    assert unsubscribe(database, Refusal(number, now, "page"), now).events
    assert state_of(database) is ConsentState.UNSUBSCRIBED
    assert len(events_of(database)) == 2


def test_a_refusal_holds_against_a_later_yes_of_a_purchase(database: Database) -> None:
    """Given a refusal in the spool, when a purchase repeats the shop's yes before it is read back, then it holds."""
    number = mail_to(database)
    say_yes(database, LATER + timedelta(hours=1), anew=False)
    assert unsubscribe(database, Refusal(number, LATER, "page"), LATER + timedelta(hours=2)).events
    assert state_of(database) is ConsentState.UNSUBSCRIBED


def test_a_clock_that_goes_ahead_dates_no_refusal_ahead(database: Database) -> None:
    """Given a refusal dated ahead of now, then it counts from now on, so that a yes said anew later can undo it."""
    number = mail_to(database)
    unsubscribe(database, Refusal(number, LATER + timedelta(hours=7), "page"), LATER)
    with database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING).since == LATER
    assert [one.occurred_at for one in events_of(database)] == [LATER]


def test_said_again_later_it_is_the_later_one_that_counts(database: Database) -> None:
    """Given a refusal said twice, when a yes said anew between the two comes late, then it undoes nothing."""
    number = mail_to(database)
    for days in (0, 2):
        at = LATER + timedelta(days=days)
        unsubscribe(database, Refusal(number, at, "page"), at)
    with database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING).since == LATER + timedelta(days=2)
        assert [one.line.at for one in consent.lines(connection, "lan@example.com")] == [
            LATER,
            LATER + timedelta(days=2),
        ]
    assert len(events_of(database)) == 1


def test_it_belongs_to_the_address_that_the_mail_went_to(database: Database) -> None:
    """Given a customer who has another address by now, then the refusal is the old address's."""
    number = mail_to(database, external_id="c1")
    with database.writing() as connection:
        connection.execute(update(customer).values(email="new@example.com"))
    unsubscribe(database, Refusal(number, LATER, "page"), LATER)
    assert state_of(database) is ConsentState.UNSUBSCRIBED
    assert state_of(database, "new@example.com") is ConsentState.UNKNOWN


def test_a_customer_known_by_the_address_is_reported_by_it(database: Database) -> None:
    """Given a guest, then the event names the address; one who was joined to a customer is named by the shop's id."""
    guest = mail_to(database, email="guest@example.com")
    unsubscribe(database, Refusal(guest, LATER, "page"), LATER)
    joined = mail_to(database, email="other@example.com")
    with database.writing() as connection:
        into = add_customer(connection, external_id="c9", email="other@example.com")
        owner = select(message.c.customer_id).where(message.c.id == joined).scalar_subquery()
        connection.execute(update(customer).where(customer.c.id == owner).values(merged_into=into))
    unsubscribe(database, Refusal(joined, LATER, "page"), LATER)
    assert [one.payload["customer"] for one in events_of(database)] == [{"email": "guest@example.com"}, {"id": "c9"}]
    assert [(one.customer_key, one.email_key) for one in events_of(database)] == [
        (None, "email:guest@example.com"),
        ("id:c9", None),
    ]


def test_where_nobody_is_left_nothing_is_written(database: Database) -> None:
    """Given a mail of an erased customer, or one that is not there, then the refusal is taken and changes nothing."""
    number = mail_to(database, email=None)
    assert unsubscribe(database, Refusal(number, LATER, "page"), LATER) == Work()
    assert unsubscribe(database, Refusal(999_999, LATER, "page"), LATER) == Work()
    assert events_of(database) == []


def test_the_page_speaks_the_language_of_the_mail(database: Database) -> None:
    """Given a mail in English, then its page is English; for a mail that is not there nothing is known."""
    assert language_of(database, mail_to(database, language="vi")) == "en"
    assert language_of(database, 999_999) is None
