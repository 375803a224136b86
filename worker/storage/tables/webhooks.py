"""Webhooks: what other systems are to be told, kept until they said yes or it was given up."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant

webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # journey, step and turn; the receiver knows it by it
    Column("flow", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("journey_id", Id, ForeignKey("journey.id"), nullable=False),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON, as it is signed and sent
    Column("state", Text, nullable=False, server_default="queued"),
    Column("created_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),  # while it is in hand: when it is taken again if nobody settles it
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claim", Text),  # token of whoever has it in hand
    Column("settled_at", Instant),
    Column("code", Integer),  # HTTP status of the last try
    Column("answer", Text),
    CheckConstraint("state IN ('queued', 'delivered', 'failed')", name="state"),
    partial_index("ix_webhook_queued", "flow", "not_before", "id", only="state = 'queued'"),
    partial_index("ix_webhook_failed", "settled_at", only="state = 'failed'"),
    Index("ix_webhook_journey", "journey_id"),
    Index("ix_webhook_customer", "customer_id"),
)
