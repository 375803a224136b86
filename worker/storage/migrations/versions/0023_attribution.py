"""Purchases credited to mails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "credit",
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("message_id", Id),
        sa.Column("journey_id", Id),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("touched_at", Instant(), nullable=False),
        sa.Column("placed_at", Instant(), nullable=False),
        sa.CheckConstraint("by IN ('coupon', 'click', 'open')", name=op.f("ck_credit_by")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_credit_message_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journey.id"], name=op.f("fk_credit_journey_id")),
        sa.PrimaryKeyConstraint("order_number", name=op.f("pk_credit")),
    )
    op.create_index("ix_credit_placed", "credit", ["placed_at", "flow", "step"])
    op.create_index("ix_credit_flow", "credit", ["flow", "placed_at"])
    op.create_index("ix_credit_message", "credit", ["message_id"])
    op.create_index("ix_credit_journey", "credit", ["journey_id"])
