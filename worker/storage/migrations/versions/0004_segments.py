"""Segments, who is in them, and whose facts changed since that was last looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "segment",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("expression", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("title", Json, server_default="{}", nullable=False),
        sa.Column("about", Json, server_default="{}", nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.Column("filled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("pass_at", Instant(), nullable=True),
        sa.Column("reached", Id, server_default="0", nullable=False),
        sa.Column("checked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_segment")),
    )
    op.create_table(
        "segment_member",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("customer_id", Id, autoincrement=False, nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "customer_id", name=op.f("pk_segment_member")),
    )
    op.create_index("ix_segment_member_customer_id", "segment_member", ["customer_id"])
    op.create_table(
        "segment_mark",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_mark")),
    )
    op.create_index("ix_segment_mark_customer_id", "segment_mark", ["customer_id"])
