"""A message's states, and every legal move between them, in one table."""

from __future__ import annotations

from enum import StrEnum

REFUSAL_CONFIRMED = "refusal-confirmed"
"""The template of the mail by which Phin itself confirms a refusal; no flow sends it."""


class Kind(StrEnum):
    """What a mail is for, which decides which rules it keeps."""

    MARKETING = "marketing"  # needs consent, carries the refusal
    TRANSACTIONAL = "transactional"  # follows from an order or a request; goes out without marketing consent


class MessageState(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"  # to be sent, not before its time
    CLAIMED = "claimed"  # a sender has it in hand; nothing was handed over
    TRANSMITTING = "transmitting"  # durably marked before SMTP sees the last line
    SENT = "sent"  # the server answered 250, or evidence says so
    SKIPPED = "skipped"  # a rule said no; the reason is kept
    CANCELLED = "cancelled"  # taken back before it was claimed
    FAILED = "failed"  # known not to have been taken; the code is kept
    UNKNOWN = "unknown"  # handed over, and no answer known: never sent again blindly
    BOUNCED = "bounced"  # taken, and returned
    COMPLAINED = "complained"  # taken, and called spam


MOVES: dict[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset(
        {MessageState.CLAIMED, MessageState.SKIPPED, MessageState.CANCELLED, MessageState.FAILED}
    ),
    MessageState.CLAIMED: frozenset(
        {
            MessageState.QUEUED,
            MessageState.TRANSMITTING,
            MessageState.SKIPPED,
            MessageState.CANCELLED,
            MessageState.FAILED,
        }
    ),
    MessageState.TRANSMITTING: frozenset(
        {
            MessageState.SENT,
            MessageState.QUEUED,
            MessageState.SKIPPED,  # not taken, and too late for another try
            MessageState.FAILED,
            MessageState.UNKNOWN,
        }
    ),
    MessageState.UNKNOWN: frozenset(
        {
            MessageState.SENT,
            MessageState.QUEUED,
            MessageState.SKIPPED,
            MessageState.FAILED,
            MessageState.BOUNCED,
            MessageState.COMPLAINED,
        }
    ),
    MessageState.SENT: frozenset({MessageState.BOUNCED, MessageState.COMPLAINED}),
    MessageState.BOUNCED: frozenset({MessageState.COMPLAINED}),
    MessageState.SKIPPED: frozenset(),
    MessageState.CANCELLED: frozenset(),
    MessageState.FAILED: frozenset(),
    MessageState.COMPLAINED: frozenset(),
}


def may_move(old: MessageState, new: MessageState) -> bool:
    """Say whether a message may go from one state to the other."""
    return new in MOVES[old]
