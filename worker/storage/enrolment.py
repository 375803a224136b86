"""Customers entered into a flow by the database itself: one statement for many, each once under their key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import Text as SqlText
from sqlalchemy import cast as sql_cast

from worker.domain.calendars.turns import Turn
from worker.domain.conditions.tree import Expression
from worker.domain.facts import ShopFacts
from worker.domain.flows import Flow, Once, OnceKind
from worker.domain.journeys import JourneyState, TraceKind
from worker.domain.matching import YEARLY_APART, of_dates_alone, once_of, stands, under_way, waits_since
from worker.domain.triggers import ORDER_DATES, DateTrigger, Trigger
from worker.storage import again, journeys
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.sql import to_sql
from worker.storage.conditions.words import words_of
from worker.storage.rows import insert
from worker.storage.tables import customer, journey, orders, trace
from worker.storage.types import Id, Instant, Json

Sql = ColumnElement[Any]
Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Entrance:
    """By what customers come in, and when.

    Parameters:
        zone: by which `once: per 30 days` counts its days.
        segments: the expressions of the segments that `when` may name.
    """

    flow: Flow
    trigger: Trigger
    turn: Turn
    zone: ZoneInfo
    shop: ShopFacts
    now: datetime
    segments: Mapping[str, Expression] = field(default_factory=dict)

    @property
    def once(self) -> Once:
        """The rule of entry."""
        return once_of(self.flow, self.trigger)

    @property
    def of_order(self) -> bool:
        """Whether those who enter do so for an order, their first or their latest."""
        return isinstance(self.trigger, DateTrigger) and self.trigger.field in ORDER_DATES


def enrol(
    connection: Connection,
    version_id: int,
    entrance: Entrance,
    among: Sequence[Condition],
    detail: Mapping[str, Any],
    sets_aside: Callable[[int], bool] | None = None,
) -> list[int]:
    """Enter those customers who may, and for whom the flow's `when` holds; who has entered under the key stays out.

    So does whoever is under way in the flow; where the flow says so, that journey is started over. The journeys wait at
    no step, due now: stepping takes them to their first. Those of customers who are set aside never move.

    Parameters:
        among: conditions on `worker.storage.tables.customer` that say who is in question.
        detail: what the trace of each says of its entry.
        sets_aside: says of a customer's number whether it is one that is set aside; None: nobody is.

    Returns:
        The numbers of the journeys, those set aside too.
    """
    order = orders.alias("its_order") if entrance.of_order else None
    values: dict[str, Sql] = {
        "flow": literal(entrance.flow.name, SqlText()),
        "version_id": literal(version_id, Id),
        "customer_id": customer.c.id,
        "once_key": once_key(entrance, order),
        "state": literal(JourneyState.WAITING.value, SqlText()),
        "entered_at": literal(entrance.now, Instant()),
        "look_at": literal(entrance.now, Instant()),
        "turn_at": literal(entrance.turn.moment, Instant()),
        "day": literal(entrance.turn.day, Date()),
    }
    if order is not None:
        values["order_number"] = order.c.number
    begun = _start_over(connection, version_id, entrance, among, detail) if entrance.flow.restarts else []
    who = audience(connection, entrance, among, list(values.values()), order)
    statement = insert(connection, journey).from_select(list(values), who, include_defaults=False)
    returned = statement.on_conflict_do_nothing().returning(journey.c.id, journey.c.customer_id)
    made = connection.execute(returned).all()
    if made and connection.dialect.name == "postgresql":
        # The check of the foreign key would go by the plan of when there were few journeys: through all of them.
        connection.exec_driver_sql("DISCARD PLANS")
    aside = {row.id for row in made if sets_aside is not None and sets_aside(row.customer_id)}
    if aside:
        among_them = journey.c.id.in_(select(_rows_of(connection, sorted(aside))))
        connection.execute(update(journey).where(among_them).values(state=JourneyState.CONTROL.value, look_at=None))
    _tell(connection, [row.id for row in made if row.id not in aside], detail, entrance.now)
    _tell(connection, sorted(aside), {**detail, "control": True}, entrance.now)
    return [*begun, *(row.id for row in made)]


def _tell(connection: Connection, made: Sequence[int], detail: Mapping[str, Any], now: datetime) -> None:
    """Write the first line of each new journey's trace."""
    if not made:
        return
    line: list[Sql] = [
        _rows_of(connection, made),
        literal_column("1"),
        literal(now, Instant()),
        literal(TraceKind.ENTERED.value, SqlText()),
        literal(dict(detail), Json),
    ]
    said = select(*line).where(true())
    columns = ["journey_id", "number", "at", "kind", "detail"]
    connection.execute(insert(connection, trace).from_select(columns, said, include_defaults=False))


