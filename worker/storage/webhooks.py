"""Webhooks that wait to be told: written with the step, taken in hand, settled by what the other system answered.

A webhook may be told twice where a process dies in between; its id stays the same, by which the receiver knows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal_column, select, update

from worker.domain.webhooks import Answer, Verdict, WebhookState
from worker.storage.rows import Insertion
from worker.storage.tables import webhook

_QUEUED = webhook.c.state == literal_column("'queued'")
_ADD = Insertion(webhook, lambda new: new.on_conflict_do_nothing().returning(webhook.c.id))
_DUE = (
    select(webhook.c.not_before, webhook.c.id)
    .where(_QUEUED, webhook.c.flow == bindparam("flow"), webhook.c.not_before <= bindparam("now"))
    .order_by(webhook.c.not_before, webhook.c.id)
    .limit(bindparam("limit"))
)
_NEXT = select(func.min(webhook.c.not_before)).where(
    _QUEUED, webhook.c.flow == bindparam("flow"), webhook.c.not_before > bindparam("now")
)
_READY = (
    select(webhook.c.id)
    .where(
        webhook.c.id.in_(bindparam("ids", expanding=True)),
        _QUEUED,
        webhook.c.not_before <= bindparam("now"),
        webhook.c.flow.in_(bindparam("flows", expanding=True)),
    )
    .order_by(webhook.c.not_before, webhook.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(webhook)
    .where(webhook.c.id.in_(_READY.scalar_subquery()))
    .values(claim=bindparam("token"), not_before=bindparam("until"), attempts=webhook.c.attempts + 1)
    .returning(webhook)
)


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to be written; `body` is JSON, as it will be signed."""

    key: str
    flow: str
    step: str
    journey_id: int
    customer_id: int
    url: str
    body: str


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook as its row tells it."""

    id: int
    key: str
    flow: str
    step: str
    journey_id: int
    url: str
    body: str
    state: WebhookState
    created_at: datetime
    not_before: datetime
    attempts: int
    settled_at: datetime | None
    code: int | None
    answer: str | None


def add(connection: Connection, new: Sequence[NewWebhook], now: datetime) -> tuple[int, ...]:
    """Write webhooks, each once a key; returns the numbers of those that are new."""
    found: list[int] = []
    for one in new:
        values = {
            "key": one.key,
            "flow": one.flow,
            "step": one.step,
            "journey_id": one.journey_id,
            "customer_id": one.customer_id,
            "url": one.url,
            "body": one.body,
            "created_at": now,
            "not_before": now,
        }
        found += connection.execute(_ADD.on(connection), values).scalars()
    return tuple(found)


def due(connection: Connection, flows: Iterable[str], now: datetime, limit: int) -> list[int]:
    """Return the numbers of webhooks of these flows that may be told now, the oldest first."""
    found: list[tuple[Any, ...]] = []
    for flow in flows:
        found += [tuple(row) for row in connection.execute(_DUE, {"flow": flow, "now": now, "limit": limit})]
    return [number for _, number in sorted(found)[:limit]]


def next_due(connection: Connection, flows: Iterable[str], now: datetime) -> datetime | None:
    """Return when the next webhook of these flows is to be told, or told again, after now."""
    moments = (connection.execute(_NEXT, {"flow": flow, "now": now}).scalar() for flow in flows)
    return min((moment for moment in moments if moment is not None), default=None)


_ANY = select(webhook.c.id).where(_QUEUED).limit(1)


def any_queued(connection: Connection) -> bool:
    """Say whether any webhook waits at all."""
    return connection.execute(_ANY).first() is not None


def claim(
    connection: Connection,
    ids: Collection[int],
    *,
    token: str,
    until: datetime,
    now: datetime,
    flows: Collection[str],
    limit: int,
) -> list[WebhookRow]:
    """Take webhooks in hand; counts the try.

    Parameters:
        until: when somebody else takes them if they are not settled.
        flows: those that are not held.
    """
    asked = {"ids": list(ids), "now": now, "token": token, "until": until, "flows": list(flows), "limit": limit}
    return sorted((_row(one) for one in connection.execute(_CLAIM, asked)), key=lambda one: one.id)


def settle(connection: Connection, number: int, token: str, verdict: Verdict, answer: Answer, now: datetime) -> bool:
    """Write down what came of a try; nothing where it is no longer ours."""
    values: dict[str, Any] = {
        "state": verdict.state.value,
        "code": answer.code,
        "answer": answer.text[:500],
        "claim": None,
        "settled_at": None if verdict.state is WebhookState.QUEUED else now,
    }
    if verdict.not_before is not None:
        values["not_before"] = verdict.not_before
    mine = update(webhook).where(webhook.c.id == number, _QUEUED, webhook.c.claim == token)
    return connection.execute(mine.values(values)).rowcount == 1


def put_back(connection: Connection, numbers: Collection[int], token: str, until: datetime) -> None:
    """Give back what was taken and not tried, as if it had not been taken."""
    mine = update(webhook).where(webhook.c.id.in_(list(numbers)), _QUEUED, webhook.c.claim == token)
    connection.execute(mine.values(claim=None, not_before=until, attempts=webhook.c.attempts - 1))


def again(connection: Connection, numbers: Collection[int] | None, now: datetime) -> list[int]:
    """Have webhooks that were given up tried anew, those named or all; returns their numbers."""
    # one that has nothing to tell any more was cleared, or is of somebody who was erased
    given_up = update(webhook).where(webhook.c.state == WebhookState.FAILED.value, webhook.c.body != "")
    if numbers is not None:
        given_up = given_up.where(webhook.c.id.in_(list(numbers)))
    values = {"state": WebhookState.QUEUED.value, "not_before": now, "attempts": 0, "settled_at": None, "claim": None}
    return sorted(connection.execute(given_up.values(values).returning(webhook.c.id)).scalars())


def listed(connection: Connection, limit: int) -> list[WebhookRow]:
    """Return webhooks that are not told yet, those given up first, the newest of each first."""
    unsettled = webhook.c.state != WebhookState.DELIVERED.value
    order = (webhook.c.state, webhook.c.id.desc())
    return [_row(one) for one in connection.execute(select(webhook).where(unsettled).order_by(*order).limit(limit))]


def of_journeys(connection: Connection, ids: Collection[int]) -> list[WebhookRow]:
    """Return the webhooks of these journeys, in the order in which they were written."""
    mine = select(webhook).where(webhook.c.journey_id.in_(list(ids))).order_by(webhook.c.id)
    return [_row(one) for one in connection.execute(mine)]


def counts(connection: Connection) -> dict[WebhookState, int]:
    """Return how many webhooks there are in each state."""
    rows = connection.execute(select(webhook.c.state, func.count()).group_by(webhook.c.state))
    return {WebhookState(state): count for state, count in rows}


def _row(row: Row[Any]) -> WebhookRow:
    return WebhookRow(
        row.id,
        row.key,
        row.flow,
        row.step,
        row.journey_id,
        row.url,
        row.body,
        WebhookState(row.state),
        row.created_at,
        row.not_before,
        row.attempts,
        row.settled_at,
        row.code,
        row.answer,
    )
