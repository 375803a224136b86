"""The ledger: every mail that is to go out, and every hit that came back."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant, Json

_ADVERTISED = "kind = 'marketing' AND transmitting_at IS NOT NULL"
_UNSENT = "state IN ('skipped', 'cancelled', 'failed', 'bounced', 'complained')"

message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("customer_id", Id, ForeignKey("customer.id")),  # whom it goes to; of a mail to staff there is none
    Column("staff", Text),  # key of the staff member whom it goes to
    Column("task_id", Id, ForeignKey("task.id")),  # that a mail to staff is about
    Column("journey_id", Id, ForeignKey("journey.id")),
    Column("flow", Text),
    Column("step", Text),
    Column("kind", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("order_number", Text),
    Column("values", Json, nullable=False, server_default="{}"),  # `with:`, subject and sender of the step, rendered
    Column("state", Text, nullable=False, server_default="queued"),
    Column("reason", Text),  # why skipped, cancelled, failed or unknown
    Column("created_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("attempts", Integer, nullable=False, server_default="0"),  # tries that an answer ended, and the one in hand
    Column("crashes", Integer, nullable=False, server_default="0"),  # senders that died and may have died of it
    Column("claim", Text),  # token of the sender that has it, or had it where its outcome is unknown
    Column("lease_until", Instant),  # machine time
    Column("transmitting_at", Instant),
    Column("sent_at", Instant),  # when the server took it, or evidence says so
    Column("settled_at", Instant),  # when its last state was written
    Column("email", Text),  # where it was sent to
    Column("language", Text),
    Column("subject", Text),
    Column("template_hash", Text),
    Column("tracked", Boolean),
    Column("message_id", Text),  # Message-ID of the mail, without brackets
    Column("relay", Text),  # that it was handed to, or was to be, last
    Column("code", Integer),  # the server's last reply
    Column("answer", Text),
    Column("opened_at", Instant),  # first hit of a person
    Column("clicked_at", Instant),
    CheckConstraint(
        "state IN ('queued', 'claimed', 'transmitting', 'sent', 'skipped', 'cancelled', 'failed', 'unknown',"
        " 'bounced', 'complained')",
        name="state",
    ),
    CheckConstraint("kind IN ('marketing', 'transactional')", name="kind"),
    CheckConstraint("(customer_id IS NULL) <> (staff IS NULL)", name="recipient"),
    # by flow first, so that nobody walks through what a held flow has in the queue
    partial_index("ix_message_queued", "flow", "not_before", "id", only="state = 'queued'"),
    partial_index("ix_message_crashed", "crashes", only="state = 'queued' AND crashes > 0"),
    partial_index("ix_message_claim", "claim", only="claim IS NOT NULL"),  # what is in hand, and little else
    partial_index("ix_message_unknown", "id", only="state = 'unknown'"),
    # what the pages count: mails by the time they were sent, those that were opened and clicked, those that went wrong
    partial_index("ix_message_sent", "sent_at", "flow", "step", "tracked", only="sent_at IS NOT NULL"),
    partial_index("ix_message_opened", "sent_at", "flow", "step", "opened_at", only="opened_at IS NOT NULL"),
    partial_index("ix_message_clicked", "sent_at", "flow", "step", "clicked_at", only="clicked_at IS NOT NULL"),
    partial_index("ix_message_unsent", "state", "settled_at", only=_UNSENT),
    # what caps are counted by
    partial_index("ix_message_pace", "email", "transmitting_at", only=_ADVERTISED),
    Index("ix_message_journey", "journey_id"),
    Index("ix_message_customer", "customer_id", "created_at"),
    partial_index("ix_message_to_staff", "sent_at", "flow", only="staff IS NOT NULL"),
    partial_index("ix_message_task", "task_id", only="task_id IS NOT NULL"),
)

hit = Table(
    "hit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # made with the request: read back from a spool, it stays one
    Column("message_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("link", Integer),  # its number in the template; 0 is the honeypot
    Column("url", Text),
    Column("at", Instant, nullable=False),
    Column("user_agent", Text),
    Column("headers", Json, nullable=False, server_default="{}"),  # those that tell machines from people
    Column("ip_hash", Text),
    Column("class", Text),  # person, proxy, machine; none until classed
    Column("reason", Text),
    Column("program", Text),  # mail program, browser or app, by the user agent
    Column("device", Text),  # phone, tablet, computer
    CheckConstraint("kind IN ('open', 'click')", name="kind"),
    partial_index("ix_hit_unclassed", "id", only="class IS NULL"),
    Index("ix_hit_message", "message_id", "kind", "class"),  # what reports count by
)
