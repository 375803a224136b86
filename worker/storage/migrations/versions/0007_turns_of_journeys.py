"""By which turn of the clock a journey was entered, and the day that it is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was entered before counts from when it was."""
    op.add_column("journey", sa.Column("turn_at", Instant(), nullable=True))
    op.add_column("journey", sa.Column("day", sa.Date(), nullable=True))
