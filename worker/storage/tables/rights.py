"""Who was erased, by keyed hash only, and the log of what staff and operators did, which is only ever added to."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant, Json

# An address or an id of the shop's that belonged to an erased person. When it appears again, nothing goes to it
# before the person has come back by themselves (`lifted_at`).
erased = Table(
    "erased",
    metadata,
    Column("hash", Text, primary_key=True),  # `worker.domain.pseudonyms`
    Column("kind", Text, nullable=False),
    Column("ring", Text, nullable=False),  # mark of the key that made the hash
    Column("at", Instant, nullable=False),
    Column("lifted_at", Instant),
    CheckConstraint("kind IN ('email', 'id')", name="kind"),
)

# Its migration keeps the rows as they were written: neither database takes a change of one, or its removal.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("way", Text, nullable=False),  # page, command line, api, clock
    Column("who", Text, nullable=False),  # key of a person of the staff, user of the machine, name of an ingest key
    Column("action", Text, nullable=False),
    Column("on", Text),  # what it was done to: `task 12`, `flow win-back`, `person 3f2a…`
    Column("detail", Json, nullable=False, server_default="{}"),  # numbers and words of ours, nothing of a person
    Index("ix_audit_at", "at"),
    partial_index("ix_audit_on", "on", "at", only='"on" IS NOT NULL'),
)
