"""Claims: which messages are due, taken in hand by one sender at a time, held for as long as it works."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Select, bindparam, literal_column, or_, select, update

from worker.domain.light import light
from worker.domain.messages import Kind, MessageState
from worker.storage.ledger import stands
from worker.storage.tables import message

S = MessageState

SUSPECT_FROM = 3  # crashes
PINNED = "pinned"  # among a message's values: it is for the address in its row, whichever the customer has by then


@light
@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that a sender has in hand."""

    id: int
    key: str
    customer_id: int | None
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
    staff: str | None = None  # key of the staff member whom it goes to; `customer_id` is None then
    task_id: int | None = None
    to: str | None = None  # the very address that it is for, where no other of the customer's will do
    relay: str | None = None  # that it was handed to before
    reason: str | None = None  # why it went back to the queue before


@dataclass(frozen=True, slots=True)
class Line:
    """Where messages wait to be claimed: in the line of their flow, or of those that belong to none."""

    flow: str | None


COLUMNS = (
    *(message.c.id, message.c.key, message.c.customer_id, message.c.kind, message.c.template, message.c.created_at),
    *(message.c.attempts, message.c.journey_id, message.c.flow, message.c.step, message.c.order_number),
    *(message.c["values"], message.c.expires_at, message.c.staff, message.c.task_id, message.c.email),
    *(message.c.relay, message.c.reason),
)
"""What `claimed_of` reads of a message's row."""

_KINDS = {kind.value: kind for kind in Kind}
_DUE = (
    select(message.c.not_before, message.c.id)
    .where(stands(S.QUEUED), message.c.not_before <= bindparam("now"))
    .order_by(message.c.not_before, message.c.id)
    .limit(bindparam("limit"))
)
_DUE_OF_FLOW = _DUE.where(message.c.flow == bindparam("flow"))
_DUE_OF_NO_FLOW = _DUE.where(message.c.flow.is_(None))


# Nobody need wait until a claim is on the disk. Where PostgreSQL dies and forgets it, nothing was handed over: a group
# is marked only where the claim still stands, and that commit is waited for, with all that was written before it. It
# holds for the whole transaction, so only for one that does nothing else.
_UNSYNCED = literal_column("(SELECT set_config('synchronous_commit', 'off', true))") == literal_column("'off'")


class _Taking:
    """A statement that takes messages in hand and whose commit is not waited for, in each dialect."""

    def __init__(self, picked: Select[int]) -> None:
        self._made = {"sqlite": _take(picked), "postgresql": _take(picked, _UNSYNCED)}

    def on(self, connection: Connection) -> Executable:
        """Return it in this connection's dialect."""
        return self._made[connection.dialect.name]


def _takes(*also: ColumnElement[bool]) -> tuple[_Taking, _Taking]:
    """Return what takes the innocent of some messages, and what takes one suspect."""
    asked = message.c.id.in_(bindparam("ids", expanding=True))
    ready = select(message.c.id).where(asked, stands(S.QUEUED), message.c.not_before <= bindparam("now"), *also)
    innocent = ready.where(message.c.crashes < SUSPECT_FROM)
    suspect = ready.where(message.c.crashes >= SUSPECT_FROM).order_by(message.c.id).limit(1)
    return _Taking(innocent), _Taking(suspect)


def _take(picked: Select[int], *also: ColumnElement[bool]) -> Executable:
    return (
        update(message)
        .where(message.c.id.in_(picked.with_for_update(skip_locked=True).scalar_subquery()), *also)
        .values(
            state=S.CLAIMED.value,
            claim=bindparam("token"),
            lease_until=bindparam("until"),
            attempts=message.c.attempts + 1,
        )
        .returning(*COLUMNS)
    )


_TAKE = _takes()
_WAITING_NOW = select(message.c.id).where(
    stands(S.QUEUED), message.c.not_before <= bindparam("now"), message.c.crashes < SUSPECT_FROM
)
_NEXT = _WAITING_NOW.order_by(message.c.not_before, message.c.id).limit(bindparam("most"))
_TAKE_NEXT = _take(_NEXT.where(message.c.flow == bindparam("of_flow")))
_TAKE_NEXT_OF_NO_FLOW = _take(_NEXT.where(message.c.flow.is_(None)))
_TAKE_WHERE_SOME_ARE_HELD = _takes(
    or_(message.c.flow.is_(None), message.c.flow.not_in(bindparam("held", expanding=True)))
)
_RENEW = (
    update(message)
    .where(message.c.claim == bindparam("token"), stands(S.CLAIMED, S.TRANSMITTING))
    .values(lease_until=bindparam("until"))
    .returning(message.c.id)
)


