"""Functions of the language in SQL: rows that exist, or enough of them, found by index for each customer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, and_, exists, false, func, literal, literal_column, not_, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy.sql.elements import ColumnElement

from worker.domain.conditions.calls import Bought, Did, InFlow, Mailed, Redeemed, TaskDone
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.names import agreed
from worker.storage.conditions.quantities import Condition, Quantity, decided, either
from worker.storage.tables import coupon, event, journey, message, order_line, orders, request, stock, task
from worker.storage.types import Instant

_HANDED_OVER = ("sent", "unknown", "bounced", "complained")  # states of a message that went out, as far as is known


def bought(asked: Bought, context: SqlContext) -> Condition:
    """Whether enough counted orders hold the SKU or category."""
    order, line = orders.alias(), order_line.alias()
    what = literal(asked.what, SqlText())
    holding = (
        exists(literal_column("1"))
        .select_from(line)
        .where(line.c.order_id == order.c.id, or_(line.c.sku == what, line.c.category == what))
        .correlate(order, *context.outer)
    )
    conditions = [order.c.customer_id == context.customer.c.id, order.c.counted, holding]
    if asked.within is not None:
        conditions.append(order.c.placed_at >= literal(context.now - asked.within, Instant()))
    return _enough(order, conditions, asked.at_least, context)


def did(asked: Did, context: SqlContext) -> Condition:
    """Whether enough events of the type happened."""
    happened = event.alias()
    conditions: list[ColumnElement[Any]] = [
        happened.c.customer_id == context.customer.c.id,
        happened.c.type == literal(asked.event, SqlText()),
        happened.c.state == literal_column("'processed'"),
    ]
    if asked.within == "journey":
        if context.journey is None:
            return false()
        own = context.journey.c
        conditions += (
            happened.c.occurred_at > _began(context.journey, context),
            _of_its_own(happened.c.order_number, own.order_number),
            _of_its_own(happened.c.request, own.request),
        )
    elif asked.within is not None:
        conditions.append(happened.c.occurred_at >= literal(context.now - asked.within, Instant()))
    return _enough(happened, conditions, asked.at_least, context)


def mailed(asked: Mailed, context: SqlContext) -> Condition:
    """Whether a mail of the step was sent, opened or clicked."""
    if context.journey is None:
        return false()
    mail = message.alias()
    found = _enough(
        mail,
        [
            mail.c.journey_id == context.journey.c.id,
            mail.c.step == literal(asked.step, SqlText()),
            mail.c.state.in_([literal_column(f"'{state}'") for state in _HANDED_OVER]),
            func.coalesce(mail.c.sent_at, mail.c.transmitting_at).is_not(None)
            if asked.what == "sent"
            else mail.c[f"{asked.what}_at"].is_not(None),
        ],
        1,
        context,
    )
    return found if asked.what == "sent" else and_(agreed(context, "tracking"), found)


def task_done(asked: TaskDone, context: SqlContext) -> Condition:
    """Whether the journey's task of the step was done, in this turn of the journey."""
    if context.journey is None:
        return false()
    given = task.alias()
    mine = [
        given.c.journey_id == context.journey.c.id,
        given.c.turn == context.journey.c.turn,
        given.c.step == literal(asked.step, SqlText()),
        given.c.state == literal_column("'done'"),
    ]
    return _enough(given, mine, 1, context)


def open_request(context: SqlContext) -> Condition:
    """Whether the customer has a support request that is not closed."""
    case = request.alias()
    return _enough(case, [case.c.customer_id == context.customer.c.id, case.c.closed_at.is_(None)], 1, context)


def in_stock(what: Quantity) -> Condition:
    """Whether the shop has the article, or all of a list."""
    out = select(stock.c.sku).where(~stock.c.available)
    found: list[Condition] = [] if what.text is None else [what.text.in_(out)]
    if what.items is not None:
        found.append(what.items.any_of(out))
    return not_(decided(either(*found)))


def ordered(context: SqlContext) -> Condition:
    """Whether a counted order was placed since the journey began, its own not counted."""
    if context.journey is None:
        return false()
    order = orders.alias()
    own = context.journey.c
    return _enough(
        order,
        [
            order.c.customer_id == context.customer.c.id,
            order.c.counted,
            order.c.placed_at >= _began(context.journey, context),
            or_(own.order_number.is_(None), order.c.number != own.order_number),
        ],
        1,
        context,
    )


def redeemed(asked: Redeemed, context: SqlContext) -> Condition:
    """Whether a coupon of the name was redeemed since the journey began, by another order than its own."""
    if context.journey is None:
        return false()
    used = coupon.alias()
    own = context.journey.c
    return _enough(
        used,
        [
            used.c.customer_id == context.customer.c.id,
            used.c.name == literal(asked.coupon, SqlText()),
            used.c.redeemed_at >= _began(context.journey, context),
            or_(own.order_number.is_(None), used.c.order_number.is_(None), used.c.order_number != own.order_number),
        ],
        1,
        context,
    )


def in_flow(asked: InFlow, context: SqlContext) -> Condition:
    """Whether the customer is under way in the flow, with the same order where both have one."""
    under_way = journey.alias()
    conditions: list[ColumnElement[Any]] = [
        under_way.c.customer_id == context.customer.c.id,
        under_way.c.state == literal_column("'waiting'"),
        under_way.c.flow == literal(asked.flow, SqlText()),
    ]
    if context.journey is not None:
        conditions.append(_of_its_own(under_way.c.order_number, context.journey.c.order_number))
    elif context.order is not None:
        conditions.append(_of_its_own(under_way.c.order_number, context.order.c.number))
    return _enough(under_way, conditions, 1, context)


def _enough(table: FromClause, conditions: list[ColumnElement[Any]], at_least: int, context: SqlContext) -> Condition:
    if at_least == 1:
        return context.some(table, *conditions)
    counted = select(func.count()).select_from(table).where(*conditions).correlate(*context.outer)
    return counted.scalar_subquery() >= at_least


def _began(of: FromClause, context: SqlContext) -> ColumnElement[Any]:
    """Return when a journey began: at the event that began it, which may have been processed later."""
    trigger = event.alias()
    at = select(trigger.c.occurred_at).where(trigger.c.id == of.c.event_id).correlate(*context.outer)
    return func.coalesce(at.scalar_subquery(), of.c.entered_at, type_=Instant())


def _of_its_own(told: ColumnElement[Any], own: ColumnElement[Any]) -> Condition:
    return or_(told.is_(None), own.is_(None), told == own)
