"""A report is kept once, is about a mail of ours or changes nothing, and what follows from it holds at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from tests.support.ledger import NOW
from tests.support.post import Office, Postbox
from tests.support.reports import LAN, LATER, Counter, arf, dsn, plain
from tests.support.shop import Shop
from worker.delivery.bounces.parcel import Parcel
from worker.delivery.tokens import Tokens
from worker.delivery.transport import Outcome
from worker.domain.bounces import BounceClass
from worker.domain.setting_mail import Bounces as BounceSettings
from worker.storage import suppression
from worker.storage.database import Database
from worker.storage.tables import customer

OTHERS = "minh@example.org"
FULL = "552 5.2.2 The mailbox is full"


@pytest.fixture
def counter(database: Database) -> Counter:
    return Counter(database)


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_a_dead_mailbox_is_suppressed_at_once(counter: Counter, state: str) -> None:
    """Given a mail, when its report comes to its own envelope sender, then nothing more goes to where it was sent."""
    number = counter.mail(state=state, external_id="c1")

    # the report names another address: one that the receiver forwards to
    taken = counter.take(dsn(counter.verp(number), "lan.home@elsewhere.example"))

    assert taken.kinds == (BounceClass.HARD,)
    assert counter.state(number) == "bounced"
    assert counter.address().suppressed == "hard bounce: 5.1.1"
    assert counter.address("lan.home@elsewhere.example") is None
    (kind, data), *others = counter.events()
    assert (kind, data["kind"], data["flow"], data["message"]) == ("mail.bounced", "hard", "f", number)
    assert not others
    assert len(taken.work.events) == 1
    (row,) = counter.rows()
    assert (row.matched, row.message_id, row.email, row.state, row.raw) == ("verp", number, LAN, "counted", None)
    assert LAN not in row.diagnostic


def test_the_same_report_counts_once(counter: Counter) -> None:
    """Given a report that is piped again, with other line ends and trace headers, then nothing more follows."""
    report = dsn(counter.verp(counter.mail()))
    counter.take(report)

    again = counter.take(b"Received: from somewhere\r\n" + report.replace(b"\n", b"\r\n"))

    assert again.rows == ()
    assert len(counter.rows()) == len(counter.events()) == 1


def test_a_complaint_withdraws_consent_by_whatever_its_report_leaves_of_us(counter: Counter) -> None:
    """Given a feedback report without an address, then the link to unsubscribe tells whose it is; orders still go."""
    number = counter.mail()
    link = f"https://shop.example/u/{counter.tokens.unsubscribe(number)}"

    taken = counter.take(arf(f"From: hello@shop.example\nList-Unsubscribe: <{link}>\nTo: redacted@example.com\n"))

    assert taken.kinds == (BounceClass.COMPLAINT,)
    assert counter.state(number) == "complained"
    assert (counter.address().marketing, counter.address().suppressed) == ("unsubscribed", None)
    assert [kind for kind, _ in counter.events()] == ["unsubscribed", "mail.complained"]
    assert counter.rows()[0].matched == "link"


def test_a_mail_is_known_by_its_message_id_and_its_address(counter: Counter) -> None:
    """Given a report that reached another mailbox, then our Message-ID counts, with the address that it went to."""
    counter.settings = BounceSettings(domain="bounces.shop.example")
    number = counter.mail(message_id="0123456789abcdef@shop.example")
    returned = "Message-ID: <0123456789abcdef@shop.example>\nTo: lan@example.com\n"

    counter.take(dsn("hello@shop.example", OTHERS, returned=returned))
    assert counter.state(number) == "sent", "the Message-ID with another address is no proof"
    counter.take(dsn("hello@shop.example", LAN, returned=returned))

    assert counter.state(number) == "bounced"
    assert [row.matched for row in counter.rows()] == [None, "message-id"]


def test_a_full_mailbox_is_suppressed_only_after_weeks(counter: Counter) -> None:
    """Given soft bounces, then the address is suppressed once they are many and go on long; an open begins anew."""
    counter.settings = BounceSettings(soft_limit=3, soft_days=14)
    numbers = [counter.mail(external_id=f"c{n}") for n in range(8)]

    def come_back(number: int, day: int) -> None:
        counter.take(dsn(counter.verp(number), status="5.2.2", diagnostic=FULL), NOW + timedelta(days=day))

    for number, day in zip(numbers[:4], (0, 1, 2, 13), strict=True):
        come_back(number, day)
    assert counter.address().suppressed is None, "many, and not for long enough"
    with counter.database.writing() as connection:
        connection.execute(update(customer).values(last_opened_at=NOW + timedelta(days=14)))
    for number, day in zip(numbers[4:7], (15, 16, 28), strict=True):
        come_back(number, day)
    assert counter.address().suppressed is None, "they count from the open on"
    come_back(numbers[7], 29)
    assert counter.address().suppressed == "soft bounces: 4 since 2027-03-16"
    assert {counter.state(number) for number in numbers} == {"bounced"}

    with counter.database.writing() as connection:
        assert suppression.lift(connection, LAN) == "soft bounces: 4 since 2027-03-16"
        assert suppression.lift(connection, LAN) is None
    come_back(counter.mail(external_id="c9"), 60)
    assert counter.address().suppressed is None, "lifted, it begins anew"


@pytest.mark.parametrize(
    ("report", "kind", "state"),
    [
        ({"status": "5.7.1", "diagnostic": "550 5.7.1 blocked, see our policy"}, BounceClass.POLICY, "bounced"),
        ({"status": "4.4.1", "diagnostic": "connection timed out", "action": "delayed"}, BounceClass.DELAYED, "sent"),
        ({"status": "2.0.0", "diagnostic": "250 ok", "action": "delivered"}, BounceClass.DELIVERED, "sent"),
    ],
)
def test_what_is_not_the_addresss_fault_never_suppresses(
    counter: Counter, report: dict[str, str], kind: BounceClass, state: str
) -> None:
    """Given our own fault, a delay, or good news, then the address stays; a mail of unknown outcome is known now."""
    number = counter.mail(state="unknown")
    assert counter.take(dsn(counter.verp(number), **report)).kinds == (kind,)
    assert counter.state(number) == state
    assert counter.address().suppressed is None


def test_an_automatic_answer_is_no_bounce(counter: Counter) -> None:
    """Given somebody who is away, in Vietnamese too, then their mail arrived, and nothing else follows."""
    number = counter.mail(state="unknown")
    text = "Cảm ơn bạn đã gửi thư. Tôi đang nghỉ phép đến hết ngày 5/3, địa chỉ này không có người trả lời."
    taken = counter.take(plain(counter.verp(number), "Trả lời tự động: Chào Lan", text, LAN, X_Autoreply="yes"))
    assert taken.kinds == (BounceClass.AUTO_REPLY,)
    assert counter.state(number) == "sent"
    assert (counter.rows()[0].state, counter.address().suppressed, counter.events()) == ("noted", None, [])


@pytest.mark.parametrize(
    "to",
    [
        "hello@shop.example",  # none at all
        f"b+{Tokens([b'another key of forty characters for tests']).bounce(1)}@bounces.shop.example",
        "b+" + "a" * 40 + "@bounces.shop.example",
        "b+@bounces.shop.example",
    ],
)
def test_a_forged_report_changes_nothing_and_is_shown(counter: Counter, to: str) -> None:
    """Given a domain for reports, when one names an address without a token of ours, then it is kept, no more."""
    counter.settings = BounceSettings(domain="bounces.shop.example")
    number = counter.mail()
    counter.take(dsn(to))
    assert counter.state(number) == "sent"
    assert counter.address().suppressed is None
    (row,) = counter.rows()
    assert (row.state, row.email, row.message_id) == ("unread", None, None)
    assert row.raw.startswith(b"From: MAILER-DAEMON")


def test_an_address_counts_without_a_token_only_if_a_mail_went_there_lately(counter: Counter) -> None:
    """Given no domain for reports, then a recent mail to the address is meant; a foreign address changes nothing."""
    number = counter.mail()
    counter.take(dsn("hello@shop.example", OTHERS))
    counter.take(dsn("hello@shop.example", LAN, status="5.1.2"), NOW + timedelta(days=8))
    assert (counter.state(number), counter.address(OTHERS)) == ("sent", None)
    counter.take(dsn("hello@shop.example", LAN))
    assert (counter.state(number), counter.rows()[-1].matched) == ("bounced", "address")


def test_what_came_back_before_we_knew_that_it_went_is_done_a_moment_later(counter: Counter) -> None:
    """Given a mail in a sender's hand, when it bounces, then the mail itself follows once it is settled."""
    number = counter.mail(state="transmitting")
    counter.take(dsn(counter.verp(number)))
    assert (counter.state(number), counter.address().suppressed) == ("transmitting", "hard bounce: 5.1.1")
    assert not counter.bounces.catch_up(LATER)
    with counter.database.writing() as connection:
        connection.exec_driver_sql("UPDATE message SET state = 'sent'")
    assert len(counter.bounces.catch_up(LATER).events) == 1
    assert (counter.state(number), counter.rows()[0].state) == ("bounced", "counted")
    assert not counter.bounces.catch_up(LATER)


