"""What is in stock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Instant, Money

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "stock",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("quantity", Money()),
        sa.Column("told_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_stock")),
    )
    out = sa.text("NOT available")
    op.create_index("ix_stock_out", "stock", ["sku"], sqlite_where=out, postgresql_where=out)
