"""Relays: breakers, rates, their last answers, and by which relay a mail went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the column."""
    op.create_table(
        "breaker",
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("strikes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('closed', 'open', 'probing')", name=op.f("ck_breaker_state")),
        sa.PrimaryKeyConstraint("relay", "domain", name=op.f("pk_breaker")),
    )
    op.create_table(
        "rate",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("free_at", Instant(), nullable=False),
        sa.Column("line_at", Instant(), nullable=False),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate")),
    )
    op.create_table(
        "relay_answer",
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "outcome", name=op.f("pk_relay_answer")),
    )
    op.add_column("message", sa.Column("relay", sa.Text(), nullable=True))