def test_what_could_not_be_read_is_read_again_by_later_rules(counter: Counter) -> None:
    """Given a report of which nobody knew the mail, when that is known by now, then it is done, once."""
    counter.settings = BounceSettings(domain="bounces.shop.example")
    number = counter.mail()
    counter.take(dsn("hello@shop.example"))
    counter.take(b"\xff\x00 nothing that anybody can read")
    assert counter.bounces.read_again(LATER).rows == ()

    counter.settings = BounceSettings()
    assert counter.bounces.read_again(LATER).kinds == (BounceClass.HARD,)

    assert counter.state(number) == "bounced"
    assert [(row.state, row.raw is None) for row in counter.rows()] == [("counted", True), ("unread", False)]
    assert counter.bounces.read_again(LATER).rows == ()


def test_a_mail_to_staff_that_came_back_suppresses_nobody(counter: Counter) -> None:
    """Given a mail to somebody of the staff, when it bounces, then it is shown as bounced."""
    number = counter.mail()
    with counter.database.writing() as connection:
        connection.exec_driver_sql("UPDATE message SET customer_id = NULL, staff = 'thu'")
    counter.take(dsn(counter.verp(number)))
    assert (counter.state(number), counter.address().suppressed, counter.events()) == ("bounced", None, [])


_PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; boundary=B\n",
        b"Content-Type: message/delivery-status\n",
        b"Content-Type: message/feedback-report\n",
        b"Content-Type: text/html; charset=nonsense\n",
        b"Content-Transfer-Encoding: base64\n",
        b"\n--B\n",
        b"--B--\n",
        b"Final-Recipient: rfc822; lan@example.com\n",
        b"Action: failed\nStatus: 5.1.1\n",
        b"Feedback-Type: abuse\n",
        b"To: b+\xff@x\nSubject: =?utf-8?b?////?=\n",
        b"550 5.1.1 <lan@example.com> user unknown\n",
        b"\n",
        b"<p>",
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_PIECES | st.binary(max_size=40), max_size=14).map(b"".join))
def test_whatever_bytes_come_nobody_is_suppressed_without_proof(sqlite_database: Database, raw: bytes) -> None:
    """Given any bytes at all as a report, then they are kept, nothing is raised, and no address is touched."""
    counter = Counter(sqlite_database, BounceSettings(domain="bounces.shop.example"))
    if counter.address() is None:
        counter.mail()
    counter.bounces.take(Parcel(raw, len(raw)), "pipe", LATER)
    assert (counter.address().suppressed, counter.address().marketing) == (None, "subscribed")
    assert {row.state for row in counter.rows()} <= {"unread", "noted"}
    assert counter.events() == []


