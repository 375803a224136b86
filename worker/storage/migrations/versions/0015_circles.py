"""Circles of flows that were stopped, which the pages tell of; mails to staff by when they went, told apart there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "circle",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_circle_event_id")),
        sa.PrimaryKeyConstraint("event_id", "flow", name=op.f("pk_circle")),
    )
    op.create_index("ix_circle_at", "circle", ["at"])
    to_staff = sa.text("staff IS NOT NULL")
    op.create_index(
        "ix_message_to_staff", "message", ["sent_at", "flow"], sqlite_where=to_staff, postgresql_where=to_staff
    )
