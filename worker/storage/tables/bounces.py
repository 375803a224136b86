"""Bounces: what came back, or was said, about mails; and how far the mailbox that receives it was read."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant

# One row for each thing that a report says of one recipient. `raw` is kept of what could not be read only.
bounce = Table(
    "bounce",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # the same report, come in twice, is one
    Column("source", Text, nullable=False),  # pipe, imap, smtp, or the provider
    Column("received_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text),  # the enhanced code
    Column("diagnostic", Text),  # the server's words, with addresses masked
    Column("email", Text),  # whose it is: where the mail was sent to
    Column("message_id", Id),  # number of the mail's row
    Column("matched", Text),  # by what the mail was known: verp, link, message-id, address, answer
    Column("why", Text),  # why it could not be read
    Column("size", Integer, nullable=False, server_default="0"),  # bytes of the whole report
    Column("raw", LargeBinary),  # its beginning
    CheckConstraint("state IN ('counted', 'early', 'noted', 'unread')", name="state"),
    CheckConstraint(
        "class IN ('hard', 'soft', 'policy', 'complaint', 'delayed', 'delivered', 'auto-reply', 'challenge', 'other',"
        " 'unreadable')",
        name="class",
    ),
    partial_index("ix_bounce_unread", "id", only="state = 'unread'"),
    partial_index("ix_bounce_early", "id", only="state = 'early'"),
    partial_index("ix_bounce_soft", "email", "received_at", only="class = 'soft'"),
    partial_index("ix_bounce_email", "email", only="email IS NOT NULL"),
    partial_index("ix_bounce_message", "message_id", only="message_id IS NOT NULL"),
    Index("ix_bounce_received", "received_at"),
)

# How far a mailbox was read: mails up to `uid` have their rows, as long as the server's numbers are the same.
bounce_mailbox = Table(
    "bounce_mailbox",
    metadata,
    Column("name", Text, primary_key=True),  # user@host/folder
    Column("validity", BigInteger, nullable=False),  # UIDVALIDITY (RFC 3501, 2.3.1.1)
    Column("uid", BigInteger, nullable=False),
    Column("read_at", Instant),  # when it was last read to its end
    Column("failed_at", Instant),  # since when it cannot be read
    Column("failure", Text),
)

# What a provider signed without its body, so that it is used for that body alone.
provider_token = Table(
    "provider_token",
    metadata,
    Column("token", Text, primary_key=True),  # with the provider's name before it
    Column("digest", Text, nullable=False),  # of the body that came with it first
    Column("at", Instant, nullable=False),
    Index("ix_provider_token_at", "at"),
)
