"""Orders with their lines and the history of their status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from worker.domain.orders import Order, OrderLine, Told
from worker.storage import write_behind
from worker.storage.bulk import BulkInsert
from worker.storage.rows import Insertion
from worker.storage.tables import order_line, orders

_TOLD = TypeAdapter(Told)
_BY_NUMBER = select(orders).where(orders.c.number.in_(bindparam("numbers", expanding=True)))
_COUNTED_OF = (
    select(orders)
    .where(orders.c.customer_id.in_(bindparam("customers", expanding=True)), orders.c.counted)
    .order_by(orders.c.placed_at, orders.c.id)
)
_LINES = (
    select(order_line)
    .where(order_line.c.order_id.in_(bindparam("orders", expanding=True)))
    .order_by(order_line.c.order_id, order_line.c.position)
)
_ADD = Insertion(orders, lambda new: new.returning(orders.c.id))
_CHANGE = update(orders).where(orders.c.id == bindparam("of"))
_LINES_OF = BulkInsert(
    "order_line",
    {
        "order_id": "bigint",
        "position": "integer",
        "sku": "text",
        "name": "text",
        "category": "text",
        "quantity": "integer",
        "price": "numeric",
    },
)
_STATUSES = BulkInsert(
    "order_status", {"order_id": "bigint", "status": "text", "at": "timestamptz", "event_id": "bigint"}
)


def by_number(connection: Connection, numbers: Sequence[str]) -> dict[str, Order]:
    """Return orders with their lines by the shop's number; those that are not there are left out."""
    if not numbers:
        return {}
    rows = connection.execute(_BY_NUMBER, {"numbers": list(numbers)}).all()
    return {order.number: order for order in _with_lines(connection, rows)}


def known(connection: Connection, number: str) -> tuple[Order | None, Told]:
    """Return an order by the shop's number, None where there is none yet, and what events have told of it."""
    return all_known(connection, [number])[number]


def all_known(connection: Connection, numbers: Sequence[str]) -> dict[str, tuple[Order | None, Told]]:
    """Return the same of several orders, each by its number."""
    found: dict[str, tuple[Order | None, Told]] = {number: (None, Told()) for number in numbers}
    rows = connection.execute(_BY_NUMBER, {"numbers": list(numbers)}).all() if numbers else ()
    for row, order in zip(rows, _with_lines(connection, rows), strict=True):
        found[order.number] = order, _TOLD.validate_python(row.told)
    return found


def counted_of(connection: Connection, customer_ids: Sequence[int]) -> dict[int, tuple[Order, ...]]:
    """Return each customer's counted orders with their lines, oldest first."""
    if not customer_ids:
        return {}
    rows = connection.execute(_COUNTED_OF, {"customers": list(customer_ids)}).all()
    found: dict[int, tuple[Order, ...]] = {}
    for order in _with_lines(connection, rows):
        found[order.customer_id] = (*found.get(order.customer_id, ()), order)
    return found


def save(connection: Connection, order: Order, told: Told) -> int:
    """Write an order as it stands now, but for its lines; one with id 0 is made. Returns our number of it.

    Parameters:
        told: what events have told of it.
    """
    values: dict[str, Any] = {
        "number": order.number,
        "customer_id": order.customer_id,
        "total": order.total,
        "currency": order.currency,
        "status": order.status,
        "status_at": order.status_at,
        "coupon": order.coupon,
        "placed_at": order.placed_at,
        "refunded": order.refunded,
        "counted": order.counted,
        "told": _TOLD.dump_python(told, mode="json", exclude_defaults=True),
    }
    if order.id:
        connection.execute(_CHANGE, {"of": order.id, **values})
        return order.id
    return int(connection.execute(_ADD.on(connection), values).scalar_one())


def save_lines(connection: Connection, order_id: int, lines: Sequence[OrderLine], *, new: bool) -> None:
    """Put the lines in the place of those that the order had."""
    if not new:
        write_behind.catch_up(connection)
        connection.execute(delete(order_line).where(order_line.c.order_id == order_id))
    rows = [
        (order_id, place, line.sku, line.name, line.category, line.quantity, line.price)
        for place, line in enumerate(lines)
    ]
    write_behind.write(connection, _LINES_OF.run, rows)


def add_status(connection: Connection, order_id: int, status: str, at: datetime, event_id: int) -> None:
    """Append to the history of an order's status."""
    write_behind.write(connection, _STATUSES.run, [(order_id, status, at, event_id)])


def _with_lines(connection: Connection, rows: Sequence[Row[Any]]) -> list[Order]:
    lines: dict[int, list[OrderLine]] = {row.id: [] for row in rows}
    if lines:
        write_behind.catch_up(connection)
        for row in connection.execute(_LINES, {"orders": list(lines)}):
            lines[row.order_id].append(OrderLine(row.sku, row.name, row.category, row.quantity, row.price))
    return [
        Order(
            id=row.id,
            number=row.number,
            customer_id=row.customer_id,
            total=row.total,
            currency=row.currency,
            status=row.status,
            lines=tuple(lines[row.id]),
            coupon=row.coupon,
            placed_at=row.placed_at,
            status_at=row.status_at,
            refunded=row.refunded,
            counted=row.counted,
        )
        for row in rows
    ]
