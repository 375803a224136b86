"""Attributing: a purchase is credited to a mail when it is recorded."""

from __future__ import annotations

from sqlalchemy import Connection

from worker.domain.attribution import CreditRules
from worker.engine.recording import Recorded
from worker.storage import attribution
from worker.storage.pending import PendingEvent


def attribute(connection: Connection, rules: CreditRules, event: PendingEvent, recorded: Recorded) -> None:
    """Credit the order that an event placed, or told a coupon of; one of the past that was loaded too.

    Who never opened nor clicked anything and redeemed nothing costs no statement. Hits that are classed later credit
    what was bought meanwhile (`worker.delivery.hits`).
    """
    order, told = recorded.order, event.order or {}
    if order is None or order.placed_at is None or not (event.type == "purchase" or told.get("coupon")):
        return
    seen = recorded.customer.facts
    theirs = order.customer_id == recorded.customer.id
    if order.coupon or not theirs or seen.last_opened_at is not None or seen.last_clicked_at is not None:
        attribution.credit_orders(connection, [order.number], rules)
