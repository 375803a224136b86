"""The ledger: messages written once a key, marked and settled by the sender that holds the claim on them.

Every legal move stands in `worker.domain.messages.MOVES`. Each statement here names the state that it moves from,
so a late owner, a second worker or a replayed job changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, literal_column, select, update

from worker.domain.journeys import JourneyState
from worker.domain.light import light
from worker.domain.messages import Kind, MessageState
from worker.storage import write_behind
from worker.storage.bulk import BulkInsert, BulkUpdate
from worker.storage.tables import journey, message

S = MessageState


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A mail that is to go out.

    Parameters:
        key: what makes it one: `journey:12:thank-you:0`.
        customer_id: whom it goes to; None for a mail to `staff` (a person's key), which may be about a task.
        values: values of `with:`, and the step's own `subject` and `from_name`, rendered; what the flow says of
            `utm`, and its `topic`.
    """

    key: str
    customer_id: int | None
    kind: Kind
    template: str
    not_before: datetime
    journey_id: int | None = None
    flow: str | None = None
    step: str | None = None
    order_number: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    staff: str | None = None
    task_id: int | None = None


@light
@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a message.

    Parameters:
        at: when, by the shop's clock.
        not_before: earliest next try, where it goes back to the queue.
        forgive: whether the try is not to count (nothing was wrong with the message).
        crashed: whether its sender died and may have died of it.
    """

    message: int
    state: MessageState
    at: datetime
    reason: str | None = None
    code: int | None = None
    answer: str | None = None
    not_before: datetime | None = None
    forgive: bool = False
    crashed: bool = False


@light
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


_WRITE = BulkInsert(
    "message",
    {
        "key": "text",
        "customer_id": "bigint",
        "journey_id": "bigint",
        "flow": "text",
        "step": "text",
        "kind": "text",
        "template": "text",
        "order_number": "text",
        "values": "jsonb",
        "created_at": "timestamptz",
        "not_before": "timestamptz",
        "expires_at": "timestamptz",
        "staff": "text",
        "task_id": "bigint",
    },
    finish="ON CONFLICT DO NOTHING",
)


def write(connection: Connection, messages: Sequence[NewMessage], now: datetime) -> list[int]:
    """Queue messages, each key once; returns the numbers of those that are new."""
    return _WRITE.run_numbered(connection, _rows(messages, now))


def write_at_end(connection: Connection, messages: Sequence[NewMessage], now: datetime) -> Sequence[int]:
    """Do the same: in a block that gathers (`write_behind`) at its end, which has the numbers then, else now."""
    return write_behind.write(connection, _WRITE.run_numbered, _rows(messages, now))


def _rows(messages: Sequence[NewMessage], now: datetime) -> list[write_behind.Row]:
    return [
        (
            *(new.key, new.customer_id, new.journey_id, new.flow, new.step, new.kind.value, new.template),
            *(new.order_number, dict(new.values), now, new.not_before, new.expires_at, new.staff, new.task_id),
        )
        for new in messages
    ]


def stands(*states: MessageState) -> ColumnElement[bool]:
    """Return the condition for messages in one of these states.

    The states are written out: only so do both databases see that an index over a part of the rows will do.
    """
    words: list[ColumnElement[str]] = [literal_column(f"'{state.value}'") for state in states]
    return message.c.state == words[0] if len(words) == 1 else message.c.state.in_(words)


IN_HAND = and_(stands(S.CLAIMED, S.TRANSMITTING), message.c.claim > literal_column("''"))
"""Messages that some sender has in hand: each has its claim then, by which an index has these few."""


def _write_held(
    connection: Connection, changes: BulkUpdate, rows: Sequence[tuple[Any, ...]], token: str, *states: MessageState
) -> set[int]:
    """Write those of these rows that a claim holds in such a state, by number; returns which they are.

    On PostgreSQL one statement looks and writes, and finds the rows by their numbers.
    """
    if not rows:
        return set()
    if connection.dialect.name == "postgresql":
        ordered = sorted(rows, key=itemgetter(0))
        return changes.run_where(connection, ordered, _of_claim(*states), {"token": token})
    held = set(connection.execute(_held(*states), {"token": token}).scalars())
    mine = [row for row in rows if row[0] in held]
    changes.run(connection, mine)
    return {row[0] for row in mine}


@cache
def _of_claim(*states: MessageState) -> str:
    """Return the condition, in a form that no index serves: by one, all rows of the claim would be held to each given.

    The numbers lead to each row at once.
    """
    words = ", ".join(f"'{state.value}'" for state in states)
    return f"CASE WHEN message.claim = %(token)s THEN message.state IN ({words}) END"


@cache
def _held(*states: MessageState) -> Select[int]:
    """Return what asks for all that a claim holds: a batch at most, and one range of an index."""
    return select(message.c.id).where(message.c.claim == bindparam("token"), stands(*states)).order_by(message.c.id)


_MARK = BulkUpdate(
    "message",
    {"at": "timestamptz", "email": "text", "language": "text", "subject": "text", "template_hash": "text"}
    | {"message_id": "text", "tracked": "boolean", "relay": "text"},
    {
        "state": f"'{S.TRANSMITTING.value}'",
        "transmitting_at": "{at}",
        "email": "{email}",
        "language": "{language}",
        "subject": "{subject}",
        "template_hash": "{template_hash}",
        "message_id": "{message_id}",
        "tracked": "{tracked}",
        "relay": "{relay}",
    },
)


def mark(
    connection: Connection, marked: Sequence[Marked], *, token: str, now: datetime, relay: str | None = None
) -> set[int]:
    """Mark claimed messages as transmitting by a relay; returns those that still were this sender's."""
    rows = [
        (one.message, now, one.email, one.language, one.subject, one.template_hash, one.message_id, one.tracked, relay)
        for one in marked
    ]
    return _write_held(connection, _MARK, rows, token, S.CLAIMED)


