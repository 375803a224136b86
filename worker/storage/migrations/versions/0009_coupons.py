"""Coupons: codes of customers' own, and pools of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant, Money

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_POOL = ["name", "made_at", "id"]


def upgrade() -> None:
    op.create_table(
        "coupon",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("loaded", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("percent", Money(), nullable=True),
        sa.Column("amount", Money(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("journey_id", Id, nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("given_at", Instant(), nullable=True),
        sa.Column("redeemed_at", Instant(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_coupon_customer_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journey.id"], name=op.f("fk_coupon_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon")),
        sa.UniqueConstraint("code", name=op.f("uq_coupon_code")),
        sa.UniqueConstraint("journey_id", "step", "turn", name=op.f("uq_coupon_journey_id_step_turn")),
    )
    waiting = sa.text("customer_id IS NULL AND redeemed_at IS NULL")
    op.create_index("ix_coupon_pool", "coupon", _POOL, sqlite_where=waiting, postgresql_where=waiting)
    loaded = sa.text("loaded")
    op.create_index("ix_coupon_loaded", "coupon", ["name"], sqlite_where=loaded, postgresql_where=loaded)
    op.create_index("ix_coupon_customer", "coupon", ["customer_id", "name"])