def _start_over(
    connection: Connection, version_id: int, entrance: Entrance, among: Sequence[Condition], detail: Mapping[str, Any]
) -> list[int]:
    """Start the journeys over that are under way of customers who would enter; each by itself, for they are few."""
    order = orders.alias("its_order") if entrance.of_order else None
    number: Sql = literal(None, SqlText()) if order is None else order.c.number
    columns = [customer.c.id, once_key(entrance, order).label("once_key"), number.label("order_number")]
    found = connection.execute(audience(connection, entrance, among, columns, order, going=True)).all()
    begun: list[int] = []
    for row in found:
        standing = again.standing(connection, row.id, entrance.flow.name, row.once_key)
        taken = any(one.once_key == row.once_key for one in standing)
        current = None if taken else under_way(entrance.flow, standing, row.once_key, row.order_number, None)
        if current is None:
            continue
        started = again.start_over(
            connection,
            current,
            version_id=version_id,
            once_key=current.once_key if entrance.once.kind is OnceKind.SPAN else row.once_key,
            now=entrance.now,
            order_number=row.order_number,
            turn_at=entrance.turn.moment,
            day=entrance.turn.day,
            detail=dict(detail),
        )
        begun += [started.id] if started is not None else []
    return begun


def audience(
    connection: Connection,
    entrance: Entrance,
    among: Sequence[Condition],
    columns: Sequence[Any],
    order: FromClause | None = None,
    *,
    going: bool = False,
) -> Select[Any]:
    """Return the customers who enter at this turn, but for those whose key there is already.

    Parameters:
        going: whether those are asked for who are under way in the flow, by another key; else they are left out.
        columns: what to select of each.
        order: the alias of `orders` under which the columns name the customer's order.
    """
    if order is None and entrance.of_order:
        order = orders.alias("its_order")
    source: FromClause = customer
    if order is not None:
        source = customer.outerjoin(order, order.c.id == order_entered_for(entrance.trigger))
    context = SqlContext(
        words_of(connection.dialect), entrance.now, entrance.shop, customer, order, segments=entrance.segments
    )
    conditions: list[Condition] = [*among, customer.c.erased_at.is_(None), customer.c.merged_into.is_(None)]
    if entrance.flow.when is not None:
        conditions.append(to_sql(entrance.flow.when.tree, context))
    if entrance.once.kind is OnceKind.SPAN:
        conditions.append(_long_ago(entrance))
    if entrance.once.kind is OnceKind.YEAR and of_dates_alone(entrance.flow):
        conditions.append(_not_of_late(entrance))
    if stands(entrance.flow):
        waits = _under_way(entrance, order)
        conditions.append(waits if going else ~waits)
    elif going:
        conditions.append(false())
    return select(*columns).select_from(source).where(and_(*conditions))


def _rows_of(connection: Connection, numbers: Sequence[int]) -> Sql:
    """Return numbers as a column of rows: a long list to compare with would be walked through for each row."""
    if connection.dialect.name == "postgresql":
        return func.unnest(literal(list(numbers), ARRAY(BigInteger()))).column_valued("made")
    return func.json_each(literal(json.dumps(list(numbers)), SqlText())).table_valued("value").c.value