_SETTLE = BulkUpdate(
    "message",
    {"state": "text", "reason": "text", "code": "integer", "answer": "text", "at": "timestamptz"}
    | {"sent_at": "timestamptz", "later": "timestamptz", "forgiven": "integer", "crashed": "integer"},
    {
        "state": "{state}",
        "reason": "{reason}",
        "code": "{code}",
        "answer": "{answer}",
        "settled_at": "{at}",
        "sent_at": "{sent_at}",
        "not_before": "coalesce({later}, message.not_before)",
        "attempts": "message.attempts - {forgiven}",
        "crashes": "message.crashes + {crashed}",
        "claim": "NULL",
        "lease_until": "NULL",
    },
)


def settle(connection: Connection, settlements: Sequence[Settlement], *, token: str) -> set[int]:
    """Write what became of messages, where the claim is still this token's; returns those that were written.

    The claim ends with it, also where the outcome is unknown: what its owner could tell has been told, and its journal
    will tell of it no more, so that whoever looks after the owner later must not take it for never handed over. Only a
    message that was given up by its lease keeps its claim: its owner may still come and tell.
    """
    if not settlements:
        return set()
    rows = [
        (
            one.message,
            one.state.value,
            one.reason,
            one.code,
            one.answer[:500] if one.answer else None,
            one.at,
            one.at if one.state is S.SENT else None,
            one.not_before,
            int(one.forgive),
            int(one.crashed),
        )
        for one in settlements
    ]
    return _write_held(connection, _SETTLE, rows, token, S.CLAIMED, S.TRANSMITTING, S.UNKNOWN)


_CANCEL = (
    update(message)
    .where(stands(S.QUEUED))
    .values(state=S.CANCELLED.value, reason=bindparam("why"), settled_at=bindparam("at"))
)
_CANCEL_OF_JOURNEY = _CANCEL.where(message.c.journey_id == bindparam("of"))
_CANCEL_OF_TASK = _CANCEL.where(message.c.task_id == bindparam("of"))


def cancel(connection: Connection, journey_id: int, reason: str, now: datetime) -> None:
    """Take back what a journey has in the queue."""
    write_behind.catch_up(connection)
    connection.execute(_CANCEL_OF_JOURNEY, {"of": journey_id, "why": reason, "at": now})


def cancel_of_task(connection: Connection, task_id: int, reason: str, now: datetime) -> None:
    """Take back what is in the queue about a task."""
    connection.execute(_CANCEL_OF_TASK, {"of": task_id, "why": reason, "at": now})


_OWNERS = select(message.c.id, message.c.customer_id).where(message.c.id.in_(bindparam("ids", expanding=True)))


def owners(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return whose each message is now: a guest who was joined has given theirs to the customer of the shop.

    Mails to staff are nobody's, and left out.
    """
    rows = connection.execute(_OWNERS, {"ids": list(ids)})
    return {row.id: row.customer_id for row in rows if row.customer_id is not None}


_UNSENT_OF_ENDED = (
    select(journey.c.id)
    .distinct()
    .join(message, message.c.journey_id == journey.c.id)
    .where(
        message.c.customer_id == bindparam("customer"),
        stands(S.QUEUED, S.CLAIMED),
        journey.c.state.in_([JourneyState.DONE.value, JourneyState.EXITED.value]),
        journey.c.withdrawn.is_(False),
    )
    .order_by(journey.c.id)
)


def unsent_of_ended(connection: Connection, customer_id: int) -> list[int]:
    """Return the customer's journeys that ran to an end of their own and have a mail that was not yet handed over."""
    write_behind.catch_up(connection)
    return list(connection.execute(_UNSENT_OF_ENDED, {"customer": customer_id}).scalars())


def withdraw(connection: Connection, journey_id: int, reason: str, now: datetime) -> None:
    """Take back what a journey has in the queue; what a sender has in hand it will find withdrawn."""
    connection.execute(update(journey).where(journey.c.id == journey_id).values(withdrawn=True))
    cancel(connection, journey_id, reason, now)


def counts(connection: Connection, *, staff: bool = False) -> dict[MessageState, int]:
    """Return how many messages there are in each state: those to customers, or those to staff."""
    mine = message.c.staff.is_not(None) if staff else message.c.staff.is_(None)
    rows = connection.execute(select(message.c.state, func.count()).where(mine).group_by(message.c.state))
    return {MessageState(state): count for state, count in rows}
