"""The tables: every fact and every intention is a row here before anything acts on it.

`id` is our own number of a row; `external_id` is the shop's. `machine` times are the machine's own clock, which is
never moved (leases); all other times are the shop's clock, which a demo or a test may move.
"""

from __future__ import annotations

from worker.storage.tables.attribution import credit
from worker.storage.tables.base import metadata
from worker.storage.tables.bounces import bounce, bounce_mailbox, provider_token
from worker.storage.tables.coupons import coupon
from worker.storage.tables.figures import figure, tally
from worker.storage.tables.journeys import (
    circle,
    event_trace,
    flow,
    flow_version,
    goal,
    journey,
    outcome,
    switch,
    trace,
)
from worker.storage.tables.ledger import hit, message
from worker.storage.tables.prediction import prediction
from worker.storage.tables.publishing import process, publication
from worker.storage.tables.relays import breaker, rate, relay_answer
from worker.storage.tables.retention import retention
from worker.storage.tables.rights import audit, erased
from worker.storage.tables.segments import segment, segment_mark, segment_member
from worker.storage.tables.shop import address, consent_change, customer, event, order_line, order_status, orders
from worker.storage.tables.stock import stock
from worker.storage.tables.surveys import survey_answer
from worker.storage.tables.tasks import request, rotation, staff_digest, task, task_reminder
from worker.storage.tables.turns import date_mark, occurrence, trigger_start
from worker.storage.tables.webhooks import webhook

__all__ = [
    "address",
    "audit",
    "bounce",
    "bounce_mailbox",
    "breaker",
    "circle",
    "consent_change",
    "coupon",
    "credit",
    "customer",
    "date_mark",
    "erased",
    "event",
    "event_trace",
    "figure",
    "flow",
    "flow_version",
    "goal",
    "hit",
    "journey",
    "message",
    "metadata",
    "occurrence",
    "order_line",
    "order_status",
    "orders",
    "outcome",
    "prediction",
    "process",
    "provider_token",
    "publication",
    "rate",
    "relay_answer",
    "request",
    "retention",
    "rotation",
    "segment",
    "segment_mark",
    "segment_member",
    "staff_digest",
    "stock",
    "survey_answer",
    "switch",
    "tally",
    "task",
    "task_reminder",
    "trace",
    "trigger_start",
    "webhook",
]
