"""With which program and on which device a hit was made; an index by which reports count people's hits and all."""

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
