"""Erased customers, what staff did, and how far the clearing of old things has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant, Json

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SQLITE = tuple(
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
    " BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END"
    for verb in ("UPDATE", "DELETE")
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$",
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
        op.execute(statement)
