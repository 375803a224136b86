"""What is left behind in the ledger: claims whose lease is over, and messages whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from worker.domain.messages import Kind, MessageState
from worker.storage.tables import message

S = MessageState


def take_back(connection: Connection, machine: datetime) -> list[int]:
    """Queue again what was claimed and whose lease is over: nothing of it was handed over. Returns the numbers."""
    statement = (
        update(message)
        .where(message.c.state == S.CLAIMED.value, message.c.lease_until < machine)
        .values(state=S.QUEUED.value, claim=None, lease_until=None)
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())


def give_up(connection: Connection, machine: datetime, now: datetime) -> list[int]:
    """Call unknown what was marked as transmitting and whose lease is over. Returns the numbers."""
    statement = (
        update(message)
        .where(message.c.state == S.TRANSMITTING.value, message.c.lease_until < machine)
        .values(state=S.UNKNOWN.value, settled_at=now, lease_until=None, reason="no answer known")
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())


def in_hand_of(connection: Connection, token: str) -> dict[int, tuple[MessageState, int, datetime | None]]:
    """Return the messages that a claim still holds, each with its state, its tries and when it expires."""
    statement = select(message.c.id, message.c.state, message.c.attempts, message.c.expires_at).where(
        message.c.claim == token, message.c.state.in_([S.CLAIMED.value, S.TRANSMITTING.value, S.UNKNOWN.value])
    )
    return {row.id: (MessageState(row.state), row.attempts, row.expires_at) for row in connection.execute(statement)}


def unknown(connection: Connection, most: int = 200) -> list[Any]:
    """Return the rows of messages with an unknown outcome, the oldest first."""
    statement = select(message).where(message.c.state == S.UNKNOWN.value).order_by(message.c.id).limit(most)
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
    statement = update(message).where(message.c.state == S.UNKNOWN.value, message.c.kind == kind.value)
    if since is not None:
        statement = statement.where(message.c.settled_at <= since)
    if ids is not None:
        statement = statement.where(message.c.id.in_(list(ids)))
    values: dict[str, Any] = {"state": state.value, "reason": reason, "settled_at": now}
    if state is S.SENT:
        values["sent_at"] = message.c.transmitting_at
    if state is S.QUEUED:
        values |= {"claim": None, "not_before": now}
    return list(connection.execute(statement.values(**values).returning(message.c.id)).scalars())


def exhausted(connection: Connection, attempts: int, now: datetime) -> list[int]:
    """Set aside queued messages that were tried often enough, most likely killing their worker. Returns the numbers."""
    statement = (
        update(message)
        .where(message.c.state == S.QUEUED.value, message.c.attempts >= attempts)
        .values(state=S.FAILED.value, reason="tried too often", settled_at=now)
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())
