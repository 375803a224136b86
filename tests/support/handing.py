"""Mails to hand over, and a journal that remembers what a transport told it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from tests.support.misbehaving_smtp import MisbehavingSmtp
from worker.delivery.smtp import SIDE_BY_SIDE_FROM
from worker.delivery.transport import Answer, LeaseOver, Outcome, Outgoing, Transport


def a_mail(number: int = 1, *, body: str = "Hello", recipient: str = "", sender: str = "b@shop.example") -> Outgoing:
    """Return a small finished mail."""
    message_id = f"m{number}@shop.example"
    content = (
        f"From: Shop <hello@shop.example>\r\nTo: lan@example.com\r\nSubject: Mail {number}\r\n"
        f"Date: Mon, 01 Mar 2027 14:00:00 +0700\r\nMessage-ID: <{message_id}>\r\n\r\n{body}\r\n"
    )
    return Outgoing(number, sender, recipient or f"lan{number}@example.com", content.encode(), message_id)


def some_mails(count: int) -> list[Outgoing]:
    """Return mails numbered from 1."""
    return [a_mail(number) for number in range(1, count + 1)]


class Notes:
    """A journal in memory.

    Parameters:
        lease_over_at: messages for which the lease turns out to be over.
        failing_at: messages for which the disk is full.
    """

    def __init__(self, lease_over_at: Collection[int] = (), failing_at: Collection[int] = ()) -> None:
        self._lease_over_at = lease_over_at
        self._failing_at = failing_at
        self.handed: list[int] = []
        self.answers: list[Answer] = []

    def handing(self, message: int) -> None:
        if message in self._failing_at:
            raise OSError(28, "No space left on device")
        if message in self._lease_over_at:
            raise LeaseOver("the claim ran out")
        self.handed.append(message)

    def answered(self, answer: Answer) -> None:
        self.answers.append(answer)


def hand_over(transport: Transport, mails: Sequence[Outgoing], notes: Notes | None = None) -> list[Answer]:
    """Hand the mails over, and check what holds of every transport: one answer each, told to the journal.

    Returns them in the order of the mails; over one connection they come so.
    """
    notes = Notes() if notes is None else notes
    told = len(notes.answers)
    answers = list(transport.send(mails, notes))
    assert notes.answers[told:] == answers
    if len(mails) >= SIDE_BY_SIDE_FROM:
        place = {mail.message: at for at, mail in enumerate(mails)}
        answers.sort(key=lambda answer: place[answer.message])
    assert [answer.message for answer in answers] == [mail.message for mail in mails]
    return answers


def check_answers(server: MisbehavingSmtp, mails: Sequence[Outgoing], answers: Sequence[Answer]) -> None:
    """Hold the answers against what a server took.

    What it took is accepted or unknown; what is called temporary or refused was not taken; nothing is taken twice.
    """
    taken = Counter(server.accepted)
    assert set(taken.values()) <= {1}, "a mail was taken twice"
    for mail, answer in zip(mails, answers, strict=True):
        if answer.outcome is Outcome.ACCEPTED:
            assert taken[mail.message_id] == 1, answer
        elif answer.outcome in (Outcome.TEMPORARY, Outcome.REFUSED):
            assert taken[mail.message_id] == 0, answer
