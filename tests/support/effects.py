"""A shop whose flows write to customers and bring forth events, worked on until nothing is left to do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tests.support.shop import Shop
from worker.domain.customers import Customer
from worker.storage import customers
from worker.storage.tables import event, event_trace

SETTINGS: dict[str, Any] = {
    "fields": {"tier": "text", "points": "number", "renews": "date", "vip": "boolean"},
    "events": {
        "level.up": {"level": "number"},
        "ping": {},
        "pong": {},
    },
}


def settle(shop: Shop, most: int = 1_000) -> int:
    """Do all that could be done now, as the sweep finds it; returns how many rounds that took."""
    for rounds in range(most):
        due = shop.due()
        if not due.events and not due.journeys:
            return rounds
        shop.process(due)
        shop.step()
    raise AssertionError("there is no end of it")


def person(shop: Shop, external_id: str = "c1") -> Customer:
    """Return a customer as known now."""
    with shop.database.reading() as connection:
        found = customers.by_external_id(connection, external_id)
    assert found is not None
    return found


def events(shop: Shop, kind: str) -> list[Any]:
    """Return the rows of the events of one type, in order."""
    with shop.database.reading() as connection:
        return list(connection.execute(select(event).where(event.c.type == kind).order_by(event.c.id)))


def said(shop: Shop) -> list[dict[str, Any]]:
    """Return all that flows said of events, in order."""
    with shop.database.reading() as connection:
        rows = connection.execute(select(event_trace.c.flows).order_by(event_trace.c.event_id)).scalars()
        return [line for flows in rows for line in flows]
