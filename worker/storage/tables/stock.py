"""Stock: which articles the shop has, as far as it told."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Text

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Instant, Money

# An article that nobody told of is in stock.
stock = Table(
    "stock",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("available", Boolean, nullable=False),
    Column("quantity", Money),  # where it was told
    Column("told_at", Instant, nullable=False),  # when it was so; what is older changes nothing
    partial_index("ix_stock_out", "sku", only="NOT available"),
)
