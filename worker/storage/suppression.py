"""Suppression: addresses to which nothing goes any more, each with its reason."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from worker.storage.rows import insert
from worker.storage.tables import address, message


def suppress_recipient(connection: Connection, message_id: int, reason: str, at: datetime) -> None:
    """Suppress the address that a message went to; the first reason stays."""
    email = connection.execute(select(message.c.email).where(message.c.id == message_id)).scalar()
    if email is None:
        return
    values = {"suppressed": reason, "suppressed_at": at}
    statement = insert(connection, address).values(email=email, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["email"], set_=values, where=address.c.suppressed.is_(None))
    )
