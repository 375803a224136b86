"""Revenue of mails, flows and ways through them: what credited orders are worth now, refunds taken off.

A cancelled order is none. Each order is credited once, so these sums may be added up over mails and over flows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true

from worker.domain.journeys import TraceKind
from worker.storage.tables import credit, journey, message, orders, trace

_WORTH = func.sum(orders.c.total - orders.c.refunded)
_BOUGHT = credit.join(orders, orders.c.number == credit.c.order_number)


@dataclass(slots=True)
class Revenue:
    """Orders, and what they are worth by currency."""

    orders: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def add(self, count: int, currency: str, worth: Decimal) -> None:
        """Count further orders of a currency."""
        self.orders += count
        self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + worth


@dataclass(frozen=True, slots=True)
class CreditStory:
    """One purchase and what it is credited to."""

    order_number: str
    total: Decimal
    currency: str
    placed_at: datetime
    flow: str
    step: str | None
    by: str
    touched_at: datetime
    counted: bool


def by_flow(connection: Connection, since: datetime | None = None) -> dict[str, Revenue]:
    """Return the revenue of each flow that has any, by name.

    Parameters:
        since: only orders placed from then on; None: all.
    """
    placed = true() if since is None else credit.c.placed_at >= since
    return _summed(connection, credit.c.flow, placed)


def by_flow_of_journeys(connection: Connection, since: datetime | None = None) -> dict[str, Revenue]:
    """Return the same of the journeys that were entered since, whenever the orders were placed."""
    if since is None:
        return by_flow(connection)
    entered = select(journey.c.id).where(journey.c.id == credit.c.journey_id, journey.c.entered_at >= since)
    return _summed(connection, credit.c.flow, entered.exists())


def by_step(connection: Connection, flow: str, since: datetime | None = None) -> dict[str, Revenue]:
    """Return the revenue of each mail of a flow, by the name of its step; what no mail earned stands under `coupon`."""
    placed = true() if since is None else credit.c.placed_at >= since
    return _summed(connection, func.coalesce(credit.c.step, "coupon"), credit.c.flow == flow, placed)


def by_way(connection: Connection, flow: str, since: datetime | None = None) -> dict[tuple[str, str], Revenue]:
    """Return the revenue of each way at a fork that the credited journeys had taken when the mail was written.

    Parameters:
        since: only orders placed from then on; None: all.
    """
    way = trace.c.detail["way"].as_string()
    taken = (
        select(credit.c.order_number, trace.c.step, way.label("way"))
        .select_from(
            credit.join(trace, trace.c.journey_id == credit.c.journey_id).outerjoin(
                message, message.c.id == credit.c.message_id
            )
        )
        .where(
            credit.c.flow == flow,
            true() if since is None else credit.c.placed_at >= since,
            trace.c.kind == TraceKind.FORK.value,
            trace.c.at <= func.coalesce(message.c.created_at, credit.c.placed_at),
        )
        .distinct()
        .subquery()
    )
    summed = (
        select(taken.c.step, taken.c.way, orders.c.currency, func.count(), _WORTH)
        .select_from(taken.join(orders, orders.c.number == taken.c.order_number))
        .where(orders.c.counted)
        .group_by(taken.c.step, taken.c.way, orders.c.currency)
    )
    found: dict[tuple[str, str], Revenue] = {}
    for step, name, currency, count, worth in connection.execute(summed):
        if step is not None and name is not None:
            found.setdefault((step, name), Revenue()).add(count, currency, worth)
    return found


def of_mails(connection: Connection, messages: Iterable[int]) -> dict[int, list[CreditStory]]:
    """Return the purchases that are credited to each of these mails, the first first."""
    found: dict[int, list[CreditStory]] = {}
    for number, one in _stories(connection, credit.c.message_id.in_(sorted(messages))):
        found.setdefault(number, []).append(one)
    return found


def latest(connection: Connection, most: int, flow: str | None = None) -> list[CreditStory]:
    """Return the purchases that were credited to anything, the latest first.

    Parameters:
        flow: of this one only; None: of all.
    """
    mine = true() if flow is None else credit.c.flow == flow
    return [one for _, one in _stories(connection, mine, most)]


def _stories(
    connection: Connection, such: ColumnElement[bool], most: int | None = None
) -> list[tuple[int, CreditStory]]:
    order = credit.c.placed_at if most is None else credit.c.placed_at.desc()
    asked = (
        select(credit, orders.c.total, orders.c.refunded, orders.c.currency, orders.c.counted)
        .select_from(_BOUGHT)
        .where(such)
        .order_by(order, credit.c.order_number)
        .limit(most)
    )
    return [
        (
            row.message_id,
            CreditStory(
                row.order_number,
                row.total - row.refunded,
                row.currency,
                row.placed_at,
                row.flow,
                row.step,
                row.by,
                row.touched_at,
                row.counted,
            ),
        )
        for row in connection.execute(asked)
    ]


def _summed(connection: Connection, by: ColumnElement[Any], *such: ColumnElement[bool]) -> dict[str, Revenue]:
    asked = (
        select(by.label("of"), orders.c.currency, func.count(), _WORTH)
        .select_from(_BOUGHT)
        .where(orders.c.counted, *such)
        .group_by("of", orders.c.currency)
    )
    found: dict[str, Revenue] = {}
    for name, currency, count, worth in connection.execute(asked):
        found.setdefault(name, Revenue()).add(count, currency, worth)
    return found
