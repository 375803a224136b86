"""What a customer's story tells of mails with their hits, to the customer and to staff, and of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from worker.domain.webhooks import Answer, WebhookState
from worker.storage import revenue, webhooks
from worker.storage.revenue import CreditStory
from worker.storage.tables import hit, message


@dataclass(frozen=True, slots=True)
class HitStory:
    """One open or click of a mail, by whom it was taken to be, and why."""

    kind: str
    at: datetime
    by: str | None
    reason: str | None
    url: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class MailStory:
    """What became of one mail; `staff` is the key of the person whom it goes to, None where it is the customer."""

    id: int
    step: str | None
    template: str
    state: str
    reason: str | None
    created_at: datetime
    sent_at: datetime | None
    not_before: datetime
    subject: str | None
    answer: str | None
    hits: tuple[HitStory, ...]
    staff: str | None = None
    credits: tuple[CreditStory, ...] = ()  # the purchases that are credited to it


@dataclass(frozen=True, slots=True)
class WebhookStory:
    """How one webhook stands; `answer` is what its last try came to, in words."""

    step: str
    state: WebhookState
    created_at: datetime
    not_before: datetime
    attempts: int
    answer: str


def mails_of(connection: Connection, journey_ids: Sequence[int]) -> dict[int, list[MailStory]]:
    """Return the mails of each journey, in the order in which they were written."""
    rows = connection.execute(
        select(message).where(message.c.journey_id.in_(list(journey_ids))).order_by(message.c.id)
    ).all()
    earned = revenue.of_mails(connection, [row.id for row in rows])
    hits: dict[int, list[HitStory]] = {}
    for one in connection.execute(
        select(hit).where(hit.c.message_id.in_([row.id for row in rows])).order_by(hit.c.at, hit.c.id)
    ):
        told = HitStory(one.kind, one.at, one._mapping["class"], one.reason, one.url, one.user_agent)
        hits.setdefault(one.message_id, []).append(told)
    found: dict[int, list[MailStory]] = {}
    for row in rows:
        found.setdefault(row.journey_id, []).append(
            MailStory(
                row.id,
                row.step,
                row.template,
                row.state,
                row.reason,
                row.created_at,
                row.sent_at,
                row.not_before,
                row.subject,
                row.answer,
                tuple(hits.get(row.id, ())),
                row.staff,
                tuple(earned.get(row.id, ())),
            )
        )
    return found


def webhooks_of(connection: Connection, journey_ids: Sequence[int]) -> dict[int, list[WebhookStory]]:
    """Return the webhooks of each journey, in the order in which they were written."""
    found: dict[int, list[WebhookStory]] = {}
    for row in webhooks.of_journeys(connection, journey_ids):
        answer = Answer(row.code, row.answer or "").told
        told = WebhookStory(row.step, row.state, row.created_at, row.not_before, row.attempts, answer)
        found.setdefault(row.journey_id, []).append(told)
    return found