def due(connection: Connection, flows: Iterable[str], now: datetime, limit: int) -> list[int]:
    """Return the numbers of messages of these flows, and of none, that may be claimed now, the oldest first.

    Each flow is looked up by itself, so that what a held flow has in the queue costs nothing.
    """
    found = [tuple(row) for row in connection.execute(_DUE_OF_NO_FLOW, {"now": now, "limit": limit})]
    for flow in flows:
        found += [tuple(row) for row in connection.execute(_DUE_OF_FLOW, {"flow": flow, "now": now, "limit": limit})]
    return [number for _, number in sorted(found)[:limit]]


def claim(
    connection: Connection,
    ids: Collection[int],
    *,
    token: str,
    lease_until: datetime,
    now: datetime,
    held: Collection[str] = (),
) -> list[Claimed]:
    """Take those of these messages in hand that may go now; counts the try.

    What was in hand at `SUSPECT_FROM` crashes may be what kills its senders. It is a suspect, and taken alone, where
    nothing else is left to take: no innocent message shares its fate.

    PostgreSQL does not sync the transaction's commit: nothing may be written in it but this.

    Parameters:
        lease_until: machine time after which the claim may be taken back.
        held: flows of which nothing is sent now.
    """
    asked: dict[str, Any] = {"ids": list(ids), "now": now, "token": token, "until": lease_until}
    if held:
        asked["held"] = list(held)
    for statement in _TAKE_WHERE_SOME_ARE_HELD if held else _TAKE:
        rows = connection.execute(statement.on(connection), asked).all()
        taken = sorted((claimed_of(row) for row in rows), key=lambda one: one.id)
        if taken:
            return taken
    return []


def longest_line(connection: Connection, flows: Iterable[str], now: datetime) -> Line | None:
    """Return the line, of these flows and of none, whose first message has waited longest; None: nothing is due."""
    found: list[tuple[datetime, int, Line]] = []
    for flow in (None, *flows):
        asked = {"now": now, "limit": 1} | ({} if flow is None else {"flow": flow})
        row = connection.execute(_DUE_OF_NO_FLOW if flow is None else _DUE_OF_FLOW, asked).first()
        if row is not None:
            found.append((row.not_before, row.id, Line(flow)))
    return min(found, key=lambda one: one[:2])[2] if found else None


def claim_next(
    connection: Connection, line: Line, most: int, *, token: str, lease_until: datetime, now: datetime
) -> list[Claimed]:
    """Take the next messages of a line in hand, the oldest first; suspects (see `claim`) are left.

    What else is written in the transaction is as durable as ever.
    """
    asked: dict[str, Any] = {"most": most, "now": now, "token": token, "until": lease_until}
    if line.flow is None:
        rows = connection.execute(_TAKE_NEXT_OF_NO_FLOW, asked)
    else:
        rows = connection.execute(_TAKE_NEXT, {**asked, "of_flow": line.flow})
    return sorted((claimed_of(row) for row in rows.all()), key=lambda one: one.id)


def renew(connection: Connection, *, token: str, lease_until: datetime) -> set[int]:
    """Renew the lease on all that a claim still holds, even one that is over; returns their numbers."""
    return set(connection.execute(_RENEW, {"token": token, "until": lease_until}).scalars())


def claimed_of(row: Sequence[Any]) -> Claimed:
    """Return the `COLUMNS` of a message as what a sender works with."""
    id_, key, customer_id, kind, template, created_at, attempts, journey_id, flow, step, order_number, *rest = row
    values, expires_at, staff, task_id, email, relay, reason = rest
    return Claimed(
        id_,
        key,
        customer_id,
        _KINDS[kind],
        template,
        created_at,
        attempts,
        journey_id,
        flow,
        step,
        order_number,
        values or {},
        expires_at,
        staff,
        task_id,
        email if values and values.get(PINNED) else None,
        relay,
        reason,
    )
