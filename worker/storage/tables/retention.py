"""How far the clearing of what was kept long enough has come, rule by rule."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

# A pass of a rule walks through its table by number, in slices; a clock that is killed goes on where it was. The next
# pass begins at `floor`: what has a smaller number is cleared, and stays so.
retention = Table(
    "retention",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("floor", Id, nullable=False, server_default="0"),
    Column("reached", Id, nullable=False, server_default="0"),
    Column("held", Id),  # the first number in this pass that has to wait: somebody still needs it
    Column("begun_at", Instant),  # when the last pass began
    Column("ended_at", Instant),  # when it came to its end; none while it is under way
    Column("cleared", Id, nullable=False, server_default="0"),  # rows in the last pass, and in all
    Column("cleared_in_all", Id, nullable=False, server_default="0"),
)
