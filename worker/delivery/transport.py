"""Where a finished mail is handed to, and what can become of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from worker.domain.answers import Stage
from worker.domain.errors import PhinError
from worker.domain.light import light


@light
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A finished mail.

    Parameters:
        message: id of its row in the ledger.
        sender: envelope sender.
        recipient: envelope recipient.
        content: the whole mail with CRLF line breaks, not dot-stuffed.
        message_id: its Message-ID header without angle brackets.
        in_form: whether it is known to be made of lines that end with CRLF and begin with no dot, as
            `worker.delivery.mime.build` makes them: SMTP takes such a content as it is.
    """

    message: int
    sender: str
    recipient: str
    content: bytes
    message_id: str
    in_form: bool = False


class Outcome(StrEnum):
    """What became of a handing over."""

    ACCEPTED = "accepted"  # 250 after the final dot
    TEMPORARY = "temporary"  # known not to be taken now (4xx, or no connection): try later
    REFUSED = "refused"  # known not to be taken ever (5xx)
    UNKNOWN = "unknown"  # no answer that can be read after the final dot


@light
@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one mail after its handing over.

    Parameters:
        code: SMTP reply code (250, 451, 550 …), or None where there was none.
        text: the server's words, or what went wrong, for a person; it may quote an e-mail address.
        stage: what was answered, for `worker.domain.answers.class_answer`.
        ours: whether we refused the mail ourselves, before any server was asked.
    """

    message: int
    outcome: Outcome
    code: int | None = None
    text: str = ""
    stage: Stage | None = None
    ours: bool = False


class LeaseOver(PhinError):
    """The claim on these messages ran out while they were in hand: another sender may have them now."""


class Journal(Protocol):
    """What a transport tells the sender's journal while it works."""

    def handing(self, message: int) -> None:
        """Say that the final dot of this message is about to be written; returns once that is in the file.

        Raises:
            LeaseOver: the messages are no longer ours. The transport then writes no final dot, drops the
                connection, and answers `TEMPORARY` for this mail and those after it.
        """

    def answered(self, answer: Answer) -> None:
        """Say what the answer was."""


class Transport(Protocol):
    """Hands finished mails over, one answer for each, as they come."""

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Hand the mails over; yields exactly one answer for each, also where the connection is lost."""

    def close(self) -> None:
        """End what is open."""
