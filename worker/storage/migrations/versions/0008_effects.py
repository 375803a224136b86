"""What flows write to customers, events that bring forth events, suppression by a step, and holdouts compared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant, Json, Money

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; what was there before was written, reported and suppressed by no step."""
    op.add_column("customer", sa.Column("written", Json, nullable=False, server_default="{}"))
    op.add_column("event", sa.Column("chain", Json, nullable=True))
    op.add_column("event", sa.Column("root", sa.Text(), nullable=True))
    given = sa.text("root IS NOT NULL")
    op.create_index("ix_event_root", "event", ["root"], sqlite_where=given, postgresql_where=given)
    op.add_column("address", sa.Column("marketing_suppressed", sa.Text(), nullable=True))
    op.add_column("address", sa.Column("marketing_suppressed_at", Instant(), nullable=True))
    op.add_column("address", sa.Column("marketing_suppressed_by", Id, nullable=True))
    op.add_column("flow_version", sa.Column("holdout", sa.Float(), nullable=True))
    op.add_column("flow_version", sa.Column("compared_within", sa.Integer(), nullable=True))
    op.add_column("journey", sa.Column("first_at", Instant(), nullable=True))
    op.create_table(
        "outcome",
        sa.Column("journey_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("amount", Money(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_outcome_event_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journey.id"], name=op.f("fk_outcome_journey_id")),
        sa.PrimaryKeyConstraint("journey_id", name=op.f("pk_outcome")),
    )
