"""The ledger: messages written once a key, claimed by one sender at a time, settled by whoever holds the claim.

Every legal move stands in `worker.domain.messages.MOVES`. Each statement here names the state that it moves from,
so a late owner, a second worker or a replayed job changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, or_, select, update

from worker.domain.messages import Kind, MessageState
from worker.storage.rows import insert
from worker.storage.tables import message

S = MessageState

SUSPECT_FROM = 3  # tries


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A mail that is to go out.

    Parameters:
        key: what makes it one: `journey:12:thank-you:0`.
        values: values of `with:`, and the step's own `subject` and `from_name`, rendered.
    """

    key: str
    customer_id: int
    kind: Kind
    template: str
    not_before: datetime
    journey_id: int | None = None
    flow: str | None = None
    step: str | None = None
    order_number: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that a sender has in hand."""

    id: int
    key: str
    customer_id: int
    kind: Kind
    template: str
    created_at: datetime
    attempts: int
    journey_id: int | None
    flow: str | None
    step: str | None
    order_number: str | None
    values: Mapping[str, Any]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a message.

    Parameters:
        at: when, by the shop's clock.
        not_before: earliest next try, where it goes back to the queue.
        forgive: whether the try is not to count (nothing was wrong with the message).
    """

    message: int
    state: MessageState
    at: datetime
    reason: str | None = None
    code: int | None = None
    answer: str | None = None
    not_before: datetime | None = None
    forgive: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """What is written of a message when it is marked as transmitting."""

    message: int
    email: str
    language: str
    subject: str
    template_hash: str
    message_id: str
    tracked: bool


def write(connection: Connection, messages: Sequence[NewMessage], now: datetime) -> list[int]:
    """Queue messages, each key once; returns the numbers of those that are new."""
    written: list[int] = []
    statement = insert(connection, message).on_conflict_do_nothing().returning(message.c.id)
    for new in messages:
        number = connection.execute(
            statement,
            {
                "key": new.key,
                "customer_id": new.customer_id,
                "journey_id": new.journey_id,
                "flow": new.flow,
                "step": new.step,
                "kind": new.kind.value,
                "template": new.template,
                "order_number": new.order_number,
                "values": dict(new.values),
                "created_at": now,
                "not_before": new.not_before,
                "expires_at": new.expires_at,
            },
        ).scalar()
        if number is not None:
            written.append(number)
    return written


def may_go(now: datetime, held: Collection[str]) -> ColumnElement[bool]:
    """Return the condition for messages that may be claimed now; those of held flows wait."""
    due = and_(message.c.state == S.QUEUED.value, message.c.not_before <= now)
    return and_(due, or_(message.c.flow.is_(None), message.c.flow.not_in(list(held)))) if held else due


def claim(
    connection: Connection,
    ids: Sequence[int] | None,
    limit: int,
    *,
    token: str,
    lease_until: datetime,
    now: datetime,
    held: Collection[str] = (),
    suspects: bool = False,
) -> list[Claimed]:
    """Take messages in hand: those of `ids`, or whatever is due where `ids` is None; counts the try.

    What was tried `SUSPECT_FROM` times may be what kills its senders. It is taken only as a suspect, and alone, so
    that no innocent message shares its fate.

    Parameters:
        lease_until: machine time after which the claim may be taken back.
        held: flows of which nothing is sent now.
        suspects: whether to take one suspect instead.
    """
    tried = message.c.attempts >= SUSPECT_FROM if suspects else message.c.attempts < SUSPECT_FROM
    picked = select(message.c.id).where(may_go(now, held), tried).limit(1 if suspects else limit)
    if ids is None:
        picked = picked.order_by(message.c.not_before, message.c.id)
    else:
        picked = picked.where(message.c.id.in_(list(ids))).order_by(message.c.id)
    statement = (
        update(message)
        .where(message.c.id.in_(picked.with_for_update(skip_locked=True).scalar_subquery()))
        .values(state=S.CLAIMED.value, claim=token, lease_until=lease_until, attempts=message.c.attempts + 1)
        .returning(message)
    )
    return sorted((_claimed(row) for row in connection.execute(statement)), key=lambda one: one.id)