def test_answers_to_our_own_sending_are_in_the_same_books(database: Database, tmp_path: Path) -> None:
    """Given a mail that its server refuses, then it is listed and reported, and its address suppressed."""
    shop = Shop(database)
    shop.publish(confirm="kind: transactional\ntrigger: {event: order.shipped}\nsteps: [{send: thank-you}]")
    office = Office(shop, tmp_path, Postbox(Outcome.REFUSED))
    shop.send("order.shipped", {"id": "c1", "email": LAN})
    work = office.send()
    counter = Counter(database)
    (row,) = counter.rows()
    assert (row.source, row._mapping["class"], row.status, row.email) == ("smtp", "hard", "5.1.1", LAN)
    assert (row.state, counter.address().suppressed) == ("counted", "hard bounce: 5.1.1")
    assert [kind for kind, _ in counter.events() if kind.startswith("mail.")] == ["mail.bounced"]
    assert work.events
    office.sending.close()


def test_who_subscribes_anew_gives_the_address_another_chance(database: Database) -> None:
    """Given an address that came back, then a purchase leaves it so, and a sign-up for mails lifts it."""
    shop = Shop(database)
    who = {"id": "c1", "email": LAN}
    shop.send("signup", who)
    with database.writing() as connection:
        suppression.suppress(connection, LAN, "hard bounce: 5.1.1", shop.now)
    counter = Counter(database)
    shop.wait("1 day")
    shop.buy("A1", customer=who)
    assert counter.address().suppressed == "hard bounce: 5.1.1"
    shop.send("subscribed", {**who, "consent": {"marketing": True}})
    assert counter.address().suppressed is None


@pytest.mark.parametrize("raw", [b"\0" * 100, b"X-Odd: 1\n\n", b"a line\n"])
def test_a_report_without_headers_is_known_by_its_bytes(raw: bytes) -> None:
    """Given reports that have no headers to be known by, then only the same bytes are the same report."""
    keys = {Parcel(one, len(one)).key for one in (raw, b"", raw[:-1], raw.replace(raw[:1], b"b"))}
    assert len(keys) == 4
    assert Parcel(raw, len(raw)).key == Parcel(bytes(raw), len(raw)).key
