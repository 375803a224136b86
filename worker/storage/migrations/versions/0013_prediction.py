"""What is predicted of each customer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table of the model."""
    op.add_column("customer", sa.Column("alive", sa.Double(), nullable=True))
    op.add_column("customer", sa.Column("predicted_next_order_at", Instant(), nullable=True))
    op.create_table(
        "prediction",
        sa.Column("id", Id, nullable=False),
        sa.Column("fitted_at", Instant(), nullable=False),
        sa.Column("buyers", sa.Integer(), nullable=False),
        sa.Column("r", sa.Double(), nullable=True),
        sa.Column("alpha", sa.Double(), nullable=True),
        sa.Column("a", sa.Double(), nullable=True),
        sa.Column("b", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
    )
