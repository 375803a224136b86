"""Triggers that find customers: their turns, and what they find them by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.month_day import month_day
from worker.storage.types import Id, Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trigger_start",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "trigger", name=op.f("pk_trigger_start")),
    )
    op.create_table(
        "occurrence",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("turn", sa.Text(), nullable=False),
        sa.Column("moment", Instant(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("reached", Id, server_default="0", nullable=False),
        sa.Column("entered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done', 'late')", name=op.f("ck_occurrence_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrence")),
        sa.UniqueConstraint("flow", "trigger", "zone", "turn", name=op.f("uq_occurrence_flow_trigger_zone_turn")),
    )
    only_open = sa.text("state = 'open'")
    op.create_index("ix_occurrence_open", "occurrence", ["id"], sqlite_where=only_open, postgresql_where=only_open)
    op.create_table(
        "date_mark",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_date_mark")),
    )
    op.create_index("ix_customer_zone", "customer", ["timezone", "id"])
    op.create_index("ix_customer_birthday", "customer", [month_day(sa.column("birthday")), "timezone", "id"])
