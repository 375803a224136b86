"""Customers read their mail as people do, and machines read it before them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from demo.case import Case, Window
from demo.letters import Letter, read_letter
from demo.people import Mailbox
from demo.readers import APPLE, GOOGLE, OFFER, Deed, Readers
from demo.script import write_script
from worker.delivery.hits import Hits
from worker.domain.hits import Hit, HitClass, HitKind, class_hit

WINDOW = Window.until(datetime(2026, 11, 21, 3, 0, tzinfo=UTC), 30)
SCRIPT = write_script(3, Case.of(400, 30), WINDOW)
PERSON_OR_PROXY = (HitClass.PERSON, HitClass.PROXY)


def letter(to: str, flow: str, sent_at: datetime, *, tracked: bool = True, marketing: bool = True) -> Letter:
    links = ("/c/one", "/c/two") if tracked else ()
    return Letter(to, sent_at, flow, marketing, "/o/pixel.gif" if tracked else None, links, "/u/word")


def test_the_offer_is_opened_by_its_openers_alone() -> None:
    """Given the offer in every mailbox, then people open it in as many as the script says; machines are told apart."""
    assert WINDOW.offer_at is not None
    readers = Readers(SCRIPT)
    opened, machines = set(), Counter[str]()
    for person in SCRIPT.people:
        for reaction in readers.receive(letter(person.email, OFFER, WINDOW.offer_at, tracked=bool(person.tracking))):
            kind = HitKind.OPEN if reaction.deed is Deed.OPEN else HitKind.CLICK
            beside = [Hit(1, kind, reaction.at, link=2)] if reaction.at == WINDOW.offer_at else []
            hit = Hit(1, kind, reaction.at, link=1, user_agent=reaction.user_agent)
            whose, _ = class_hit(hit, WINDOW.offer_at, beside, known_machine=False)
            if whose in PERSON_OR_PROXY:
                opened.add(person.id)
            else:
                machines[person.mailbox.value] += 1
    assert opened == set(SCRIPT.openings)
    assert set(machines) == {Mailbox.APPLE.value, Mailbox.WORK.value}


def test_programs_are_known_for_what_they_are() -> None:
    """Given the user agents of the play, then those of people are no known crawlers', and proxies come as proxies."""
    assert WINDOW.offer_at is not None
    readers = Readers(SCRIPT)
    agents = {
        reaction.user_agent
        for person in SCRIPT.people
        for turn in range(6)
        for reaction in readers.receive(
            letter(person.email, "order-confirmation", WINDOW.begin + timedelta(days=turn, hours=9), marketing=False)
        )
    }
    assert {APPLE, GOOGLE} < agents
    assert len(agents) > 8
    known = Hits.__init__.__defaults__
    assert known is not None
    is_machine = known[0]
    assert [agent for agent in agents if is_machine(agent) and "Proxy" not in agent] == []


def test_readers_do_the_same_in_every_play() -> None:
    """Given the same script twice, then the same mails bring about the same."""
    mails = [letter(person.email, "thank-you", WINDOW.begin + timedelta(hours=9)) for person in SCRIPT.people[:100]]
    first, second = Readers(SCRIPT), Readers(SCRIPT)
    assert [first.receive(mail) for mail in mails] == [second.receive(mail) for mail in mails]


def test_each_unsubscribes_once_and_only_from_marketing() -> None:
    """Given those who want no more, then the first marketing mail after that moment is the one they refuse."""
    readers = Readers(SCRIPT)
    people = {person.id: person for person in SCRIPT.people}
    for one, since in SCRIPT.refusals.items():
        before = readers.receive(letter(people[one].email, "newsletter", since - timedelta(hours=1)))
        service = readers.receive(
            letter(people[one].email, "order-shipped", since + timedelta(hours=1), marketing=False)
        )
        after = readers.receive(letter(people[one].email, "newsletter", since + timedelta(hours=1)))
        again = readers.receive(letter(people[one].email, "newsletter", since + timedelta(hours=2)))
        refused = [[found.deed is Deed.REFUSE for found in found_in] for found_in in (before, service, after, again)]
        assert [any(found) for found in refused] == [False, False, True, False]


def test_mail_to_strangers_and_staff_is_left_alone() -> None:
    """Given mail to somebody who is no customer of the script, then nobody does anything with it."""
    assert Readers(SCRIPT).receive(letter("mai@the-coffee.example", "staff", WINDOW.begin)) == []


def test_a_letter_is_read_from_its_bytes() -> None:
    """Given a mail as Phin writes it, then its flow, kind, pixel, links and word of refusal are found as paths."""
    content = (
        b"From: The Coffee <xin-chao@the-coffee.example>\r\nTo: =?utf-8?q?Lan?= <lan1@gmail.example>\r\n"
        b"Date: Thu, 05 Nov 2026 09:00:01 +0700\r\nFeedback-ID: arabica-offer:the-coffee.example:marketing:phin\r\n"
        b"List-Unsubscribe: <https://mail.example/u/abc>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: text/html; charset="utf-8"\r\n\r\n'
        b'<span class="voucher-code" style="font-size: 22px"> ARABICA-7KX4M9QRT </span>'
        b'<a href="https://mail.example/c/one">1</a><a href="https://mail.example/u/abc">x</a>'
        b'<img width="1" src="https://mail.example/o/p.gif">\r\n'
    )
    read = read_letter(content)
    assert (read.to, read.flow, read.marketing) == ("lan1@gmail.example", "arabica-offer", True)
    assert (read.pixel, read.links, read.refusal) == ("/o/p.gif", ("/c/one",), "/u/abc")
    assert read.sent_at == datetime(2026, 11, 5, 2, 0, 1, tzinfo=UTC)
    assert read.code == "ARABICA-7KX4M9QRT"


def test_who_takes_the_offer_enters_the_code_of_their_own_mail() -> None:
    """Given the offer with a code, then its reader knows that one; nobody knows another's, or one of another mail."""
    assert WINDOW.offer_at is not None
    readers = Readers(SCRIPT)
    first, second, third = (person for person in SCRIPT.people[:3])
    readers.receive(replace(letter(first.email, OFFER, WINDOW.offer_at), code="ARABICA-ONE"))
    readers.receive(replace(letter(second.email, OFFER, WINDOW.offer_at), code="ARABICA-TWO"))
    readers.receive(replace(letter(third.email, "birthday", WINDOW.offer_at), code="SINHNHAT-ONE"))
    known = [readers.code_of(person.id) for person in (first, second, third)]
    assert known == ["ARABICA-ONE", "ARABICA-TWO", None]
