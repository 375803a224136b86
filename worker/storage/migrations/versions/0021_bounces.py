"""Reports of mails that came back, how far their mailbox was read, and what providers signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _index(name: str, columns: list[str], only: str) -> None:
    where = sa.text(only)
    op.create_index(name, "bounce", columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "bounce",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("diagnostic", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("message_id", Id, nullable=True),
        sa.Column("matched", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("size", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('counted', 'early', 'noted', 'unread')", name=op.f("ck_bounce_state")),
        sa.CheckConstraint(
            "class IN ('hard', 'soft', 'policy', 'complaint', 'delayed', 'delivered', 'auto-reply', 'challenge',"
            " 'other', 'unreadable')",
            name=op.f("ck_bounce_class"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce")),
        sa.UniqueConstraint("key", name=op.f("uq_bounce_key")),
    )
    _index("ix_bounce_unread", ["id"], "state = 'unread'")
    _index("ix_bounce_early", ["id"], "state = 'early'")
    _index("ix_bounce_soft", ["email", "received_at"], "class = 'soft'")
    _index("ix_bounce_email", ["email"], "email IS NOT NULL")
    _index("ix_bounce_message", ["message_id"], "message_id IS NOT NULL")
    op.create_index("ix_bounce_received", "bounce", ["received_at"])
    op.create_table(
        "bounce_mailbox",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bounce_mailbox")),
    )
    op.create_table(
        "provider_token",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_provider_token")),
    )
    op.create_index("ix_provider_token_at", "provider_token", ["at"])
