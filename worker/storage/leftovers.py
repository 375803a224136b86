"""What is left behind in the ledger: claims whose lease is over, and messages whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal_column, select, update

from worker.domain.messages import Kind, MessageState
from worker.storage.ledger import IN_HAND, stands
from worker.storage.tables import message

S = MessageState


@dataclass(frozen=True, slots=True)
class InHand:
    """A message that a claim still holds."""

    id: int
    state: MessageState
    attempts: int
    created_at: datetime
    expires_at: datetime | None
    crashes: int = 0


def take_back(connection: Connection, machine: datetime) -> list[int]:
    """Queue again what was claimed and whose lease is over: nothing of it was handed over. Returns the numbers.

    Its sender is gone, perhaps for one of them: that is a crash, not a try.
    """
    statement = (
        update(message)
        .where(stands(S.CLAIMED), IN_HAND, message.c.lease_until < machine)
        .values(
            state=S.QUEUED.value,
            claim=None,
            lease_until=None,
            attempts=message.c.attempts - 1,
            crashes=message.c.crashes + 1,
        )
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())


def give_up(connection: Connection, machine: datetime, now: datetime) -> list[int]:
    """Call unknown what was marked as transmitting and whose lease is over. Returns the numbers.

    The claim stays: its owner, or the owner's journal, may still tell what became of it.
    """
    statement = (
        update(message)
        .where(stands(S.TRANSMITTING), IN_HAND, message.c.lease_until < machine)
        .values(state=S.UNKNOWN.value, settled_at=now, lease_until=None, reason="no answer known")
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())


def in_hand_of(connection: Connection, token: str) -> dict[int, InHand]:
    """Return the messages that a claim still holds, by number."""
    statement = (
        select(
            message.c.id,
            message.c.state,
            message.c.attempts,
            message.c.created_at,
            message.c.expires_at,
            message.c.crashes,
        )
        .where(message.c.claim == token, stands(S.CLAIMED, S.TRANSMITTING, S.UNKNOWN))
        .order_by(message.c.id)
    )
    return {
        row.id: InHand(row.id, MessageState(row.state), row.attempts, row.created_at, row.expires_at, row.crashes)
        for row in connection.execute(statement)
    }


def unknown(connection: Connection, most: int = 200) -> list[Any]:
    """Return the rows of messages with an unknown outcome, the oldest first."""
    statement = select(message).where(stands(S.UNKNOWN)).order_by(message.c.id).limit(most)
    return list(connection.execute(statement))


def resolve_unknown(
    connection: Connection,
    kind: Kind,
    state: MessageState,
    reason: str,
    now: datetime,
    *,
    since: datetime | None = None,
    ids: Sequence[int] | None = None,
) -> list[int]:
    """Settle unknown messages of a kind by rule or by a person's word; returns the numbers.

    Parameters:
        since: only those that have been unknown since this time or longer.
        ids: only these.
    """
    statement = update(message).where(stands(S.UNKNOWN), message.c.kind == kind.value)
    if since is not None:
        statement = statement.where(message.c.settled_at <= since)
    if ids is not None:
        statement = statement.where(message.c.id.in_(list(ids)))
    values: dict[str, Any] = {"state": state.value, "reason": reason, "settled_at": now, "claim": None}
    if state is S.SENT:
        values["sent_at"] = message.c.transmitting_at
    if state is S.QUEUED:
        values["not_before"] = now
    return list(connection.execute(statement.values(**values).returning(message.c.id)).scalars())


def exhausted(connection: Connection, crashes: int, now: datetime) -> list[int]:
    """Set aside queued messages that were in hand at so many crashes: they kill their senders. Returns the numbers."""
    crashed = message.c.crashes > literal_column("0")  # written out, for the index over these alone
    statement = (
        update(message)
        .where(stands(S.QUEUED), crashed, message.c.crashes >= crashes)
        .values(state=S.FAILED.value, reason="its senders died too often", settled_at=now)
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())
