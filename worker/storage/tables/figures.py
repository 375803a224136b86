"""Figures of the house for `/metrics`: totals that only go up, and how far into the other tables they were counted."""

from __future__ import annotations

from sqlalchemy import Column, Double, PrimaryKeyConstraint, Table, Text

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

# One value of a metric. Nothing here tells of a person: names of flows, states, reasons that rules know.
figure = Table(
    "figure",
    metadata,
    Column("name", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON, keys in order: `{"flow": "birthday"}`
    Column("value", Double, nullable=False),
    PrimaryKeyConstraint("name", "labels"),
)

# How far each source was counted. Whoever counts moves the mark and adds what was counted in one transaction, if the
# mark still stands where it was read: of two clocks that count the same, one adds.
tally = Table(
    "tally",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Id, nullable=False, server_default="0"),  # rows up to this number are counted
    Column("seen", Id, nullable=False, server_default="0"),  # the highest number at the last look
    Column("at", Instant),  # what happened before this moment is counted
)
