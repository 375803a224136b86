"""Goals: the mails that an event may be credited to, and the goals that were reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from worker.domain.journeys import Journey
from worker.domain.orders import Order
from worker.storage.rows import insert
from worker.storage.tables import flow_version, goal, journey, message

# A mail that is being handed over may have been taken already: its sender writes that down a moment later.
_GONE = ("transmitting", "sent", "unknown")
_SENT_AT = func.coalesce(message.c.sent_at, message.c.transmitting_at)
_SENDS = (
    select(journey.c.id, message.c.id.label("message"), _SENT_AT.label("sent_at"))
    .select_from(
        journey.join(flow_version, journey.c.version_id == flow_version.c.id).join(
            message, message.c.journey_id == journey.c.id
        )
    )
    .where(
        journey.c.customer_id == bindparam("customer"),
        flow_version.c.goal_event == bindparam("event"),
        message.c.state.in_(_GONE),
        message.c.staff.is_(None),
        bindparam("since", type_=message.c.sent_at.type) <= _SENT_AT,
        bindparam("until", type_=message.c.sent_at.type) >= _SENT_AT,
    )
    .order_by(_SENT_AT.desc(), message.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class Sent:
    """The last mail that a journey sent by a moment."""

    journey: int
    message: int
    at: datetime


def sends(
    connection: Connection, customer_id: int, event_type: str, since: datetime, until: datetime
) -> Sequence[Sent]:
    """Return the customer's journeys that sent something in this time, the latest first, each with its last mail.

    Only journeys of versions whose goal is such an event, whatever newer versions of their flows say.
    """
    asked = {"customer": customer_id, "event": event_type, "since": since, "until": until}
    last: dict[int, Sent] = {}
    for row in connection.execute(_SENDS, asked):
        last.setdefault(row.id, Sent(row.id, row.message, row.sent_at))
    return list(last.values())


def reach(
    connection: Connection, of: Journey, message_id: int, event_id: int, order: Order | None, now: datetime
) -> bool:
    """Record that a journey reached its goal; says whether that is new.

    A journey reaches it once, and one event, or one order, is one success of a flow.

    Parameters:
        message_id: the mail that it is credited to.
        order: the order that it brought, whose total is the revenue; None for a goal without one.
    """
    values = {
        "journey_id": of.id,
        "flow": of.flow,
        "message_id": message_id,
        "event_id": event_id,
        "order_number": order.number if order else None,
        "amount": order.total if order else None,
        "currency": order.currency if order else None,
        "at": now,
    }
    statement = insert(connection, goal).on_conflict_do_nothing().returning(goal.c.journey_id)
    return connection.execute(statement, values).scalar() is not None
