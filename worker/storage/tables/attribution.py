"""Credits: to which mail each purchase is credited, if to any."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

# By the order's number, so that no purchase is counted twice. What it is worth stands in `orders`, where a refund
# lowers it.
credit = Table(
    "credit",
    metadata,
    Column("order_number", Text, primary_key=True),
    Column("flow", Text, nullable=False),
    Column("step", Text),
    Column("message_id", Id, ForeignKey("message.id")),  # none: a coupon whose flow sent no mail
    Column("journey_id", Id, ForeignKey("journey.id")),
    Column("by", Text, nullable=False),
    Column("touched_at", Instant, nullable=False),  # of the click, of the open; of the purchase for a coupon
    Column("placed_at", Instant, nullable=False),
    CheckConstraint("by IN ('coupon', 'click', 'open')", name="by"),
    Index("ix_credit_placed", "placed_at", "flow", "step"),
    Index("ix_credit_flow", "flow", "placed_at"),
    Index("ix_credit_message", "message_id"),
    Index("ix_credit_journey", "journey_id"),
)