_MARK = (
    update(message)
    .where(
        message.c.id == bindparam("number"),
        message.c.state == S.CLAIMED.value,
        message.c.claim == bindparam("token"),
        message.c.lease_until > bindparam("machine"),
    )
    .values(
        state=S.TRANSMITTING.value,
        transmitting_at=bindparam("at"),
        lease_until=bindparam("lease"),
        email=bindparam("to"),
        language=bindparam("in_language"),
        subject=bindparam("with_subject"),
        template_hash=bindparam("hash"),
        message_id=bindparam("mail_id"),
        tracked=bindparam("with_tracking"),
    )
    .returning(message.c.id)
)


def mark(
    connection: Connection,
    marked: Sequence[Marked],
    *,
    token: str,
    machine: datetime,
    lease_until: datetime,
    now: datetime,
) -> set[int]:
    """Mark claimed messages as transmitting and renew their lease; returns those that still were this sender's."""
    ours: set[int] = set()
    for one in marked:
        number = connection.execute(
            _MARK,
            {
                "number": one.message,
                "token": token,
                "machine": machine,
                "lease": lease_until,
                "at": now,
                "to": one.email,
                "in_language": one.language,
                "with_subject": one.subject,
                "hash": one.template_hash,
                "mail_id": one.message_id,
                "with_tracking": one.tracked,
            },
        ).scalar()
        if number is not None:
            ours.add(number)
    return ours


_SETTLED = {
    "state": bindparam("to_state"),
    "reason": bindparam("why"),
    "code": bindparam("reply_code"),
    "answer": bindparam("reply"),
    "settled_at": bindparam("at"),
    "sent_at": bindparam("sent"),
    "not_before": func.coalesce(bindparam("later", type_=message.c.not_before.type), message.c.not_before),
    "attempts": message.c.attempts - bindparam("forgiven"),
    "lease_until": None,
}
_SETTLE = (
    update(message)
    .where(
        message.c.id == bindparam("number"),
        message.c.claim == bindparam("token"),
        message.c.state.in_([S.CLAIMED.value, S.TRANSMITTING.value, S.UNKNOWN.value]),
    )
    .values(**_SETTLED)
    .returning(message.c.id)
)


def settle(connection: Connection, settlements: Sequence[Settlement], *, token: str) -> set[int]:
    """Write what became of messages, where the claim is still this token's; returns those that were written.

    A sender that comes late may still tell what it knows of its own message, `unknown` by then.
    """
    written: set[int] = set()
    for one in settlements:
        number = connection.execute(
            _SETTLE,
            {
                "number": one.message,
                "token": token,
                "to_state": one.state.value,
                "why": one.reason,
                "reply_code": one.code,
                "reply": one.answer[:500] if one.answer else None,
                "at": one.at,
                "sent": one.at if one.state is S.SENT else None,
                "later": one.not_before,
                "forgiven": int(one.forgive),
            },
        ).scalar()
        if number is not None:
            written.add(number)
    return written


def cancel(connection: Connection, journey_id: int, reason: str, now: datetime) -> None:
    """Take back what a journey has in the queue."""
    connection.execute(
        update(message)
        .where(message.c.journey_id == journey_id, message.c.state == S.QUEUED.value)
        .values(state=S.CANCELLED.value, reason=reason, settled_at=now)
    )


def counts(connection: Connection) -> dict[MessageState, int]:
    """Return how many messages there are in each state."""
    rows = connection.execute(select(message.c.state, func.count()).group_by(message.c.state))
    return {MessageState(state): count for state, count in rows}


def _claimed(row: Row[Any]) -> Claimed:
    return Claimed(
        id=row.id,
        key=row.key,
        customer_id=row.customer_id,
        kind=Kind(row.kind),
        template=row.template,
        created_at=row.created_at,
        attempts=row.attempts,
        journey_id=row.journey_id,
        flow=row.flow,
        step=row.step,
        order_number=row.order_number,
        values=row._mapping["values"] or {},
        expires_at=row.expires_at,
    )
