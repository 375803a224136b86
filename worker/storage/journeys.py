"""Journeys: entered once a key, found when due or when a fact of their customer changed, moved on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    bindparam,
    literal_column,
    or_,
    select,
    text,
    update,
)

from worker.domain.advancing import Advance
from worker.domain.journeys import Journey, JourneyState
from worker.domain.matching import LastEntry
from worker.storage import tasks
from worker.storage.bulk import BulkUpdate
from worker.storage.read_again import ReadAgain
from worker.storage.rows import Insertion
from worker.storage.tables import journey, message

# Written as they stand and not bound or compared, so that both databases see that the partial indexes will do.
WAITING = journey.c.state == literal_column("'waiting'")
LOOK_AGAIN = text("journey.look_again")

_COLUMNS = (
    *(journey.c.id, journey.c.flow, journey.c.version_id, journey.c.customer_id, journey.c.once_key, journey.c.state),
    *(journey.c.entered_at, journey.c.step, journey.c.due_at, journey.c.turn, journey.c.event_id),
    *(journey.c.order_number, journey.c.request, journey.c.withdrawn, journey.c.day, journey.c.attempts),
)
_STATES = {state.value: state for state in JourneyState}

_OF_CUSTOMER = (
    select(journey)
    .where(journey.c.customer_id == bindparam("customer"), WAITING)
    .order_by(journey.c.id)
    .with_for_update(key_share=True)
)
_BY_ID = select(journey).where(journey.c.id.in_(bindparam("ids", expanding=True)), WAITING).order_by(journey.c.id)
_ANY_BY_ID = select(journey).where(journey.c.id.in_(bindparam("ids", expanding=True)))
_LAST_ENTRY = (
    select(journey.c.id, journey.c.entered_at)
    .where(journey.c.customer_id == bindparam("customer"), journey.c.flow == bindparam("flow"))
    .order_by(journey.c.entered_at.desc(), journey.c.id.desc())
    .limit(1)
)
_ENTER = Insertion(journey, lambda new: new.on_conflict_do_nothing().returning(journey.c.id))
_AT_NO_STEP = {"step": None, "due_at": None, "look_at": None, "reason": None, "ended_at": None, "withdrawn": False}
_MOVE = update(journey).where(
    journey.c.id == bindparam("of"), WAITING, journey.c.step.is_not_distinct_from(bindparam("stood_at"))
)
_MOVED = {
    "state": "text",
    "step": "text",
    "due_at": "timestamptz",
    "look_at": "timestamptz",
    "reason": "text",
    "ended_at": "timestamptz",
    "withdrawn": "boolean",
}
_MOVE_ALL = BulkUpdate(
    "journey",
    _MOVED,
    {**{name: f"{{{name}}}" for name in _MOVED}, "attempts": "0", "look_again": "false"},
    only="journey.state = 'waiting'",
)
_LOOK = update(journey).where(WAITING).values(look_again=True).returning(journey.c.id)
_WAKE = _LOOK.where(journey.c.id.in_(bindparam("ids", expanding=True)))
_MAY_LOOK = or_(journey.c.attempts == 0, journey.c.look_at <= bindparam("now", type_=journey.c.look_at.type))
_HOLD = _BY_ID.where(_MAY_LOOK).with_for_update(key_share=True, skip_locked=True)
_KEEP = _BY_ID.with_for_update(key_share=True)
_LOOKED = (
    update(journey)
    .where(
        journey.c.id.in_(bindparam("ids", expanding=True)),
        WAITING,
        or_(journey.c.look_again, journey.c.attempts > 0, journey.c.look_at.is_distinct_from(journey.c.due_at)),
    )
    .values(look_again=False, look_at=journey.c.due_at, attempts=0, reason=None)
)
_WAKE_OF = _LOOK.where(journey.c.customer_id.in_(bindparam("customers", expanding=True)))
_WAKE_IN = _LOOK.where(journey.c.flow.in_(bindparam("flows", expanding=True)))
_WAITING_OF_MESSAGES = select(journey.c.id, journey.c.version_id).where(
    WAITING,
    journey.c.id.in_(select(message.c.journey_id).where(message.c.id.in_(bindparam("messages", expanding=True)))),
)
_OWNERS = select(journey.c.version_id, journey.c.customer_id).where(
    journey.c.id.in_(bindparam("ids", expanding=True)), WAITING
)


def enter(connection: Connection, new: Journey, decided: Advance | None, now: datetime) -> Journey | None:
    """Write a journey that begins, once a key; returns it with its number, None where one has this key already.

    Parameters:
        new: with id 0; in the state `control` it is there to be compared with, and never moves.
        decided: its first decision, where it is made already: then the row says at once where that leads.
        now: when it was decided.
    """
    values: dict[str, Any] = {
        "flow": new.flow,
        "version_id": new.version_id,
        "customer_id": new.customer_id,
        "once_key": new.once_key,
        "entered_at": new.entered_at,
        "event_id": new.event_id,
        "order_number": new.order_number,
        "request": new.request,
        **(_stands(decided, now) if decided else {**_AT_NO_STEP, "state": new.state.value}),
    }
    number = connection.execute(_ENTER.on(connection), values).scalar()
    return None if number is None else replace(new, id=number)


def may_look(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition for journeys that do not wait for their next try after a failure."""
    return or_(journey.c.attempts == 0, journey.c.look_at <= now)


