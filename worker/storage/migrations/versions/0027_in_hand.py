"""What senders have in hand is found by its claim; a second index of it cost each mail more than it spared."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_message_in_hand", table_name="message")
