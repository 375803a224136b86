"""With which program and on which device a hit was made; indexes by which reports count hits and followed mails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hit", sa.Column("program", sa.Text(), nullable=True))
    op.add_column("hit", sa.Column("device", sa.Text(), nullable=True))
    op.drop_index("ix_hit_message_id", table_name="hit")
    op.create_index("ix_hit_message", "hit", ["message_id", "kind", "class"])
    sent, columns = sa.text("sent_at IS NOT NULL"), ["sent_at", "flow", "step", "tracked"]
    op.drop_index("ix_message_sent", table_name="message")
    op.create_index("ix_message_sent", "message", columns, sqlite_where=sent, postgresql_where=sent)
