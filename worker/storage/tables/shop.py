"""What the shop told: events, customers and their addresses, consent, orders."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from worker.storage.month_day import month_day
from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant, Json, Money

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),  # name of the key it came with, or "phin"
    Column("external_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("history", Boolean, nullable=False, server_default=false()),
    Column("content_hash", Text, nullable=False),  # tells a repetition from a contradiction
    Column("customer_key", Text),  # the shop's id of its customer, and
    Column("email_key", Text),  # the address: what its customer may be found by, so that all of one are taken in order
    Column("payload", Json, nullable=False),  # customer, order, data as checked
    Column("state", Text, nullable=False, server_default="received"),  # received → processed / refused
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", Instant),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("order_number", Text),
    Column("request", Text),
    # Of an event that a step brought forth: the flows behind it, the first one first, and what began it all.
    Column("chain", Json),
    Column("root", Text),
    UniqueConstraint("source", "external_id"),
    CheckConstraint("state IN ('received', 'processed', 'refused')", name="state"),
    partial_index("ix_event_received", "id", only="state = 'received'"),
    partial_index("ix_event_received_customer", "customer_key", only="state = 'received'"),
    partial_index("ix_event_received_email", "email_key", only="state = 'received'"),
    partial_index("ix_event_refused_customer", "customer_key", only="state = 'refused'"),
    partial_index("ix_event_refused_email", "email_key", only="state = 'refused'"),
    partial_index("ix_event_refused", "id", only="state = 'refused'"),
    partial_index("ix_event_root", "root", only="root IS NOT NULL"),
    Index("ix_event_customer_type", "customer_id", "type", "occurred_at"),
)

customer = Table(
    "customer",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("external_id", Text, unique=True),
    Column("email", Text),
    Column("name", Text),
    Column("first_name", Text),
    Column("phone", Text),
    Column("birthday", Date),
    Column("language", Text),
    Column("timezone", Text),
    Column("address", Json, nullable=False, server_default="{}"),
    Column("fields", Json, nullable=False, server_default="{}"),
    Column("tags", Json, nullable=False, server_default="[]"),
    Column("written", Json, nullable=False, server_default="{}"),  # what of these flows wrote (`domain/profiles.py`)
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("profile_at", Instant),  # time of the newest event whose profile was taken over
    Column("orders_count", Integer, nullable=False, server_default="0"),
    Column("total_spent", Money, nullable=False, server_default="0"),
    Column("first_order_at", Instant),
    Column("last_order_at", Instant),
    Column("last_opened_at", Instant),
    Column("last_clicked_at", Instant),
    Column("alive", Double),  # foretold: the chance that they are still a customer
    Column("predicted_next_order_at", Instant),
    Column("erased_at", Instant),
    Column("merged_into", Id, ForeignKey("customer.id")),  # a guest who turned out to be this customer
    Index("ix_customer_email", "email"),
    Index("ix_customer_zone", "timezone", "id"),
    partial_index("ix_customer_erased", "erased_at", only="erased_at IS NOT NULL"),
)
Index("ix_customer_birthday", month_day(customer.c.birthday), customer.c.timezone, customer.c.id)

# An e-mail address: consent and suppression belong to it, whichever customers have it. `_at` and `_anew` are of the
# word that decides: when it was said, and whether it is a yes said anew, which is all that undoes a no.
address = Table(
    "address",
    metadata,
    Column("email", Text, primary_key=True),
    Column("marketing", Text, nullable=False, server_default="unknown"),
    Column("marketing_at", Instant),
    Column("marketing_anew", Boolean, nullable=False, server_default=false()),
    Column("tracking", Text, nullable=False, server_default="unknown"),
    Column("tracking_at", Instant),
    Column("tracking_anew", Boolean, nullable=False, server_default=false()),
    Column("suppressed", Text),  # the reason
    Column("suppressed_at", Instant),
    # By a flow's step, for marketing only, until they subscribe, click or buy: the reason, and the journey whose step.
    Column("marketing_suppressed", Text),
    Column("marketing_suppressed_at", Instant),
    Column("marketing_suppressed_by", Id),
    # What its reader wishes (`domain/wishes.py`): topics left out, how often at most, and not before then.
    Column("topics_out", Json),
    Column("frequency", Text),
    Column("paused_until", Instant),
    CheckConstraint("marketing IN ('unknown', 'subscribed', 'unsubscribed')", name="marketing"),
    CheckConstraint("tracking IN ('unknown', 'subscribed', 'unsubscribed')", name="tracking"),
)

# Every word about consent that counted, appended and never altered. `pending` is a yes that waits for its confirmation.
consent_change = Table(
    "consent_change",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("email", Text, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("anew", Boolean, nullable=False, server_default=false()),
    Column("source", Text, nullable=False),
    Column("wording", Text),
    Column("proof", Json),
    Column("event_id", Id),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("number", Text, nullable=False, unique=True),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("total", Money, nullable=False, server_default="0"),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_at", Instant),
    Column("coupon", Text),
    Column("placed_at", Instant),
    Column("refunded", Money, nullable=False, server_default="0"),  # what of the total was given back
    Column("counted", Boolean, nullable=False, server_default=false()),
    Column("told", Json, nullable=False, server_default="{}"),  # by events: what a late one is judged by
    Index("ix_orders_customer_placed", "customer_id", "placed_at"),
)

order_line = Table(
    "order_line",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sku", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("category", Text, index=True),
    Column("quantity", Integer, nullable=False),
    Column("price", Money, nullable=False),
)

order_status = Table(
    "order_status",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("order_id", Id, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("event_id", Id),
)
