"""Erased customers, what staff did, and how far the clearing of old things has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant, Json

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEPT = ("id", "purpose", "state", "at", "anew", "source", "wording", "event_id")
_LEDGER = "the ledger of consent is only added to"
_LOG = "the audit log is only ever added to"
# What erasing a person does, and nothing else may: `erased:` and a hash that stands in `erased` take the address's
# place, less may stay of the proof, and such a line may be cleared when its time has come.
_HIDDEN = "EXISTS (SELECT 1 FROM erased WHERE 'erased:' || hash = {row}.email)"
# SQLite's INSERT OR REPLACE deletes without asking a trigger, so it is stopped before.
_SQLITE = (
    f"""
    CREATE TRIGGER consent_change_altered BEFORE UPDATE ON consent_change
    WHEN {" OR ".join(f"NEW.{one} IS NOT OLD.{one}" for one in _KEPT)}
        OR ((NEW.email IS NOT OLD.email OR NEW.proof IS NOT OLD.proof) AND NOT {_HIDDEN.format(row="NEW")})
    BEGIN SELECT RAISE(ABORT, '{_LEDGER}'); END
    """,
    f"""
    CREATE TRIGGER consent_change_deleted BEFORE DELETE ON consent_change WHEN NOT {_HIDDEN.format(row="OLD")}
    BEGIN SELECT RAISE(ABORT, '{_LEDGER}'); END
    """,
    *(
        f"""
        CREATE TRIGGER {table}_replaced BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{words}'); END
        """
        for table, words in (("consent_change", _LEDGER), ("audit", _LOG))
    ),
    *(
        f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, '{_LOG}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)
_POSTGRESQL = (
    f"""
    CREATE FUNCTION consent_change_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND {_HIDDEN.format(row="OLD")} THEN RETURN OLD; END IF;
        IF TG_OP = 'UPDATE' AND NOT ({" OR ".join(f"NEW.{one} IS DISTINCT FROM OLD.{one}" for one in _KEPT)})
            AND ((NEW.email = OLD.email AND CAST(NEW.proof AS text) IS NOT DISTINCT FROM CAST(OLD.proof AS text))
                OR {_HIDDEN.format(row="NEW")})
        THEN RETURN NEW; END IF;
        RAISE EXCEPTION '{_LEDGER}' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    "CREATE TRIGGER consent_change_kept BEFORE UPDATE OR DELETE ON consent_change"
    " FOR EACH ROW EXECUTE FUNCTION consent_change_kept()",
    f"""
    CREATE FUNCTION consent_change_all_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_LEDGER}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    "CREATE TRIGGER consent_change_all_kept BEFORE TRUNCATE ON consent_change"
    " FOR EACH STATEMENT EXECUTE FUNCTION consent_change_all_kept()",
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{_LOG}'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
)


def upgrade() -> None:
    """Add the tables, keep the log's rows as they are written, and find erased customers by an index."""
    op.create_table(
        "erased",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ring", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("lifted_at", Instant()),
        sa.CheckConstraint("kind IN ('email', 'id')", name=op.f("ck_erased_kind")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_erased")),
    )
    op.create_table(
        "audit",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("on", sa.Text()),
        sa.Column("detail", Json, server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    named = sa.text('"on" IS NOT NULL')
    op.create_index("ix_audit_on", "audit", ["on", "at"], sqlite_where=named, postgresql_where=named)
    op.create_table(
        "retention",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("floor", Id, server_default="0", nullable=False),
        sa.Column("reached", Id, server_default="0", nullable=False),
        sa.Column("held", Id),
        sa.Column("begun_at", Instant()),
        sa.Column("ended_at", Instant()),
        sa.Column("cleared", Id, server_default="0", nullable=False),
        sa.Column("cleared_in_all", Id, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_retention")),
    )
    gone = sa.text("erased_at IS NOT NULL")
    op.create_index("ix_customer_erased", "customer", ["erased_at"], sqlite_where=gone, postgresql_where=gone)
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))
