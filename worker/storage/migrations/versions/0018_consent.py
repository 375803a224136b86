"""Topics and wishes of customers; the ledger of consent says what was said anew.

The lines of before are told apart by what they followed: a yes after another line was said anew, and so was the one
that holds, where the address says so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Instant, Json

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ANEW_BEFORE = """
    UPDATE consent_change SET anew = {true} WHERE state = 'subscribed' AND (
        EXISTS (SELECT 1 FROM consent_change AS before WHERE before.email = consent_change.email
            AND before.purpose = consent_change.purpose AND before.id < consent_change.id)
        OR EXISTS (SELECT 1 FROM address WHERE address.email = consent_change.email AND (
            (consent_change.purpose = 'marketing' AND address.marketing_anew AND address.marketing = 'subscribed')
            OR (consent_change.purpose = 'tracking' AND address.tracking_anew AND address.tracking = 'subscribed'))))
"""


def upgrade() -> None:
    """Add the columns."""
    op.add_column("consent_change", sa.Column("anew", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("address", sa.Column("topics_out", Json, nullable=True))
    op.add_column("address", sa.Column("frequency", sa.Text(), nullable=True))
    op.add_column("address", sa.Column("paused_until", Instant(), nullable=True))
    on_postgres = op.get_bind().dialect.name == "postgresql"
    op.execute(sa.text(_ANEW_BEFORE.format(true="true" if on_postgres else "1")))
