"""Many mails go over two connections side by side, and all holds of them that holds of one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from tests.delivery.test_smtp_trouble import CASES, WAYS
from tests.support.handing import Notes, a_mail, check_answers, hand_over, some_mails
from tests.support.misbehaving_smtp import MisbehavingSmtp
from tests.support.smtp_conversation import Action, Drop, Manners, Say, Script, Step, say
from worker.delivery.smtp import ALONE_FOR, SIDE_BY_SIDE_FROM, SmtpTransport
from worker.delivery.transport import Outcome, Outgoing

TIMEOUT = 20.0
A, T, R = Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.REFUSED
OPENING = 2  # mails of a first call, by which the relay shows that it is there
LATER = 7  # times that a step is done well before the case begins
PLENTY = range(101, 101 + SIDE_BY_SIDE_FROM + 5)
REFUSING = say("421 4.7.0 too many connections from you", close=True)


@dataclass
class OneConnection(Manners):
    """Greets everybody, and at a later step turns all connections away but the first."""

    at: Step = "mail"
    words: Say = field(default_factory=lambda: say("421 no"))
    first: int = 0  # the thread of the first connection

    def action(self, step: Step) -> Action | None:
        """Return what to do at this step now."""
        here = threading.get_ident()
        self.first = self.first or here
        return self.words if step == self.at and here != self.first else None


def plenty() -> list[Outgoing]:
    """Return enough mails for two connections."""
    return [a_mail(number) for number in PLENTY]


def test_many_mails_go_over_two_connections() -> None:
    """Given a relay that has shown that it is there, then many mails go over two connections, each once."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        assert server.connections == 1
        notes = Notes()
        answers = hand_over(transport, plenty(), notes)
        transport.close()
    assert server.connections == 2
    assert [answer.outcome for answer in answers] == [A] * len(PLENTY)
    assert sorted(notes.handed) == list(PLENTY)
    assert sorted(server.accepted[OPENING:]) == [mail.message_id for mail in plenty()]
    assert server.manners.commands[-2:] == ["QUIT", "QUIT"]


def test_two_mails_at_most_await_their_answer() -> None:
    """Given many mails, then before a third is handed over, one of the two before it has its answer."""

    class Open(Notes):
        most = 0

        def handing(self, message: int) -> None:
            super().handing(message)
            self.most = max(self.most, len(self.handed) - len(self.answers))

    notes = Open()
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        hand_over(transport, plenty(), notes)
        transport.close()
    assert notes.most == 2


def test_few_mails_and_a_relay_that_nobody_knows_yet_get_one_connection() -> None:
    """Given fewer mails, or the first call of all, then one connection serves them."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, plenty())
        hand_over(transport, some_mails(SIDE_BY_SIDE_FROM - 1))
        transport.close()
    assert server.connections == 1


def test_a_relay_that_takes_one_connection_gets_one() -> None:
    """Given a relay that refuses a second connection, then all go over the first, and it is left alone for a while."""
    now = 0.0
    with MisbehavingSmtp({"connect": [None, REFUSING, REFUSING]}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT, monotonic=lambda: now)
        hand_over(transport, some_mails(OPENING))
        for start, connections in ((100, 2), (200, 2), (300, 3)):
            mails = [a_mail(start + number) for number in range(SIDE_BY_SIDE_FROM)]
            now += 0 if start < 300 else ALONE_FOR
            assert {answer.outcome for answer in hand_over(transport, mails)} == {A}
            assert server.connections == connections
        transport.close()


@pytest.mark.parametrize(
    ("step", "words"),
    [("mail", "421 4.7.0 too many connections from you"), ("dot", "432 4.3.2 Concurrent connections limit exceeded")],
)
def test_a_relay_that_finds_two_too_many_only_later_gets_one(step: Step, words: str) -> None:
    """Given a second connection that is greeted and then turned away, then its mails go over the first, undelayed."""
    manners = OneConnection(at=step, words=say(words, close=step == "mail"))
    with MisbehavingSmtp(manners=manners) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        answers = hand_over(transport, plenty())
        again = hand_over(transport, [a_mail(number + 100) for number in PLENTY])
        transport.close()
    assert {answer.outcome for answer in [*answers, *again]} == {A}
    check_answers(server, plenty(), answers)
    assert server.connections == 2


def test_an_answer_does_not_wait_until_the_other_connection_is_through() -> None:
    """Given one connection that refuses each recipient, then what the other's mails came to is heard in between."""
    with MisbehavingSmtp(manners=OneConnection(at="rcpt", words=say("550 5.1.1 no such user"))) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        outcomes = [answer.outcome for answer in transport.send(plenty(), Notes())]
        transport.close()
    assert outcomes[:6].count(A) == outcomes[:6].count(R) == 3


