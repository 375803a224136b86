"""Indexes from which the pages count what runs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_SENT = ["sent_at", "flow", "step"]
_UNSENT = "state IN ('skipped', 'cancelled', 'failed', 'bounced', 'complained')"


def upgrade() -> None:
    """Make them."""
    _partial("ix_message_sent", "message", _SENT, "sent_at IS NOT NULL")
    _partial("ix_message_opened", "message", [*_SENT, "opened_at"], "opened_at IS NOT NULL")
    _partial("ix_message_clicked", "message", [*_SENT, "clicked_at"], "clicked_at IS NOT NULL")
    _partial("ix_message_unsent", "message", ["state", "settled_at"], _UNSENT)
    op.create_index("ix_journey_entered", "journey", ["flow", "entered_at"])
    _partial("ix_journey_standing", "journey", ["flow", "step"], "state = 'waiting'")
    _partial("ix_journey_failed", "journey", ["ended_at"], "state = 'failed'")
    op.create_index("ix_goal_at", "goal", ["at", "flow", "currency", "amount"])
    _partial("ix_event_refused", "event", ["id"], "state = 'refused'")


def _partial(name: str, table: str, columns: list[str], only: str) -> None:
    op.create_index(name, table, columns, sqlite_where=text(only), postgresql_where=text(only))
