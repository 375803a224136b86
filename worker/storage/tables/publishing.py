"""What was published when and by whom, and the processes that follow it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, false

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

# One publication of a flow: from which version and status to which. `phin rollback` takes the latest back that stands.
publication = Table(
    "publication",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("flow", Text, nullable=False),
    Column("version_id", Id, ForeignKey("flow_version.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("before_version_id", Id, ForeignKey("flow_version.id")),  # none of the first
    Column("before_status", Text),
    Column("change", Text, nullable=False),  # in words
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("taken_back_at", Instant),
    Column("taken_back_by", Text),
    # Whether a file that still says this is left alone: it was taken back, and the file says the same ever since.
    Column("held", Boolean, nullable=False, server_default=false()),
    Index("ix_publication_flow", "flow", "id"),
)

# A process that follows what is published, by its own word; one that ended in order has taken its row away.
process = Table(
    "process",
    metadata,
    Column("token", Text, primary_key=True),
    Column("name", Text, nullable=False),  # web, worker, clock; `worker 2` of phin up
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),  # machine time, as seen_at
    Column("seen_at", Instant, nullable=False),
    Column("catalogue", Id, nullable=False),  # the number that it follows
    Column("version", Text),  # of Phin, that it runs; none of one older than this column
)
