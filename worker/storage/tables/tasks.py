"""Tasks of the staff with their reminders, whose turn it is, and the cases of customers who asked for help."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant, Json

_OPEN = "state IN ('open', 'in progress')"

task = Table(
    "task",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # journey, step and turn
    Column("state", Text, nullable=False, server_default="open"),
    Column("type", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("title", Json, nullable=False),  # by language, rendered; empty for an erased customer
    Column("note", Json, nullable=False, server_default="{}"),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("order_number", Text),
    Column("request", Text),
    Column("journey_id", Id, ForeignKey("journey.id")),
    Column("flow", Text),
    Column("step", Text),
    Column("turn", Integer, nullable=False, server_default="0"),  # of the journey
    Column("role", Text),  # whose rotation it came from
    Column("assignee", Text),  # key of a person in config/staff.yaml
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("snoozed_until", Instant),
    Column("snoozes", Integer, nullable=False, server_default="0"),
    Column("watches", Boolean, nullable=False, server_default=false()),  # whether its step has a `close_when`
    Column("look_again", Boolean, nullable=False, server_default=false()),  # a fact changed that it may close at
    Column("closed_at", Instant),
    Column("closed_by", Text),
    Column("outcome", Text),
    Column("remark", Text),
    CheckConstraint("state IN ('open', 'in progress', 'done', 'cancelled')", name="state"),
    CheckConstraint("type IN ('call', 'email', 'todo')", name="type"),
    CheckConstraint("priority IN ('low', 'normal', 'high')", name="priority"),
    partial_index("ix_task_open", "assignee", "due_at", only=_OPEN),
    partial_index("ix_task_open_customer", "customer_id", only=_OPEN),
    partial_index("ix_task_open_due", "due_at", only=_OPEN),
    partial_index("ix_task_look_again", "id", only=f"look_again AND {_OPEN}"),
    Index("ix_task_customer", "customer_id", "created_at"),
    Index("ix_task_journey", "journey_id", "step"),
    Index("ix_task_closed", "closed_at"),
)

# What a task tells and when, each once: settled when its mail is written, or when there is nothing more to tell.
task_reminder = Table(
    "task_reminder",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("task_id", Id, ForeignKey("task.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("nth", Integer, nullable=False),
    Column("to", Text),  # person or role that an escalation goes to
    Column("wanted_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # `wanted_at` moved into working hours
    Column("settled_at", Instant),
    Column("message_id", Id, ForeignKey("message.id")),
    UniqueConstraint("task_id", "kind", "nth"),
    CheckConstraint("kind IN ('came', 'before', 'back', 'overdue', 'escalated')", name="kind"),
    partial_index("ix_task_reminder_due", "due_at", only="settled_at IS NULL"),
)

# Who had the last turn of a role. Whoever gives a task out holds the row, so that two workers give two turns.
rotation = Table(
    "rotation",
    metadata,
    Column("role", Text, primary_key=True),
    Column("person", Text),
)

# The morning's digest: one a person and day, written or found to have nothing to tell.
staff_digest = Table(
    "staff_digest",
    metadata,
    Column("person", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("message_id", Id, ForeignKey("message.id")),
)

# A customer who asked for help, until that is closed.
request = Table(
    "request",
    metadata,
    Column("number", Text, primary_key=True),  # the shop's, or `#` and our number of the event that opened it
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("order_number", Text),
    Column("subject", Text),
    Column("channel", Text),
    Column("opened_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_by", Text),  # key of a person of the staff, or the source of the event that closed it
    partial_index("ix_request_open", "due_at", only="closed_at IS NULL"),
    partial_index("ix_request_open_customer", "customer_id", only="closed_at IS NULL"),
    Index("ix_request_opened", "opened_at"),
)
