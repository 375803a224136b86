"""What was published when and by whom, so that it can be taken back; the processes that follow it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; what was published before stands, and cannot be taken back."""
    op.create_table(
        "publication",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("before_version_id", Id, nullable=True),
        sa.Column("before_status", sa.Text(), nullable=True),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("taken_back_at", Instant(), nullable=True),
        sa.Column("taken_back_by", sa.Text(), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication")),
        sa.ForeignKeyConstraint(["version_id"], ["flow_version.id"], name=op.f("fk_publication_version_id")),
        sa.ForeignKeyConstraint(
            ["before_version_id"], ["flow_version.id"], name=op.f("fk_publication_before_version_id")
        ),
    )
    op.create_index("ix_publication_flow", "publication", ["flow", "id"])
    op.create_table(
        "process",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("catalogue", Id, nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_process")),
    )
