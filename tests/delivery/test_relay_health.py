"""A relay that takes no mail is told in the log: once, without what is secret, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.handing import Notes, a_mail, hand_over, some_mails
from tests.support.misbehaving_smtp import MisbehavingSmtp, RefusedPort
from tests.support.smtp_conversation import Manners
from worker.delivery import relay_health
from worker.delivery.relay_health import RelayHealth
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Answer, Journal, Outcome, Outgoing
from worker.domain.addresses import MASK
from worker.domain.answers import Stage

AWAY = (Outcome.TEMPORARY, None, "cannot reach relay:25", Stage.CONNECT)
TAKEN = (Outcome.ACCEPTED, 250, "ok", Stage.DOT)


@pytest.fixture(autouse=True)
def fresh_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log as structlog is configured now: what another test set up before may be kept in the logger."""
    monkeypatch.setattr(relay_health, "_log", structlog.get_logger())


class Scripted:
    """A transport that answers as it is told, one mail a call."""

    def __init__(self, *answers: tuple[Outcome, int | None, str, Stage]) -> None:
        self._answers = list(answers)

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        for mail in mails:
            answer = Answer(mail.message, *self._answers.pop(0))
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Close nothing."""


def told(*steps: tuple[float, tuple[Outcome, int | None, str, Stage]]) -> list[tuple[str, str]]:
    """Return what is logged, given answers at these seconds."""
    now = 0.0
    health = RelayHealth("relay:25", lambda: now)
    transport = health.watch(Scripted(*(answer for _, answer in steps)))
    with capture_logs() as lines:
        for seconds, _ in steps:
            now = seconds
            hand_over(transport, [a_mail()])
    return [(line["log_level"], line["event"]) for line in lines]


FAILS = ("warning", "the relay does not take our mail")
WORKS = ("info", "the relay takes mail again")


def test_an_outage_is_told_once_and_its_end_too() -> None:
    """Given a relay that is away for ten minutes, then there is one warning, and one line when it is back."""
    assert told((0, TAKEN), (1, AWAY), (2, AWAY), (600, AWAY), (601, TAKEN), (602, TAKEN)) == [FAILS, WORKS]


def test_a_relay_that_comes_and_goes_does_not_fill_the_log() -> None:
    """Given a relay that fails every other second, then it is told once a minute."""
    steps = [(float(second), AWAY if second % 2 else TAKEN) for second in range(121)]
    assert told(*steps) == [FAILS, WORKS, FAILS, WORKS]


@pytest.mark.parametrize(
    "answer",
    [
        (Outcome.REFUSED, 550, "5.1.1 no such user", Stage.RCPT),
        (Outcome.TEMPORARY, 452, "4.2.2 mailbox full", Stage.RCPT),
        (Outcome.UNKNOWN, None, "the connection broke", Stage.DOT),
        (Outcome.TEMPORARY, 421, "4.7.28 Gmail has detected an unusual rate of mail", Stage.RCPT),
        (Outcome.REFUSED, 550, "5.7.1 spam", Stage.DOT),
        (Outcome.TEMPORARY, None, "no answer within 20 s", Stage.RCPT),
    ],
)
def test_what_is_about_one_recipient_or_domain_is_not_told(answer: tuple[Outcome, int, str, Stage]) -> None:
    """Given an answer that is about its recipient or the recipient's domain alone, then the relay is not blamed."""
    assert told((0, answer)) == []


def test_a_wrong_password_is_told_without_it() -> None:
    """Given a relay that does not let us in, then host and code are told, and the password is not."""
    with MisbehavingSmtp(manners=Manners(login=("shop", "right"))) as server:
        transport = SmtpTransport(server.url(userinfo="shop:wr0ng@"), timeout=20)
        with capture_logs() as lines:
            hand_over(RelayHealth(str(transport.relay)).watch(transport), some_mails(3))
    assert [line["relay"] for line in lines] == [f"127.0.0.1:{server.port}"]
    assert lines[0]["why"].startswith("535 ")
    assert "wr0ng" not in str(lines)


def test_a_relay_that_is_away_is_told() -> None:
    """Given a port where nobody listens, then the words say so."""
    with RefusedPort() as port:
        transport = SmtpTransport(f"smtp://127.0.0.1:{port}", timeout=20)
        with capture_logs() as lines:
            hand_over(RelayHealth(str(transport.relay)).watch(transport), some_mails(2))
    assert [line["why"].split(";")[0] for line in lines] == [f"cannot reach 127.0.0.1:{port}: Connection refused"]


def test_the_servers_words_are_told_without_an_address() -> None:
    """Given a server that quotes an address, then it is masked."""
    health = RelayHealth("relay:25")
    with capture_logs() as lines:
        health.note(Answer(1, Outcome.TEMPORARY, 421, "no mail from lan@example.com today", Stage.CONNECT))
    assert [line["why"] for line in lines] == [f"421 no mail from {MASK} today"]


def test_a_claim_that_ran_out_is_not_the_relays_fault() -> None:
    """Given a lease that is over in the midst of a batch, then what is not sent is not blamed on the relay."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=20)
        with capture_logs() as lines:
            answers = hand_over(RelayHealth("relay").watch(transport), some_mails(3), Notes(lease_over_at=[2]))
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.TEMPORARY]
    assert lines == []
