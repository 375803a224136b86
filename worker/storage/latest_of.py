"""The latest that there is of one customer: an order, an event of a type. Previews are made with it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from worker.domain.facts import Happening
from worker.domain.orders import Order
from worker.storage import facts, orders
from worker.storage.tables import event
from worker.storage.tables import orders as placed


def last_order(connection: Connection, customer: int) -> Order | None:
    """Return the order that a customer placed last, cancelled ones too; None where there is none."""
    newest = select(placed.c.number).where(placed.c.customer_id == customer)
    # by two ways that are both in the index: PostgreSQL puts missing times first when the order is descending
    dated = newest.where(placed.c.placed_at.is_not(None)).order_by(placed.c.placed_at.desc(), placed.c.id.desc())
    number = connection.scalar(dated.limit(1)) or connection.scalar(newest.order_by(placed.c.id.desc()).limit(1))
    return orders.by_number(connection, [number]).get(number) if number is not None else None


def last_event(
    connection: Connection, customer: int, types: Collection[str], order: str | None = None
) -> Happening | None:
    """Return what a customer's last processed event of some types reported; None where there is none.

    Parameters:
        order: number of the order that it is to be about; None: any.
    """
    found = select(event).where(
        event.c.customer_id == customer, event.c.state == "processed", event.c.type.in_(list(types))
    )
    if order is not None:
        found = found.where(event.c.order_number == order)
    row = connection.execute(found.order_by(event.c.occurred_at.desc(), event.c.id.desc()).limit(1)).first()
    return facts.happening(row) if row is not None else None
