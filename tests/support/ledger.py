"""Rows that ledger tests start from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from worker.domain.messages import Kind, MessageState
from worker.storage import ledger
from worker.storage.ledger import NewMessage
from worker.storage.tables import customer, message

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)


def add_customer(connection: Connection, **values: Any) -> int:
    """Insert a customer, return our number of it."""
    made = {"created_at": NOW, "updated_at": NOW, **values}
    return int(connection.execute(insert(customer).values(**made).returning(customer.c.id)).scalar_one())


def queue(connection: Connection, *keys: str, customer_id: int | None = None, **values: Any) -> list[int]:
    """Queue a message for each key."""
    number = customer_id or add_customer(connection)
    given: dict[str, Any] = {"kind": Kind.TRANSACTIONAL, "template": "order-confirmation", "not_before": NOW, **values}
    return ledger.write(connection, [NewMessage(key=key, customer_id=number, **given) for key in keys], NOW)


def states(connection: Connection) -> dict[int, MessageState]:
    """Return the state of every message."""
    return {number: MessageState(state) for number, state in connection.execute(select(message.c.id, message.c.state))}