def once_key(entrance: Entrance, order: FromClause | None = None) -> Sql:
    """Return the key under which a customer enters, unique with the flow and the customer."""
    turn, once = entrance.turn, entrance.once
    match once.kind:
        case OnceKind.EVER:
            return literal("ever", SqlText())
        case OnceKind.YEAR:
            return literal(f"year:{turn.year}", SqlText())
        case OnceKind.SEASON if turn.season is not None:
            return literal(f"season:{turn.season}", SqlText())
        case OnceKind.ORDER:
            number: Sql = _latest(orders.c.number).scalar_subquery() if order is None else order.c.number
            return func.coalesce(literal("order:", SqlText()) + number, literal(turn.name, SqlText()), type_=SqlText())
        case OnceKind.SPAN:
            last = _own_entries(entrance, journey.c.id).order_by(journey.c.entered_at.desc(), journey.c.id.desc())
            before: Sql = func.coalesce(sql_cast(last.limit(1).scalar_subquery(), SqlText()), "0", type_=SqlText())
            return literal("after:", SqlText()) + before
    return literal(turn.name, SqlText())


def _under_way(entrance: Entrance, order: FromClause | None) -> Condition:
    """Whether a journey of the customer in the flow waits, under another key, and of the same order where both have one
    (`worker.domain.matching.under_way`)."""
    conditions: list[Condition] = [
        journey.c.customer_id == customer.c.id,
        journey.c.flow == literal(entrance.flow.name, SqlText()),
        journeys.WAITING,
        journey.c.once_key != once_key(entrance, order),
    ]
    if order is not None:
        own, its = journey.c.order_number, order.c.number
        conditions.append(or_(own.is_(None), its.is_(None), own == its))
    waiting: Select[Any] = select(literal_column("1")).select_from(journey).where(*conditions)
    return exists(waiting.correlate(customer) if order is None else waiting.correlate(customer, order))


def _long_ago(entrance: Entrance) -> Condition:
    """Whether the customer's last entry is at least the span ago."""
    span = entrance.once.span
    assert span is not None
    since = literal(waits_since(span, entrance.turn, entrance.zone), Instant())
    own = _own_entries(entrance, literal_column("1"))
    # the first of the two is what an index serves: nobody enters before their turn
    return ~exists(
        own.where(journey.c.entered_at >= since, func.coalesce(journey.c.turn_at, journey.c.entered_at) >= since)
    )


def _not_of_late(entrance: Entrance) -> Condition:
    """Whether no entry of another year lies shortly before, as by a birthday corrected across New Year."""
    since = literal(entrance.turn.moment - YEARLY_APART, Instant())
    own = _own_entries(entrance, literal_column("1"))
    another = journey.c.once_key.like(literal_column("'year:%'")) & (journey.c.once_key != once_key(entrance))
    return ~exists(own.where(journey.c.entered_at > since, another))


def _own_entries(entrance: Entrance, column: Any) -> Select[Any]:
    own = (journey.c.customer_id == customer.c.id, journey.c.flow == literal(entrance.flow.name, SqlText()))
    return select(column).select_from(journey).where(*own).correlate(customer)


def order_entered_for(trigger: Trigger) -> Sql:
    """Return our number of the order that a customer enters for by a date of their orders: the first or the latest."""
    first = isinstance(trigger, DateTrigger) and trigger.field == "customer.first_order_at"
    return _latest(orders.c.id, first=first).scalar_subquery()


def _latest(column: Any, *, first: bool = False) -> Select[Any]:
    """Return something of the customer's latest (or first) order that counts."""
    found = select(column).where(orders.c.customer_id == customer.c.id, orders.c.counted).correlate(customer)
    if first:
        return found.order_by(orders.c.placed_at, orders.c.id).limit(1)
    return found.order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(1)
