"""What a journey does at its steps, written down in their order: mails, tasks, and what changes the customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from worker.domain.advancing import Act
from worker.domain.facts import Facts
from worker.domain.journeys import Journey
from worker.domain.staff import Staff
from worker.domain.steps import (
    AddToFields,
    Coupon,
    Emit,
    Send,
    SetFields,
    Suppress,
    Tag,
    TaskStep,
    Untag,
    Webhook,
)
from worker.domain.work import Work
from worker.engine.calling import new_webhook
from worker.engine.emitting import emit
from worker.engine.giving import give
from worker.engine.suppressing import suppress, write_mails
from worker.engine.surroundings import Surroundings
from worker.engine.writing_fields import write_fields
from worker.engine.writing_mails import messages_of
from worker.storage import ledger, webhooks
from worker.storage.flowbook import Version


def perform(
    connection: Connection,
    around: Surroundings,
    staff: Staff,
    version: Version,
    journey: Journey,
    acts: Sequence[Act],
    now: datetime,
) -> Work:
    """Write down what a journey does, in the transaction that moved it; returns what came of it for other processes."""
    messages: list[tuple[ledger.NewMessage, Facts]] = []
    calls: list[webhooks.NewWebhook] = []
    work = Work()
    for act in acts:
        match act.step:
            case Send() as step:
                written = messages_of(around, staff, version, journey, act, step)
                messages += [(new, act.facts) for new in written]
            case TaskStep() as step:
                give(connection, around.reading, staff, journey, act.facts, step)
            case SetFields() | AddToFields() | Tag() | Untag():
                work += write_fields(connection, around, act, now)
            case Emit() as step:
                work += emit(connection, around, journey, act.facts, step, now)
            case Suppress() as step:
                suppress(connection, journey, act.facts, step, now)
            case Coupon():
                pass  # given with the decision, so that the acts after it see its code (`worker.engine.issuing`)
            case Webhook() as step:
                calls.append(new_webhook(around, journey, step, act.facts))
    mails = write_mails(connection, messages, journey, now)
    return work + Work(messages=mails, webhooks=webhooks.add(connection, calls, now))
