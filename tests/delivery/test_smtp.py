"""Handing mail over to servers that behave: content, connections, pipelining, TLS, log-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.certificate import server_context
from tests.support.handing import Notes, a_mail, check_answers, hand_over, some_mails
from tests.support.misbehaving_smtp import MisbehavingSmtp
from tests.support.smtp_conversation import Manners, say
from tests.support.smtp_sink import SmtpSink
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Outcome

TIMEOUT = 20.0


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


def test_every_mail_arrives_as_it_was_made(sink: SmtpSink) -> None:
    """Given mails with dots, long lines and large bodies, when handed over, the server has each byte of them."""
    mails = [
        a_mail(1, body=".\r\n..\r\n.one\r\nend."),
        a_mail(2, body=""),
        a_mail(3, body="\r\n".join(["." + "x" * 900] * 400)),
        *(a_mail(n) for n in range(4, 40)),
    ]
    transport = SmtpTransport(sink.url, timeout=TIMEOUT)
    notes = Notes()
    answers = hand_over(transport, mails, notes)
    transport.close()
    assert {(answer.outcome, answer.code) for answer in answers} == {(Outcome.ACCEPTED, 250)}
    assert [received.content for received in sink.mails] == [mail.content for mail in mails]
    assert [received.recipients for received in sink.mails] == [(mail.recipient,) for mail in mails]
    assert {received.sender for received in sink.mails} == {"b@shop.example"}
    assert notes.handed == [mail.message for mail in mails]


def test_an_address_beyond_ascii_goes_out_where_the_server_takes_it(sink: SmtpSink) -> None:
    """Given SMTPUTF8 offered, a local part with marks is used as it is."""
    transport = SmtpTransport(sink.url, timeout=TIMEOUT)
    [answer] = hand_over(transport, [a_mail(recipient="hạnh@example.com")])
    transport.close()
    assert answer.outcome is Outcome.ACCEPTED
    assert sink.mails[0].recipients == ("hạnh@example.com",)


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("8BITMIME",)])
def test_an_address_that_the_server_cannot_take_harms_only_its_mail(extensions: tuple[str, ...]) -> None:
    """Given no SMTPUTF8, that mail is refused in clear words, and its neighbours arrive."""
    with MisbehavingSmtp(manners=Manners(extensions=extensions)) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        mails = [a_mail(1), a_mail(2, recipient="hạnh@example.com"), a_mail(3)]
        answers = hand_over(transport, mails)
        transport.close()
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED]
    assert "SMTPUTF8" in answers[1].text
    assert server.accepted == [mails[0].message_id, mails[2].message_id]


def test_nothing_to_send_connects_to_nobody() -> None:
    """Given no mails, the relay is not asked."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        assert hand_over(transport, []) == []
        transport.close()
    assert server.connections == 0


def test_the_connection_is_kept_between_calls() -> None:
    """Given several calls, one connection serves them, and it ends with QUIT."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        for number in range(1, 6):
            hand_over(transport, [a_mail(number)])
        transport.close()
        transport.close()
    assert server.connections == 1
    assert server.manners.commands[-1] == "QUIT"
    assert len(server.accepted) == 5


def test_a_caller_that_takes_just_its_answers_keeps_the_connection() -> None:
    """Given a caller that stops after the last answer without running the iterator out, nothing is cut off."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        for start in (1, 4):
            mails = [a_mail(number) for number in range(start, start + 3)]
            answers = transport.send(mails, Notes())
            assert [next(answers).outcome for _ in mails] == [Outcome.ACCEPTED] * 3
        transport.close()
    assert server.connections == 1