def test_a_second_connection_is_given_back_when_few_mails_come() -> None:
    """Given many mails and then few, then the second connection is ended before these."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        hand_over(transport, plenty())
        assert "QUIT" not in server.manners.commands
        hand_over(transport, [a_mail(99)])
        assert server.manners.commands.count("QUIT") == 1
        transport.close()


def test_a_relay_may_be_said_to_take_one_connection() -> None:
    """Given `?second=no`, then there is never a second."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(query="?second=no"), timeout=TIMEOUT)
        for mails in (some_mails(OPENING), plenty()):
            hand_over(transport, mails)
        transport.close()
    assert server.connections == 1


def test_what_one_connection_does_not_take_any_more_goes_over_the_other() -> None:
    """Given one that breaks between mails and cannot be made again, then its mails go over the other at once."""
    mail: list[Action | None] = [*[None] * (OPENING + LATER), Drop()]
    connect: list[Action | None] = [None, None, *[REFUSING] * 9]
    with MisbehavingSmtp({"connect": connect, "mail": mail}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        answers = hand_over(transport, plenty())
        transport.close()
    check_answers(server, plenty(), answers)
    assert {answer.outcome for answer in answers} == {A}
    assert server.connections == 3


def test_a_relay_that_goes_away_altogether_gives_each_mail_one_answer() -> None:
    """Given both connections broken and none to be had, then what nobody was told of is to be tried later."""
    mail: list[Action | None] = [*[None] * (OPENING + LATER), Drop(), Drop()]
    with MisbehavingSmtp({"connect": [None, None, *[REFUSING] * 9], "mail": mail}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        notes = Notes()
        answers = hand_over(transport, plenty(), notes)
        transport.close()
    check_answers(server, plenty(), answers)
    assert {answer.outcome for answer in answers} == {A, T}
    assert len(notes.answers) == len(PLENTY)


def test_a_relay_that_slows_both_connections_down_is_not_asked_again() -> None:
    """Given a first connection told to stop, and the second too, then the rest waits, and no third is made."""
    slower = say("421 4.7.28 unusual rate", close=True)
    with MisbehavingSmtp({"mail": [*[None] * (OPENING + LATER), *[slower] * 9]}) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        answers = hand_over(transport, plenty())
        transport.close()
    check_answers(server, plenty(), answers)
    assert {answer.outcome for answer in answers} == {A, T}
    assert server.connections == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_what_is_true_of_one_connection_is_true_of_two_when_a_server(case: str, way: str) -> None:
    """Given the behaviour that the case names in the midst of many mails, none is doubled, lost or called untaken."""
    script: Script = {
        step: [*[None] * (1 if step in ("connect", "ehlo") else OPENING + LATER), *actions]
        if isinstance(actions, list)
        else actions
        for step, actions in CASES[case][0].items()
    }
    with MisbehavingSmtp(manners=Manners(script, WAYS[way])) as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        answers = hand_over(transport, plenty())
        later = {answer.message for answer in answers if answer.outcome is T}
        again = [mail for mail in plenty() if mail.message in later]
        answers = [answer for answer in answers if answer.message not in later] + hand_over(transport, again)
        transport.close()
    answers.sort(key=lambda answer: answer.message)
    check_answers(server, plenty(), answers)
    assert all(answer.text for answer in answers)


def test_no_final_dot_follows_when_the_lease_is_over() -> None:
    """Given a claim that runs out midway, then what awaits its answer gets it, and nothing more is handed over."""
    over = PLENTY[8:]
    notes = Notes(lease_over_at=over)
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=TIMEOUT)
        hand_over(transport, some_mails(OPENING))
        answers = hand_over(transport, plenty(), notes)
        transport.close()
    assert [answer.outcome for answer in answers] == [A] * 8 + [T] * len(over)
    assert sorted(server.accepted[OPENING:]) == [a_mail(number).message_id for number in PLENTY[:8]]
