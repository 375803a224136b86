"""What flows said of events, found by time: why nobody entered a flow."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_event_trace_at", "event_trace", ["at"])
