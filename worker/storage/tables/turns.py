"""Triggers of the clock: from when on each counts, the turns that came, and whose dates moved since."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text, UniqueConstraint

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant

# A trigger (in words) of a flow, and when it was published first: what came before enters nobody.
trigger_start = Table(
    "trigger_start",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("trigger", Text, primary_key=True),
    Column("since", Instant, nullable=False),
)

# A turn of a trigger, for all customers or those of one zone: written once by whichever clock comes first, worked
# through in slices by the customers' numbers, so that a clock that is killed goes on where it was.
occurrence = Table(
    "occurrence",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("flow", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("zone", Text, nullable=False),  # a customer's, '' for those without one, '*' for all
    Column("turn", Text, nullable=False),  # its name within the trigger
    Column("moment", Instant, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("reached", Id, nullable=False, server_default="0"),  # the customer up to whom it has come
    Column("entered", Integer, nullable=False, server_default="0"),
    Column("found_at", Instant, nullable=False),
    Column("ended_at", Instant),
    UniqueConstraint("flow", "trigger", "zone", "turn"),
    CheckConstraint("state IN ('open', 'done', 'late')", name="state"),
    partial_index("ix_occurrence_open", "id", only="state = 'open'"),
)

# A customer of whom a date changed that some flow goes by, or the zone: written with the change, taken away by
# whoever has looked whether a moment has passed by it. Only ever added to, so that nobody waits for another here.
date_mark = Table(
    "date_mark",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("customer_id", Id, nullable=False),
    Column("field", Text, nullable=False),  # as conditions name it, `customer.birthday`
)