def test_a_caller_that_goes_away_midway_sends_no_further_mail() -> None:
    """Given a caller that drops the iterator after the first answer, later mails are not handed over, and the
    next call works."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        notes = Notes()
        answers = transport.send(some_mails(3), notes)
        next(answers)
        answers.close()  # type: ignore[attr-defined] # it is a generator
        [answer] = hand_over(transport, [a_mail(9)])
        transport.close()
    assert answer.outcome is Outcome.ACCEPTED
    assert notes.handed == [1]
    assert server.accepted == ["m1@shop.example", "m9@shop.example"]


def test_a_second_call_in_the_midst_of_the_first_disturbs_no_mail() -> None:
    """Given two calls under way at once, each mail has a true answer: the first call's next may have to come again."""
    mails = [a_mail(number) for number in (1, 2, 7, 8)]
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        first = transport.send(mails[:2], Notes())
        one = next(first)
        second = transport.send(mails[2:], Notes())
        seven = next(second)
        answers = [one, *first, seven, *second]
        transport.close()
    assert one.outcome is seven.outcome is Outcome.ACCEPTED
    assert {answer.outcome for answer in answers} <= {Outcome.ACCEPTED, Outcome.TEMPORARY}
    check_answers(server, mails, answers)


def test_an_idle_connection_that_the_server_closed_is_replaced() -> None:
    """Given a server that ends a connection after each mail, the next call's mails arrive without a failed try."""
    with MisbehavingSmtp({"dot": [say("250 ok, and bye", close=True, take=True)]}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        outcomes = [hand_over(transport, [a_mail(number)])[0].outcome for number in (1, 2, 3)]
        transport.close()
    assert outcomes == [Outcome.ACCEPTED] * 3
    assert server.connections == 2


def test_a_connection_long_unused_is_replaced() -> None:
    """Given a minute without mail, the connection is not trusted: something on the way may have forgotten it."""
    now = [0.0]
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT, monotonic=lambda: now[0])
        hand_over(transport, [a_mail(1)])
        now[0] += 59
        hand_over(transport, [a_mail(2)])
        now[0] += 61
        hand_over(transport, [a_mail(3)])
        transport.close()
    assert len(server.accepted) == 3
    assert server.connections == 2


