"""Figures of the shop itself: how many customers have bought, what became of orders, how prompt mails are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Float, case, cast, func, select, true, type_coerce
from sqlalchemy.types import BigInteger

from worker.storage.tables import customer, event, journey, message, orders, task, task_reminder

PROMPT = 300  # seconds within which a confirmation is expected


@dataclass(frozen=True, slots=True)
class Promptness:
    """How long after the event of its journey the first mail of a transactional flow went out.

    Parameters:
        mails: how many first mails there were; `prompt` of them within `PROMPT` seconds.
        longest: seconds that the slowest took.
    """

    mails: int
    prompt: int
    longest: float


@dataclass(frozen=True, slots=True)
class ShopFigures:
    """What there is.

    Parameters:
        customers: all that are known by the shop's own id; `buyers` of them have an order that counts.
        orders: placed orders by their status now.
        reminded: by flow, the customers for whose task its person was mailed a reminder before it was due.
        promptness: by flow.
    """

    customers: int
    buyers: int
    orders: Mapping[str, int]
    reminded: Mapping[str, int]
    promptness: Mapping[str, Promptness]


def shop_figures(connection: Connection, since: datetime | None = None) -> ShopFigures:
    """Count them; reads the whole tables, so it is for reports.

    Parameters:
        since: count only orders placed and journeys entered from then on; None: all. Customers are counted in any case.
    """
    registered = customer.c.external_id.is_not(None)
    count, buyers = connection.execute(
        select(func.count(), func.count(case((customer.c.orders_count > 0, 1)))).where(registered)
    ).one()
    placed = orders.c.placed_at >= since if since is not None else orders.c.placed_at.is_not(None)
    by_status = connection.execute(
        select(orders.c.status, func.count().label("number"))
        .where(placed)
        .group_by(orders.c.status)
        .order_by(orders.c.status)
    )
    statuses = {row.status: row.number for row in by_status}
    return ShopFigures(count, buyers, statuses, _reminded(connection, since), _promptness(connection, since))


def _reminded(connection: Connection, since: datetime | None) -> dict[str, int]:
    came = task.c.created_at >= since if since is not None else true()
    rows = connection.execute(
        select(task.c.flow, func.count(task.c.customer_id.distinct()).label("number"))
        .select_from(
            task_reminder.join(task, task.c.id == task_reminder.c.task_id).join(
                message, message.c.id == task_reminder.c.message_id
            )
        )
        .where(task_reminder.c.kind == "before", message.c.sent_at.is_not(None), task.c.flow.is_not(None), came)
        .group_by(task.c.flow)
    )
    return {row.flow: row.number for row in rows}


def _promptness(connection: Connection, since: datetime | None) -> dict[str, Promptness]:
    entered = journey.c.entered_at >= since if since is not None else true()
    first = (
        select(journey.c.flow, event.c.occurred_at, func.min(message.c.sent_at).label("sent_at"))
        .select_from(
            message.join(journey, message.c.journey_id == journey.c.id).join(event, event.c.id == journey.c.event_id)
        )
        .where(message.c.kind == "transactional", message.c.sent_at.is_not(None), entered)
        .group_by(journey.c.id, journey.c.flow, event.c.occurred_at)
        .subquery()
    )
    took = _seconds(connection, first.c.sent_at, first.c.occurred_at)
    rows = connection.execute(
        select(first.c.flow, func.count(), func.count(case((took <= PROMPT, 1))), func.max(took)).group_by(first.c.flow)
    )
    return {flow: Promptness(mails, prompt, float(longest)) for flow, mails, prompt, longest in rows}


def _seconds(
    connection: Connection, later: ColumnElement[datetime], earlier: ColumnElement[datetime]
) -> ColumnElement[float]:
    """Return the seconds between two instants, as each database keeps them (`worker.storage.types.Instant`)."""
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", later) - func.extract("epoch", earlier), Float)
    return cast((type_coerce(later, BigInteger) - type_coerce(earlier, BigInteger)) / 1_000_000.0, Float)
