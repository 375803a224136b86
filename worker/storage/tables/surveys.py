"""Answers to the surveys that mails ask."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from worker.storage.tables.base import metadata
from worker.storage.types import Id, Instant

# One mail's question has one answer, which may be changed for a while: `version` counts how often it was said.
survey_answer = Table(
    "survey_answer",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("message_id", Id, ForeignKey("message.id"), nullable=False),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("survey", Text, nullable=False),
    Column("flow", Text),
    Column("score", Integer, nullable=False),
    Column("comment", Text),
    Column("answered_at", Instant, nullable=False),  # first
    Column("changed_at", Instant, nullable=False),  # last
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("message_id", "survey"),
    Index("ix_survey_answer_survey", "survey", "changed_at", "score"),
    Index("ix_survey_answer_customer", "customer_id"),
)