_NOW: BindParameter[datetime] = bindparam("now")
_MOST: BindParameter[int] = bindparam("most")
_WOKEN = select(journey.c.id).where(WAITING, LOOK_AGAIN, may_look(_NOW)).order_by(journey.c.id).limit(_MOST)
_DUE = select(journey.c.id).where(WAITING, journey.c.look_at <= _NOW).order_by(journey.c.look_at).limit(_MOST)


def due(connection: Connection, now: datetime, most: int) -> tuple[int, ...]:
    """Return the journeys that were told to look again, and those whose time has come: numbers, so many of each."""
    asked = {"now": now, "most": most}
    found = [*connection.execute(_WOKEN, asked).scalars(), *connection.execute(_DUE, asked).scalars()]
    return tuple(dict.fromkeys(found))


def under_way(connection: Connection, customer_id: int) -> list[Journey]:
    """Return the customer's journeys that have not ended, and keep them to this transaction.

    Whoever holds one of them is waited for, so that what is returned is where each stands.
    """
    return [from_row(row) for row in connection.execute(_OF_CUSTOMER, {"customer": customer_id})]


def hold(connection: Connection, ids: Sequence[int], now: datetime) -> list[Journey]:
    """Return those of the journeys that wait, and keep them to this transaction.

    One that another holds is left, and one that failed and is to be tried again later.
    """
    if not ids:
        return []
    return [from_row(row) for row in connection.execute(_HOLD, {"ids": list(ids), "now": now})]


