"""Outcomes: who did what a flow with a holdout is for, in both arms; and both arms counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, distinct, func, select, true

from worker.domain.journeys import Journey, JourneyState
from worker.domain.lift import Arm, Lift
from worker.domain.orders import Order
from worker.storage import journeys
from worker.storage.rows import insert
from worker.storage.tables import flow, flow_version, journey, orders, outcome

_BEGAN = func.coalesce(journey.c.first_at, journey.c.entered_at)
_COMPARED = (
    select(journey, _BEGAN.label("began"))
    .join(flow_version, journey.c.version_id == flow_version.c.id)
    .where(
        journey.c.customer_id == bindparam("customer"),
        flow_version.c.goal_event == bindparam("event"),
        flow_version.c.compared_within.is_not(None),
    )
    .order_by(_BEGAN, journey.c.id)
)
_CURRENT = flow_version.alias("current")
# Only what is alike is counted together: the share, the goal and the time of the version that new entries use.
_ALIKE = (
    journey.join(flow_version, journey.c.version_id == flow_version.c.id)
    .join(flow, flow.c.name == journey.c.flow)
    .join(
        _CURRENT,
        and_(
            _CURRENT.c.id == flow.c.version_id,
            _CURRENT.c.holdout == flow_version.c.holdout,
            _CURRENT.c.goal_event == flow_version.c.goal_event,
            _CURRENT.c.compared_within == flow_version.c.compared_within,
        ),
    )
)
# What was refunded since, or cancelled, is no revenue.
_NOW_WORTH = case(
    (orders.c.id.is_(None), outcome.c.amount), (orders.c.counted, orders.c.total - orders.c.refunded), else_=0
)
_ASIDE = case((journey.c.state == JourneyState.CONTROL.value, 1), else_=0)


def compared(connection: Connection, customer_id: int, event_type: str) -> list[tuple[Journey, datetime]]:
    """Return the customer's journeys of either arm with such a goal, the first first, each with when it began."""
    asked = {"customer": customer_id, "event": event_type}
    return [(journeys.from_row(row), row.began) for row in connection.execute(_COMPARED, asked)]


def add(connection: Connection, of: Journey, event_id: int, order: Order | None, now: datetime) -> bool:
    """Record that the customer did it whose first journey this is; says whether that is new."""
    values = {
        "journey_id": of.id,
        "event_id": event_id,
        "order_number": order.number if order else None,
        "amount": order.total if order else None,
        "currency": order.currency if order else None,
        "at": now,
    }
    statement = insert(connection, outcome).on_conflict_do_nothing().returning(outcome.c.journey_id)
    return connection.execute(statement, values).scalar() is not None


def compared_by(connection: Connection) -> frozenset[str]:
    """Return the types of events that are the goal of any version with a holdout."""
    some = select(flow_version.c.goal_event).where(flow_version.c.compared_within.is_not(None)).distinct()
    return frozenset(connection.execute(some).scalars())


def lifts(connection: Connection, name: str | None = None) -> dict[str, Lift]:
    """Return both arms of each flow that has a holdout and a goal, by name; a customer counts once.

    Parameters:
        name: of the only flow that is asked for.
    """
    counted: ColumnElement[bool] = true() if name is None else journey.c.flow == name
    reached = case((outcome.c.journey_id.is_not(None), journey.c.customer_id))
    people = (
        select(
            journey.c.flow,
            _ASIDE.label("aside"),
            _CURRENT.c.compared_within,
            func.count(distinct(journey.c.customer_id)).label("customers"),
            func.count(distinct(reached)).label("reached"),
        )
        .select_from(_ALIKE.outerjoin(outcome, outcome.c.journey_id == journey.c.id))
        .where(counted)
        .group_by(journey.c.flow, "aside", _CURRENT.c.compared_within)
    )
    money = (
        select(journey.c.flow, _ASIDE.label("aside"), outcome.c.currency, func.sum(_NOW_WORTH).label("amount"))
        .select_from(
            _ALIKE.join(outcome, outcome.c.journey_id == journey.c.id).outerjoin(
                orders, orders.c.number == outcome.c.order_number
            )
        )
        .where(counted, outcome.c.currency.is_not(None))
        .group_by(journey.c.flow, "aside", outcome.c.currency)
    )
    revenue: dict[tuple[str, int], dict[str, Decimal]] = {}
    for row in connection.execute(money):
        revenue.setdefault((row.flow, row.aside), {})[row.currency] = row.amount
    arms: dict[str, dict[int, Arm]] = {}
    within: dict[str, timedelta] = {}
    for row in connection.execute(people):
        arm = Arm(row.customers, row.reached, revenue.get((row.flow, row.aside), {}))
        arms.setdefault(row.flow, {})[row.aside] = arm
        within[row.flow] = timedelta(seconds=row.compared_within)
    return {one: _lift(found, within[one]) for one, found in sorted(arms.items())}


def _lift(found: Mapping[Any, Arm], within: timedelta) -> Lift:
    return Lift(found.get(0, Arm()), found.get(1, Arm()), within)
