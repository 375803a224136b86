"""Phin's own events: they come in through the front door, like those of the shop, under an id that stays the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from worker.domain.customers import Customer
from worker.domain.event_check import EventRules
from worker.engine.intake import examine
from worker.storage import events
from worker.storage.events import OWN_SOURCE, Descent

_log = structlog.get_logger(__name__)


def report(
    connection: Connection,
    rules: EventRules,
    id_: str,
    kind: str,
    customer: Customer,
    data: Mapping[str, Any],
    now: datetime,
    order_number: str | None = None,
    descent: Descent | None = None,
) -> tuple[int, ...]:
    """Report something about a customer in this transaction; returns the event's number where it is new.

    An erased customer is nobody of whom anything is reported.

    Parameters:
        descent: what it comes from, where a step brought it forth.
    """
    if customer.erased or not (customer.external_id or customer.email):
        return ()
    known = {"id": customer.external_id} if customer.external_id else {"email": customer.email}
    item: dict[str, Any] = {"id": id_, "type": kind, "time": now.isoformat(), "customer": known}
    item["data"] = {name: value for name, value in data.items() if value is not None}
    if order_number is not None:
        item["order"] = {"number": order_number}
    examined = examine([item], OWN_SOURCE, rules, now)
    for refusal in examined.refused:  # nothing that a customer can bring about
        _log.error("an event of our own is not taken in", type=kind, field=refusal.field, why=refusal.error)
    rows = [replace(row, descent=descent) for row in examined.rows]
    return tuple(stored.id for stored in events.add(connection, rows) if stored.id is not None)
