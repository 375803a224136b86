"""Segments as published, who is in them, and whose facts changed since that was last looked at."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, false

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant, Json

# A segment of config/segments.yaml. One that is gone from the file can still be read by journeys that name it.
segment = Table(
    "segment",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, nullable=False),  # counts the changes of its meaning from 1
    Column("position", Integer, nullable=False),  # in the file
    Column("expression", Text, nullable=False),
    Column("meaning", Text, nullable=False),  # hash of the condition, of those it names, and of the limits it uses
    Column("title", Json, nullable=False, server_default="{}"),
    Column("about", Json, nullable=False, server_default="{}"),
    Column("published_at", Instant, nullable=False),
    Column("gone_at", Instant),
    # A pass looks at every customer, in slices. The first after a change of meaning starts no flow.
    Column("filled", Boolean, nullable=False, server_default=false()),  # whether that first pass is over
    Column("pass_at", Instant),  # when the pass began that is under way
    Column("reached", Id, nullable=False, server_default="0"),  # the customer up to whom it has come
    Column("checked_at", Instant),  # when the last whole pass began
)

# No foreign keys: millions of rows, written from `customer` and `segment` themselves, of which no row is ever deleted.
segment_member = Table(
    "segment_member",
    metadata,
    Column("segment", Text, primary_key=True),
    Column("customer_id", Id, primary_key=True, autoincrement=False),
    Column("since", Instant, nullable=False),
    Index("ix_segment_member_customer_id", "customer_id"),
)

# A customer whose facts changed: written with the change, taken away by whoever has looked. Only ever added to, so
# that nobody waits for another here.
segment_mark = Table(
    "segment_mark",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("customer_id", Id, nullable=False, index=True),
    Column("quiet", Boolean, nullable=False),  # what changed is history: it starts no flow
)
