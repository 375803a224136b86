"""Flows and their versions, and the journeys through them with their traces and goals."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from worker.storage.tables.base import metadata, partial_index
from worker.storage.types import Id, Instant, Json, Money

flow_version = Table(
    "flow_version",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("flow", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("meaning", Text, nullable=False),  # hash without comments, order of keys and status
    Column("source", Text, nullable=False),  # the file's text
    Column("published_at", Instant, nullable=False),
    Column("goal_event", Text),  # the type of event that is its goal, and for how many seconds after a mail it is
    Column("goal_within", Integer),
    Column("holdout", Float),  # the share that is set aside, where there is one and a goal to compare by, and for how
    Column("compared_within", Integer),  # many seconds after the entry an event of that type counts in both arms
    UniqueConstraint("flow", "number"),
    UniqueConstraint("flow", "meaning"),
)

flow = Table(
    "flow",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version_id", Id, ForeignKey("flow_version.id"), nullable=False),  # the one that new entries use
    Column("status", Text, nullable=False),  # of its file: live, draft, paused; a deleted file is paused
    Column("paused_at", Instant),  # by `phin pause`
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("status IN ('live', 'draft', 'paused')", name="status"),
)

# Switches of the whole house: what every process must follow. `catalogue` counts up with each change of a flow.
switch = Table(
    "switch",
    metadata,
    Column("name", Text, primary_key=True),  # catalogue, paused
    Column("value", Id, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

journey = Table(
    "journey",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("flow", Text, nullable=False),
    Column("version_id", Id, ForeignKey("flow_version.id"), nullable=False),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("once_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Text),  # the one it stands at
    Column("due_at", Instant),
    Column("look_at", Instant),  # when the clock looks at it: when it is due, or is tried again after a failure
    Column("turn", Integer, nullable=False, server_default="0"),
    Column("entered_at", Instant, nullable=False),
    Column("first_at", Instant),  # when it was entered first, where it was started over since
    Column("turn_at", Instant),  # when the turn of the clock came by which it was entered
    Column("day", Date),  # the birthday, or the day of the season, that the turn is about
    Column("ended_at", Instant),
    Column("reason", Text),  # why it ended, where it did not run to its end
    Column("event_id", Id, ForeignKey("event.id")),
    Column("order_number", Text),
    Column("request", Text),
    Column("look_again", Boolean, nullable=False, server_default=false()),  # a fact changed that it may wait for
    Column("withdrawn", Boolean, nullable=False, server_default=false()),  # an exit rule ended it
    Column("attempts", Integer, nullable=False, server_default="0"),
    UniqueConstraint("flow", "customer_id", "once_key"),
    CheckConstraint("state IN ('waiting', 'control', 'done', 'exited', 'failed')", name="state"),
    partial_index("ix_journey_look_at", "look_at", only="state = 'waiting'"),
    partial_index("ix_journey_look_again", "id", only="state = 'waiting' AND look_again"),
    partial_index("ix_journey_under_way", "customer_id", only="state = 'waiting'"),
    Index("ix_journey_customer", "customer_id", "entered_at"),
    Index("ix_journey_entered", "flow", "entered_at"),
    partial_index("ix_journey_standing", "flow", "step", only="state = 'waiting'"),
    partial_index("ix_journey_failed", "ended_at", only="state = 'failed'"),
)

# Goals reached: once by a journey, and one event or order is one success of a flow however many journeys it may suit.
goal = Table(
    "goal",
    metadata,
    Column("journey_id", Id, ForeignKey("journey.id"), primary_key=True),
    Column("flow", Text, nullable=False),
    Column("message_id", Id, ForeignKey("message.id"), nullable=False),
    Column("event_id", Id, ForeignKey("event.id"), nullable=False),
    Column("order_number", Text),
    Column("amount", Money),
    Column("currency", Text),
    Column("at", Instant, nullable=False),
    UniqueConstraint("flow", "event_id"),
    UniqueConstraint("flow", "order_number"),
    Index("ix_goal_at", "at", "flow", "currency", "amount"),
)

# Of flows with a holdout: who of both arms did what the flow is for, mails or no mails: the customer's first journey.
outcome = Table(
    "outcome",
    metadata,
    Column("journey_id", Id, ForeignKey("journey.id"), primary_key=True, autoincrement=False),
    Column("event_id", Id, ForeignKey("event.id"), nullable=False),
    Column("order_number", Text),
    Column("amount", Money),
    Column("currency", Text),
    Column("at", Instant, nullable=False),
)

# What was seen and decided, in order, for each journey.
trace = Table(
    "trace",
    metadata,
    Column("journey_id", Id, ForeignKey("journey.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("step", Text),
    Column("detail", Json, nullable=False, server_default="{}"),
)

# For an event: the flows that listened, and why each was not entered.
event_trace = Table(
    "event_trace",
    metadata,
    Column("event_id", Id, ForeignKey("event.id"), primary_key=True),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("flows", Json, nullable=False),
    Index("ix_event_trace_customer", "customer_id", "at"),
    Index("ix_event_trace_at", "at"),
)

# Entries that were refused because flows start each other in a circle: few, where what flows said of events is much.
circle = Table(
    "circle",
    metadata,
    Column("event_id", Id, ForeignKey("event.id"), primary_key=True),
    Column("flow", Text, primary_key=True),
    Column("way", Text, nullable=False),  # in words: a → b → a
    Column("at", Instant, nullable=False),
    Index("ix_circle_at", "at"),
)
