"""What the sending rules look up: when advertising went to an address."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ADVERTISED = "kind = 'marketing' AND transmitting_at IS NOT NULL"


def upgrade() -> None:
    """Add the index."""
    only, columns = text(_ADVERTISED), ["email", "transmitting_at"]
    op.create_index("ix_message_pace", "message", columns, sqlite_where=only, postgresql_where=only)
