"""Topics and wishes of customers; the ledger of consent says what was said anew, and is only added to.

The lines of before are told apart by what they followed: a yes after another line was said anew, and so was the one
that holds, where the address says so. From then on the database refuses to alter or delete a line, but for what
erasing a person does: a keyed hash, which holds no `@`, stands in the address's place, and of the proof less may stay.
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
_KEPT = ("id", "purpose", "state", "at", "anew", "source", "wording", "event_id")
_WORDS = "the ledger of consent is only added to"
_SQLITE = (
    f"""
    CREATE TRIGGER consent_change_altered BEFORE UPDATE ON consent_change
    WHEN {" OR ".join(f"NEW.{one} IS NOT OLD.{one}" for one in _KEPT)}
        OR (NEW.email IS NOT OLD.email AND NEW.email LIKE '%@%')
        OR (NEW.email LIKE '%@%' AND NEW.proof IS NOT OLD.proof)
    BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END
    """,
    f"""
    CREATE TRIGGER consent_change_deleted BEFORE DELETE ON consent_change WHEN OLD.email LIKE '%@%'
    BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END
    """,
)
_POSTGRES = (
    f"""
    CREATE FUNCTION consent_change_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    f"""
    CREATE TRIGGER consent_change_altered BEFORE UPDATE ON consent_change FOR EACH ROW
    WHEN ({" OR ".join(f"NEW.{one} IS DISTINCT FROM OLD.{one}" for one in _KEPT)}
        OR (NEW.email IS DISTINCT FROM OLD.email AND NEW.email LIKE '%@%')
        OR (NEW.email LIKE '%@%' AND CAST(NEW.proof AS text) IS DISTINCT FROM CAST(OLD.proof AS text)))
    EXECUTE FUNCTION consent_change_kept()
    """,
    """
    CREATE TRIGGER consent_change_deleted BEFORE DELETE ON consent_change FOR EACH ROW
    WHEN (OLD.email LIKE '%@%') EXECUTE FUNCTION consent_change_kept()
    """,
)


def upgrade() -> None:
    """Add the columns, and have the ledger kept."""
    op.add_column("consent_change", sa.Column("anew", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("address", sa.Column("topics_out", Json, nullable=True))
    op.add_column("address", sa.Column("frequency", sa.Text(), nullable=True))
    op.add_column("address", sa.Column("paused_until", Instant(), nullable=True))
    on_postgres = op.get_bind().dialect.name == "postgresql"
    op.execute(sa.text(_ANEW_BEFORE.format(true="true" if on_postgres else "1")))
    for statement in _POSTGRES if on_postgres else _SQLITE:
        op.execute(sa.text(statement))
