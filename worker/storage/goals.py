"""Goals reached: one for each journey, credited to a message."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from worker.domain.orders import Order
from worker.storage.rows import insert
from worker.storage.tables import goal


def reach(
    connection: Connection, journey_id: int, message_id: int, event_id: int, order: Order | None, now: datetime
) -> bool:
    """Record that a journey reached its goal; says whether that is new.

    Parameters:
        message_id: the mail that it is credited to.
        order: the order that it brought, whose total is the revenue; None for a goal without one.
    """
    values = {
        "journey_id": journey_id,
        "message_id": message_id,
        "event_id": event_id,
        "order_number": order.number if order else None,
        "amount": order.total if order else None,
        "currency": order.currency if order else None,
        "at": now,
    }
    statement = insert(connection, goal).on_conflict_do_nothing().returning(goal.c.journey_id)
    return connection.execute(statement, values).scalar() is not None
