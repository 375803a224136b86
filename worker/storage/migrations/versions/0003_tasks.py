"""Tasks of the staff, cases of customers who asked for help, and mails to staff in the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worker.storage.types import Id, Instant, Json

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPEN = "state IN ('open', 'in progress')"
_RECIPIENT = "CHECK ((customer_id IS NULL) <> (staff IS NULL))"


def upgrade() -> None:
    op.create_table(
        "rotation",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_rotation")),
    )
    op.create_table(
        "request",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_request_customer_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_request")),
    )
    _partial("ix_request_open", "request", "due_at", only="closed_at IS NULL")
    _partial("ix_request_open_customer", "request", "customer_id", only="closed_at IS NULL")
    op.create_index("ix_request_opened", "request", ["opened_at"])
    op.create_table(
        "task",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("title", Json, nullable=False),
        sa.Column("note", Json, server_default="{}", nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("journey_id", Id, nullable=True),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("turn", sa.Integer(), server_default="0", nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("snoozed_until", Instant(), nullable=True),
        sa.Column("snoozes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("watches", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("look_again", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.CheckConstraint("priority IN ('low', 'normal', 'high')", name=op.f("ck_task_priority")),
        sa.CheckConstraint("state IN ('open', 'in progress', 'done', 'cancelled')", name=op.f("ck_task_state")),
        sa.CheckConstraint("type IN ('call', 'email', 'todo')", name=op.f("ck_task_type")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_task_customer_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journey.id"], name=op.f("fk_task_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("key", name=op.f("uq_task_key")),
    )
    op.create_index("ix_task_closed", "task", ["closed_at"])
    op.create_index("ix_task_customer", "task", ["customer_id", "created_at"])
    op.create_index("ix_task_journey", "task", ["journey_id", "step"])
    _partial("ix_task_look_again", "task", "id", only=f"look_again AND {_OPEN}")
    _partial("ix_task_open", "task", "assignee", "due_at", only=_OPEN)
    _partial("ix_task_open_customer", "task", "customer_id", only=_OPEN)
    _partial("ix_task_open_due", "task", "due_at", only=_OPEN)
    op.create_table(
        "staff_digest",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("message_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_staff_digest_message_id")),
        sa.PrimaryKeyConstraint("person", "day", name=op.f("pk_staff_digest")),
    )
    op.create_table(
        "task_reminder",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("to", sa.Text(), nullable=True),
        sa.Column("wanted_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("message_id", Id, nullable=True),
        sa.CheckConstraint(
            "kind IN ('came', 'before', 'back', 'overdue', 'escalated')", name=op.f("ck_task_reminder_kind")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_task_reminder_message_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_task_reminder_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_reminder")),
        sa.UniqueConstraint("task_id", "kind", "nth", name=op.f("uq_task_reminder_task_id_kind_nth")),
    )
    _partial("ix_task_reminder_due", "task_reminder", "due_at", only="settled_at IS NULL")
    op.add_column("message", sa.Column("staff", sa.Text(), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        op.add_column("message", sa.Column("task_id", Id, nullable=True))
        op.create_foreign_key(op.f("fk_message_task_id"), "message", "task", ["task_id"], ["id"])
        op.alter_column("message", "customer_id", nullable=True)
        op.execute(f"ALTER TABLE message ADD CONSTRAINT ck_message_recipient {_RECIPIENT}")
    else:
        op.execute("ALTER TABLE message ADD COLUMN task_id INTEGER CONSTRAINT fk_message_task_id REFERENCES task (id)")
        _rewrite_message()
    _partial("ix_message_task", "message", "task_id", only="task_id IS NOT NULL")


def _partial(name: str, table: str, *columns: str, only: str) -> None:
    op.create_index(name, table, list(columns), sqlite_where=sa.text(only), postgresql_where=sa.text(only))


def _rewrite_message() -> None:
    """Let `customer_id` be empty, and ask for a recipient, in SQLite's own note of the table.

    SQLite cannot alter a column, and a new table in place of this one would take what refers to it along, since
    foreign keys cannot be put off within a transaction. So the note is rewritten, which SQLite describes for changes
    that leave the rows as they are (https://sqlite.org/lang_altertable.html#otheralter).
    """
    connection = op.get_bind()
    note = str(connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE name = 'message'").scalar_one())
    column, key = "customer_id INTEGER NOT NULL", "CONSTRAINT pk_message PRIMARY KEY (id)"
    if note.count(column) != 1 or note.count(key) != 1:
        raise RuntimeError("the table of messages is not as the first version made it; nothing was changed")
    note = note.replace(column, "customer_id INTEGER")
    note = note.replace(key, f"{key}, \n\tCONSTRAINT ck_message_recipient {_RECIPIENT}")
    version = int(connection.exec_driver_sql("PRAGMA schema_version").scalar_one())
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = 'message'", (note,))
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
