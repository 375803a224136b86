"""Journeys: entered once a key, found when due or when a fact of their customer changed, moved on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update

from worker.domain.journeys import Advance, Journey, JourneyState
from worker.domain.matching import LastEntry
from worker.storage.rows import insert
from worker.storage.tables import journey, message

_WAITING = journey.c.state == JourneyState.WAITING.value
_OF_CUSTOMER = select(journey).where(journey.c.customer_id == bindparam("customer"), _WAITING).order_by(journey.c.id)
_BY_ID = (
    select(journey)
    .where(journey.c.id.in_(bindparam("ids", expanding=True)), _WAITING)
    .order_by(journey.c.id)
    .with_for_update(skip_locked=True)
)
_ANY_BY_ID = select(journey).where(journey.c.id.in_(bindparam("ids", expanding=True)))
_LAST_ENTRY = (
    select(journey.c.id, journey.c.entered_at)
    .where(journey.c.customer_id == bindparam("customer"), journey.c.flow == bindparam("flow"))
    .order_by(journey.c.entered_at.desc(), journey.c.id.desc())
    .limit(1)
)


def enter(
    connection: Connection,
    *,
    flow: str,
    version_id: int,
    customer_id: int,
    once_key: str,
    now: datetime,
    event_id: int | None,
    order_number: str | None,
    request: str | None,
) -> Journey | None:
    """Enter a customer, once a key; returns None where there is a journey under this key already."""
    values: dict[str, Any] = {
        "flow": flow,
        "version_id": version_id,
        "customer_id": customer_id,
        "once_key": once_key,
        "state": JourneyState.WAITING.value,
        "entered_at": now,
        "event_id": event_id,
        "order_number": order_number,
        "request": request,
    }
    statement = insert(connection, journey).on_conflict_do_nothing().returning(*journey.c)
    row = connection.execute(statement, values).first()
    return _journey(row) if row else None


def under_way(connection: Connection, customer_id: int) -> list[Journey]:
    """Return the customer's journeys that have not ended."""
    return [_journey(row) for row in connection.execute(_OF_CUSTOMER, {"customer": customer_id})]


def hold(connection: Connection, ids: Sequence[int]) -> list[Journey]:
    """Return those of the journeys that wait, and keep them to this transaction; one that another holds is left."""
    return [_journey(row) for row in connection.execute(_BY_ID, {"ids": list(ids)})] if ids else []


def by_id(connection: Connection, ids: Sequence[int]) -> dict[int, Journey]:
    """Return journeys by our own number, ended ones too."""
    if not ids:
        return {}
    return {row.id: _journey(row) for row in connection.execute(_ANY_BY_ID, {"ids": list(ids)})}


def wake(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Note that these journeys, those that wait, are to look again at what they wait for; returns their numbers.

    The note is as durable as the fact that changed: whoever dies before the journey has looked, it will look.
    """
    return _woken(connection, journey.c.id.in_(list(ids)))


def wake_of(connection: Connection, customers: Sequence[int]) -> list[int]:
    """Do the same for all journeys of these customers."""
    return _woken(connection, journey.c.customer_id.in_(list(customers)))


def _woken(connection: Connection, mine: ColumnElement[bool]) -> list[int]:
    statement = update(journey).where(_WAITING, mine).values(look_again=True).returning(journey.c.id)
    return sorted(connection.execute(statement).scalars())


def looked(connection: Connection, ids: Sequence[int]) -> None:
    """Note that these journeys have looked at what they wait for, and stay."""
    connection.execute(
        update(journey).where(journey.c.id.in_(list(ids)), journey.c.look_again).values(look_again=False)
    )


def waiting_of_messages(connection: Connection, message_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return the waiting journeys that wrote these messages, each with its version."""
    statement = select(journey.c.id, journey.c.version_id).where(
        _WAITING, journey.c.id.in_(select(message.c.journey_id).where(message.c.id.in_(list(message_ids))))
    )
    return [(number, version) for number, version in connection.execute(statement)]


def last_entry(connection: Connection, customer_id: int, flow: str) -> LastEntry | None:
    """Return the customer's latest journey in a flow."""
    row = connection.execute(_LAST_ENTRY, {"customer": customer_id, "flow": flow}).first()
    return LastEntry(row.id, row.entered_at) if row else None


def move(connection: Connection, journey_id: int, advance: Advance, now: datetime) -> None:
    """Write where a journey stands after a decision."""
    ended = None if advance.state is JourneyState.WAITING else now
    connection.execute(
        update(journey)
        .where(journey.c.id == journey_id)
        .values(
            state=advance.state.value,
            step=advance.step,
            due_at=advance.due_at,
            reason=advance.reason,
            ended_at=ended,
            withdrawn=advance.withdraws,
            attempts=0,
            look_again=False,
        )
    )


def postpone(connection: Connection, journey_id: int, until: datetime, reason: str) -> int:
    """Put off a journey that could not be decided, with the reason; returns how often that happened to it."""
    statement = (
        update(journey)
        .where(journey.c.id == journey_id)
        .values(attempts=journey.c.attempts + 1, due_at=until, reason=reason)
        .returning(journey.c.attempts)
    )
    return int(connection.execute(statement).scalar_one())


def fail(connection: Connection, journey_id: int, reason: str, now: datetime) -> None:
    """End a journey that cannot go on."""
    values = {"state": JourneyState.FAILED.value, "reason": reason, "ended_at": now, "due_at": None}
    connection.execute(update(journey).where(journey.c.id == journey_id).values(**values))


def count_under_way(connection: Connection) -> dict[tuple[str, int], int]:
    """Return how many journeys are under way, by flow and version id."""
    statement = select(journey.c.flow, journey.c.version_id, func.count()).where(_WAITING)
    return {
        (name, version): count
        for name, version, count in connection.execute(statement.group_by(journey.c.flow, journey.c.version_id))
    }


def _journey(row: Row[Any]) -> Journey:
    return Journey(
        id=row.id,
        flow=row.flow,
        version_id=row.version_id,
        customer_id=row.customer_id,
        once_key=row.once_key,
        state=JourneyState(row.state),
        entered_at=row.entered_at,
        step=row.step,
        due_at=row.due_at,
        turn=row.turn,
        event_id=row.event_id,
        order_number=row.order_number,
        request=row.request,
        withdrawn=row.withdrawn,
    )
