"""What a mail went out under."""

from __future__ import annotations

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing: an envelope sender and a Message-ID are made of what a message's row holds already."""
