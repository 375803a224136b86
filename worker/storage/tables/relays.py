"""Relays: what refuses our mail just now, how far what goes at a rate has come, and what relays answered last."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Integer, PrimaryKeyConstraint, Table, Text

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

# Only what was refused of late has a row: a thousand domains that take our mail cost nothing.
breaker = Table(
    "breaker",
    metadata,
    Column("relay", Text, nullable=False),
    Column("domain", Text, nullable=False),  # empty: the relay as a whole
    Column("state", Text, nullable=False),
    Column("strikes", Integer, nullable=False, server_default="0"),  # refusals in a row, while it is closed
    Column("opened", Integer, nullable=False, server_default="0"),  # times, since mail passed last
    Column("until", Instant),  # open: until then nothing passes; probing: by then the probe has its answer
    Column("message_id", Id, nullable=False),  # whose answer came last, or that is the probe
    Column("code", Integer),
    Column("answer", Text, nullable=False),  # without addresses
    Column("since", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("relay", "domain"),
    CheckConstraint("state IN ('closed', 'open', 'probing')", name="state"),
)

rate = Table(
    "rate",
    metadata,
    Column("key", Text, primary_key=True),  # `domain:gmail.com`, `relay:ses`, `day:ses:2026-12-01`
    Column("free_at", Instant, nullable=False),  # from when on the next mail has its turn
    Column("line_at", Instant, nullable=False),  # the last place given to a mail that waits
    Column("taken", Integer, nullable=False, server_default="0"),  # mails of a day, for warm-up
)

relay_answer = Table(
    "relay_answer",
    metadata,
    Column("relay", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Integer),
    Column("answer", Text, nullable=False),  # without addresses
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("relay", "outcome"),
)