def owners(connection: Connection, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return version and customer of those of the journeys that wait."""
    return [(version, of) for version, of in connection.execute(_OWNERS, {"ids": list(ids)})]


def keep(connection: Connection, ids: Sequence[int]) -> None:
    """Keep those of the journeys that wait to this transaction; waits for whoever holds one of them."""
    connection.execute(_KEEP, {"ids": list(ids)}).all()


def by_id(connection: Connection, ids: Sequence[int]) -> dict[int, Journey]:
    """Return journeys by our own number, ended ones too."""
    if not ids:
        return {}
    return {row.id: from_row(row) for row in connection.execute(_ANY_BY_ID, {"ids": list(ids)}).all()}


def wake(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Note that these journeys, those that wait, are to look again at what they wait for; returns their numbers.

    The note is as durable as the fact that changed: whoever dies before the journey has looked, it will look.
    """
    return sorted(connection.execute(_WAKE, {"ids": list(ids)}).scalars())


def wake_of(connection: Connection, customers: Sequence[int]) -> list[int]:
    """Do the same for all journeys of these customers, and for their tasks that a condition may close."""
    tasks.wake_of(connection, customers)
    return sorted(connection.execute(_WAKE_OF, {"customers": list(customers)}).scalars())


def wake_in(connection: Connection, flows: Sequence[str]) -> list[int]:
    """Do the same for all journeys of these flows."""
    return sorted(connection.execute(_WAKE_IN, {"flows": list(flows)}).scalars()) if flows else []


def looked(connection: Connection, ids: Sequence[int]) -> None:
    """Note that these journeys have looked at what they wait for, and stay: earlier failures are over."""
    connection.execute(_LOOKED, {"ids": list(ids)})


def waiting_of_messages(connection: Connection, message_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return the waiting journeys that wrote these messages, each with its version."""
    rows = connection.execute(_WAITING_OF_MESSAGES, {"messages": list(message_ids)})
    return [(number, version) for number, version in rows]


def last_entry(connection: Connection, customer_id: int, flow: str) -> LastEntry | None:
    """Return the customer's latest journey in a flow."""
    row = connection.execute(_LAST_ENTRY, {"customer": customer_id, "flow": flow}).first()
    return LastEntry(row.id, row.entered_at) if row else None


def move(connection: Connection, of: Journey, advance: Advance, now: datetime) -> bool:
    """Write where a journey stands after a decision, if it still stands where the decision found it; says whether."""
    moved = {"of": of.id, "stood_at": of.step, "attempts": 0, "look_again": False, **_stands(advance, now)}
    return connection.execute(_MOVE, moved).rowcount == 1


def move_all(connection: Connection, moves: Sequence[tuple[Journey, Advance]], now: datetime) -> None:
    """Write where journeys stand after a decision, of which this transaction holds each.

    Raises:
        RuntimeError: one of them has ended meanwhile, though it is held.
    """
    rows = [(of.id, *(decided[name] for name in _MOVED)) for of, advance in moves if (decided := _stands(advance, now))]
    if _MOVE_ALL.run(connection, rows) != len(rows):
        raise RuntimeError("a journey was ended by someone else, although this transaction holds it")


def _stands(advance: Advance, now: datetime) -> dict[str, Any]:
    """Return what the row says of where a journey stands after a decision."""
    return {
        "state": advance.state.value,
        "step": advance.step,
        "due_at": advance.due_at,
        "look_at": advance.due_at,
        "reason": advance.reason,
        "ended_at": None if advance.state is JourneyState.WAITING else now,
        "withdrawn": advance.withdraws,
    }


def postpone(connection: Connection, journey_id: int, until: datetime, reason: str, now: datetime) -> int:
    """Put off a journey that could not be decided, with the reason; when it is due stays.

    Returns:
        How often that happened to it; 0 where it waits for its next try already.
    """
    statement = (
        update(journey)
        .where(journey.c.id == journey_id, WAITING, may_look(now))
        .values(attempts=journey.c.attempts + 1, look_at=until, look_again=False, reason=reason)
        .returning(journey.c.attempts)
    )
    return connection.execute(statement).scalar() or 0


def count_deaths(connection: Connection, ids: Sequence[int], reason: str, now: datetime, limit: int) -> list[int]:
    """Count a try of each, at which a process died, and have it looked at again; returns those tried `limit` times."""
    tried = (
        update(journey)
        .where(journey.c.id.in_(list(ids)), WAITING)
        .values(attempts=journey.c.attempts + 1, look_at=now, reason=reason)
        .returning(journey.c.id, journey.c.attempts)
    )
    return sorted(row.id for row in connection.execute(tried) if row.attempts >= limit)


def defer(connection: Connection, ids: Sequence[int], until: datetime, reason: str) -> None:
    """Leave journeys alone until then, through no fault of theirs."""
    statement = update(journey).where(journey.c.id.in_(list(ids)), WAITING)
    connection.execute(statement.values(look_at=until, look_again=False, reason=reason))


def hold_back(connection: Connection, journey_id: int, until: datetime, reason: str) -> bool:
    """Leave a journey alone until then, through no fault of its own; says whether the reason is a new one."""
    other = select(journey.c.id).where(journey.c.id == journey_id, journey.c.reason.is_distinct_from(reason))
    is_new = connection.execute(other).first() is not None
    defer(connection, [journey_id], until, reason)
    return is_new


def fail(connection: Connection, journey_id: int, reason: str, now: datetime) -> None:
    """End a journey that cannot go on."""
    values = {"state": JourneyState.FAILED.value, "reason": reason, "ended_at": now, "due_at": None, "look_at": None}
    connection.execute(update(journey).where(journey.c.id == journey_id, WAITING).values(**values))


def from_row(row: Row[Any]) -> Journey:
    """Return the journey that a row of its table tells of."""
    return _journey([getattr(row, column.name) for column in _COLUMNS])


def again() -> ReadAgain[Journey]:
    """Return what reads journeys by their numbers, again and again."""
    return ReadAgain(_COLUMNS, journey, _journey)


def _journey(row: Sequence[Any]) -> Journey:
    id_, flow, version, customer, once_key, state, *rest = row
    return Journey(id_, flow, version, customer, once_key, _STATES[state], *rest)
