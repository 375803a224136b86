"""Coupons: codes that customers were given, and those that wait in pools which the shop loaded."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, false

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant, Money

# One code: a row without a customer waits in the pool of its name. What took it out of the pool, or had it made, is a
# journey's step in a turn, which gets one and no more.
coupon = Table(
    "coupon",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("code", Text, nullable=False, unique=True),  # in capitals (`worker.domain.coupons.normal_code`)
    Column("loaded", Boolean, nullable=False, server_default=false()),  # by the shop; else made here
    Column("percent", Money),
    Column("amount", Money),
    Column("currency", Text),
    Column("expires_at", Instant),  # the last second at which it is good
    Column("made_at", Instant, nullable=False),  # or loaded
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("journey_id", Id, ForeignKey("journey.id")),
    Column("step", Text),
    Column("turn", Integer),
    Column("given_at", Instant),
    Column("redeemed_at", Instant),
    Column("order_number", Text),  # of the order that redeemed it
    UniqueConstraint("journey_id", "step", "turn"),
    partial_index("ix_coupon_pool", "name", "made_at", "id", only="customer_id IS NULL AND redeemed_at IS NULL"),
    partial_index("ix_coupon_loaded", "name", only="loaded"),
    Index("ix_coupon_customer", "customer_id", "name"),
)
