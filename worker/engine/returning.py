"""People who were erased and turn up again: what is told of their time before is dropped, and nothing goes to them.

Mail about an order that they place afterwards goes again, since they ask for it (Article 6(1)(b) of Regulation (EU)
2016/679); advertising only when they subscribe anew.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from worker.domain.customers import Customer
from worker.domain.pseudonyms import Pseudonyms
from worker.storage import erasure
from worker.storage.pending import PendingEvent


def drop(connection: Connection, pseudonyms: Pseudonyms, event: PendingEvent) -> None:
    """Close an event of somebody's time before they were erased."""
    erasure.drop_event(connection, event.id, pseudonyms)


def welcome(
    connection: Connection, pseudonyms: Pseudonyms, customer: Customer, event: PendingEvent, now: datetime
) -> bool:
    """Let mail go again to somebody who was erased, where the event says that they came back; says whether it does.

    They came back if they placed an order, or subscribed, after they were erased: an event that is told late, or
    loaded as the past, says nothing of that.
    """
    ordered = event.type == "purchase" and event.order is not None
    subscribed = event.type == "subscribed"
    if customer.email is None or event.history or not (ordered or subscribed):
        return False
    if subscribed:
        erasure.come_back(connection, pseudonyms, customer.external_id, customer.email, now)
    if customer.consent.suppressed != erasure.REASON:
        return False
    erasure.lift(connection, customer.email)
    return True