def test_a_limit_of_mails_a_connection_costs_no_mail_a_delay() -> None:
    """Given a server that says 421 to the third mail of each connection, all are taken in one call."""
    bye = say("421 4.7.0 too many mails on this connection", close=True)
    with MisbehavingSmtp({"mail": [None, None, bye, None, None, bye, None, None, bye]}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        answers = hand_over(transport, some_mails(7))
        transport.close()
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 7
    assert server.connections == 4


@pytest.mark.parametrize(
    "extensions", [("PIPELINING", "SIZE 1000000"), ("SIZE 1000000",), ("8BITMIME",), ("PIPELINING", "CHUNKING")]
)
def test_a_refused_mail_does_not_disturb_the_next(extensions: tuple[str, ...]) -> None:
    """Given refusals at each step, with and without PIPELINING, the transaction is cleared and others arrive."""
    script = Manners(
        {
            "mail": [None, say("451 4.3.0 not now")],
            "rcpt": [None, None, say("550 5.1.1 no such user")],
            "data": [None, None, None, say("451 4.3.1 later")],
        },
        extensions,
    )
    with MisbehavingSmtp(manners=script) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        answers = hand_over(transport, some_mails(6))
        transport.close()
    by_outcome = [answer.outcome for answer in answers]
    assert by_outcome.count(Outcome.ACCEPTED) == len(server.accepted)
    assert {Outcome.TEMPORARY, Outcome.REFUSED} <= set(by_outcome)
    accepted = [f"m{answer.message}@shop.example" for answer in answers if answer.outcome is Outcome.ACCEPTED]
    assert server.accepted == accepted
    assert server.connections == 1


def test_a_transaction_for_nobody_is_ended() -> None:
    """Given a server that wants the content although it refused the recipient, nobody gets an empty mail."""
    script = Manners({"rcpt": [say("550 5.1.1 no such user")], "data": [say("354 go on all the same")]})
    with MisbehavingSmtp(manners=script) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        answers = hand_over(transport, some_mails(2))
        transport.close()
    assert [answer.outcome for answer in answers] == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert server.accepted == ["m2@shop.example"]
    assert server.connections == 1


def test_a_server_that_loses_what_follows_a_dot_gets_it_no_more() -> None:
    """Given a middlebox that throws away pipelined commands, after one time-out all mails arrive one by one."""
    with MisbehavingSmtp(manners=Manners(forgets_behind_dot=True)) as server:
        transport = SmtpTransport(server.url(), timeout=1)
        answers = hand_over(transport, some_mails(5))
        transport.close()
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 5
    assert len(set(server.accepted)) == len(server.accepted) == 5
    assert server.connections == 2


def test_lines_of_an_answer_are_joined() -> None:
    """Given answers of many lines, each belongs to its mail, and the words are kept for a person."""
    words = say("250-2.0.0 taken", "250-with many", "250 words", take=True)
    with MisbehavingSmtp({"dot": words}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        answers = hand_over(transport, some_mails(3))
        transport.close()
    assert {answer.text for answer in answers} == {"2.0.0 taken with many words"}


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls", "smtps"])
def test_mail_goes_out_encrypted(scheme: str) -> None:
    """Given a server that demands TLS, by STARTTLS or from the first byte, the mails arrive over it."""
    manners = Manners(tls=server_context(), implicit_tls=scheme == "smtps")
    manners.starttls = None if scheme == "smtps" else "required"
    with MisbehavingSmtp(manners=manners) as server:
        transport = SmtpTransport(server.url(scheme, query="?verify=no"), timeout=TIMEOUT)
        answers = hand_over(transport, [a_mail(1, body="x" * 500 + "\r\n" + "y" * 300_000), a_mail(2)])
        again = hand_over(transport, [a_mail(3)])
        transport.close()
    assert [answer.outcome for answer in [*answers, *again]] == [Outcome.ACCEPTED] * 3
    assert len(server.accepted) == 3
    assert server.connections == 1


def test_a_log_in_opens_the_door() -> None:
    """Given a server that asks who we are, user and password from the URL are given."""
    with MisbehavingSmtp(manners=Manners(login=("shop@example", "p:w/d"))) as server:
        transport = SmtpTransport(server.url(userinfo="shop%40example:p%3Aw%2Fd@"), timeout=TIMEOUT)
        [answer] = hand_over(transport, [a_mail()])
        transport.close()
    assert answer.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("extensions", [("PIPELINING", "CHUNKING", "8BITMIME"), ("CHUNKING", "8BITMIME")])
def test_content_goes_by_its_length_where_the_server_takes_it(extensions: tuple[str, ...]) -> None:
    """Given CHUNKING, when mails with dots, letters and large bodies are handed over, the server has each octet."""
    mails = [
        a_mail(1, body=".\r\n..\r\n.one\r\nend."),
        a_mail(2, body="Xin chào"),
        a_mail(3, body="\r\n".join(["." + "x" * 900] * 400)),
        *(a_mail(n) for n in range(4, 12)),
    ]
    notes = Notes()
    with MisbehavingSmtp(manners=Manners(extensions=extensions)) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        answers = hand_over(transport, mails, notes)
        transport.close()
    assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
    assert server.manners.contents == [mail.content for mail in mails]
    assert not [line for line in server.manners.commands if line.startswith("DATA")]
    assert notes.handed == [mail.message for mail in mails]
    assert server.connections == 1


def test_a_server_that_offers_chunks_and_does_not_know_them_gets_data() -> None:
    """Given BDAT answered as an unknown command, then the mail was surely not taken, and goes at once by DATA."""
    manners = Manners({"data": [say("502 5.5.1 what is BDAT?")]}, ("PIPELINING", "CHUNKING"))
    with MisbehavingSmtp(manners=manners) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        answers = hand_over(transport, some_mails(3))
        transport.close()
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 3
    assert len(set(server.accepted)) == len(server.accepted) == 3
    assert server.connections == 2


def test_chunks_can_be_switched_off() -> None:
    """Given `?chunking=no`, DATA is used although CHUNKING is offered."""
    with MisbehavingSmtp(manners=Manners(extensions=("CHUNKING",))) as server:
        transport = SmtpTransport(server.url(query="?chunking=no"), timeout=TIMEOUT)
        hand_over(transport, some_mails(2))
        transport.close()
    assert "DATA" in server.manners.commands
    assert len(server.accepted) == 2
