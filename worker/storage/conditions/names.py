"""Names in SQL: the columns, fields and rows that `customer.birthday` or `event.total` stand for."""

from __future__ import annotations

from sqlalchemy import Date, Double, FromClause, and_, case, cast, false, func, literal, literal_column, true
from sqlalchemy import Text as SqlText

from worker.domain.conditions.catalogue import NAMES
from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.tree import Name
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.zones import days_by_zone, zone_of
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.quantities import Condition, Items, Quantity, Sql
from worker.storage.conditions.rfm import rfm_class
from worker.storage.tables import address, order_line
from worker.storage.types import Instant

MISSING = Quantity()
_ITS = address.alias()  # the customer's
_OTHERWISE = {"customer.id": "external_id", "event.at": "occurred_at"}  # columns that are not called like the name


def name_in(name: Name, context: SqlContext) -> Quantity:
    """Return what a name stands for.

    Raises:
        ExpressionError: the name has a beginning that is not known, which the check would have told.
    """
    root, *rest = name.path
    written = ".".join(name.path)
    match root:
        case "now" if not rest:
            return Quantity(time=literal(context.now, Instant()))
        case "today" if not rest:
            return Quantity(date=today(context))
        case "shop" if rest:
            return _of_shop(rest, context)
        case "customer" if rest:
            return _of_customer(written, rest, context)
        case "order" if rest:
            return _of_order(written, context)
        case "event" if rest:
            return _of_event(written, rest, context)
        case "journey" if rest:
            return _column(written, context.journey)
    raise ExpressionError(f"'{written}' is not known", name.at, name.length)


def today(context: SqlContext) -> Sql:
    """Return which day it is for the customer: by the zones in which it is another day than for the shop."""
    zone = context.customer.c.timezone
    day = context.now.astimezone(zone_of(None, context.shop.timezone)).date()
    others = [
        (zone.in_(sorted(zones)), literal(other, Date()))
        for other, zones in sorted(days_by_zone(context.now).items())
        if other != day
    ]
    return case(*others, else_=literal(day, Date())) if others else literal(day, Date())


def agreed(context: SqlContext, purpose: str) -> Condition:
    """Whether the customer's address agreed to the purpose."""
    asked = and_(_ITS.c.email == context.customer.c.email, _ITS.c[purpose] == literal_column("'subscribed'"))
    return context.some(_ITS, asked)


def _of_shop(path: list[str], context: SqlContext) -> Quantity:
    known = ("name", "language", "timezone", "currency")
    if len(path) != 1 or path[0] not in known:
        return MISSING
    text: str = getattr(context.shop, path[0])
    return Quantity(text=literal(text, SqlText()), fixed=text)


def _of_customer(name: str, path: list[str], context: SqlContext) -> Quantity:
    columns = context.customer.c
    match path:
        case ["consent"]:
            return Quantity(boolean=agreed(context, "marketing"))
        case ["tracking"]:
            return Quantity(boolean=agreed(context, "tracking"))
        case ["average_order"]:
            spent: Sql = cast(columns.total_spent, Double())
            count: Sql = cast(columns.orders_count, Double())
            return Quantity(number=spent / func.nullif(count, literal_column("0"), type_=Double()))
        case ["rfm"]:
            return Quantity(text=rfm_class(context))
        case ["tags"]:
            found = context.words.field(columns.tags, (), context.outer)
            return Quantity(items=found.items)
        case ["address"]:
            return MISSING
        case ["address", *rest]:
            return context.words.field(columns.address, rest, context.outer)
    if name in NAMES:
        return _column(name, context.customer)
    return context.words.field(columns.fields, path, context.outer)


def _of_order(name: str, context: SqlContext) -> Quantity:
    if name in ("order.categories", "order.skus"):
        return _lines("category" if name == "order.categories" else "sku", context)
    return _column(name, context.order)


def _lines(column: str, context: SqlContext) -> Quantity:
    line = order_line.alias()
    element = line.c[column]
    of_order = false() if context.order is None else line.c.order_id == context.order.c.id
    only = and_(of_order, element != literal_column("''")) if column == "category" else of_order
    return Quantity(items=Items(line, only, Quantity(text=element), true(), context.outer))  # never missing


def _of_event(name: str, path: list[str], context: SqlContext) -> Quantity:
    if context.event is None:
        return MISSING
    if name in NAMES:
        return _column(name, context.event)
    return context.words.field(context.event.c.payload, ("data", *path), context.outer)


def _column(name: str, table: FromClause | None) -> Quantity:
    if table is None or name not in NAMES:
        return MISSING
    column = table.c[_OTHERWISE.get(name, name.partition(".")[2])]
    match NAMES[name].type:
        case ValueType.NUMBER:
            return Quantity(number=cast(column, Double()))
        case ValueType.DATE:
            return Quantity(date=column)
        case ValueType.TIME:
            return Quantity(time=column)
    return Quantity(text=column)
