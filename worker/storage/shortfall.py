"""How many customers a flow's condition leaves out, part by part: what keeps an audience empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, case, func, literal_column, not_, select, true

from worker.domain.conditions.tree import And, Expression, Name, Node
from worker.domain.facts import ShopFacts
from worker.domain.refusals import Failed, sides_of
from worker.domain.triggers import ORDER_DATES, DateTrigger, Trigger
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.names import name_in
from worker.storage.conditions.quantities import Sql, decided
from worker.storage.conditions.sql import to_sql
from worker.storage.conditions.words import words_of
from worker.storage.enrolment import order_entered_for
from worker.storage.tables import customer, orders


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What keeps customers out of a flow whose trigger finds them in the database.

    Parameters:
        customers: how many there are.
        undated: how many of them have no date in the field that the trigger goes by.
        held: how many the whole condition holds for.
        failed: the parts of the condition, with how many customers each leaves out; one may be left out by several.
    """

    customers: int
    undated: int = 0
    held: int = 0
    failed: tuple[Failed, ...] = ()


def shortfall(
    connection: Connection,
    trigger: Trigger,
    condition: Expression | None,
    shop: ShopFacts,
    now: datetime,
    segments: Mapping[str, Expression],
) -> Shortfall:
    """Count whom each part of a condition leaves out, over all customers; it reads them all, in one pass.

    Parameters:
        condition: the flow's `when`, or the segment's; what it joins by `and` are its parts.
    """
    dated = trigger if isinstance(trigger, DateTrigger) else None
    order = orders.alias("its_order") if dated is not None and dated.field in ORDER_DATES else None
    source: FromClause = customer
    if order is not None:
        source = customer.outerjoin(order, order.c.id == order_entered_for(trigger))
    context = SqlContext(words_of(connection.dialect), now, shop, customer, order, segments=segments)
    undated = literal_column("0") if dated is None else _count(not_(decided(_dated(dated, context))))
    columns: list[Any] = [func.count(), undated]
    parts = () if condition is None else parts_of(condition.tree)
    sides = sides_of(condition)
    columns.append(_count(decided(to_sql(condition.tree, context)) if condition is not None else true()))
    for part in parts:
        left_out = not_(decided(to_sql(part, context)))
        columns.append(_count(left_out))
        assert condition is not None
        side = sides.get(condition.written(part))
        nearest = None if side is None else name_in(Name(tuple(side[0].split("."))), context).number
        if side is None or nearest is None:
            columns.append(literal_column("NULL"))
        else:
            farthest = func.max if side[1] == "highest" else func.min
            columns.append(farthest(case((left_out, nearest))))
    mine = (customer.c.erased_at.is_(None), customer.c.merged_into.is_(None))
    row = connection.execute(select(*columns).select_from(source).where(*mine)).one()
    failed = []
    for number, part in enumerate(parts):
        times, extreme = row[3 + 2 * number], row[4 + 2 * number]
        assert condition is not None
        side = sides.get(condition.written(part))
        if times:
            nearest_value = None if extreme is None else float(extreme)
            said = side[1] if side is not None and nearest_value is not None else None
            failed.append(Failed(condition.written(part), int(times), said, nearest_value))
    failed.sort(key=lambda one: (-one.times, one.text))
    return Shortfall(int(row[0]), int(row[1] or 0), int(row[2] or 0), tuple(failed))


def parts_of(tree: Node) -> tuple[Node, ...]:
    """Return what a condition joins by `and`, or the condition itself."""
    return tree.operands if isinstance(tree, And) else (tree,)


def _dated(trigger: DateTrigger, context: SqlContext) -> Sql:
    return name_in(Name(tuple(trigger.field.split("."))), context).there()


def _count(condition: Sql) -> Sql:
    return func.sum(case((condition, 1), else_=0))
