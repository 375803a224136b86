"""`customer.rfm` in SQL: the class that `worker.domain.rfm` gives, from the customer's own row."""

from __future__ import annotations

from sqlalchemy import Double, case, cast, func, literal_column, or_

from worker.domain.rfm import RfmClass
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.quantities import Sql, number


def rfm_class(context: SqlContext) -> Sql:
    """Return the customer's class as a text; never missing."""
    columns, limits = context.customer.c, context.shop.rfm
    orders: Sql = cast(columns.orders_count, Double())
    spent: Sql = cast(columns.total_spent, Double())
    average = spent / func.nullif(orders, literal_column("0"), type_=Double())
    days = context.words.days_passed(context.now, columns.last_order_at)
    _, four, three, two = limits.recency
    often_once, often, very_often, _ = limits.frequency
    return case(
        (orders <= number(0), _word(RfmClass.NONE)),
        (or_(columns.last_order_at.is_(None), days > number(two)), _word(RfmClass.LAPSED)),
        (days > number(three), _word(RfmClass.AT_RISK)),
        (
            (days <= number(four)) & (orders >= number(very_often)) & (average >= number(limits.monetary[2])),
            _word(RfmClass.CHAMPION),
        ),
        (orders >= number(often), _word(RfmClass.LOYAL)),
        ((days <= number(four)) & (orders < number(often_once)), _word(RfmClass.NEW)),
        else_=_word(RfmClass.POTENTIAL),
    )


def _word(of: RfmClass) -> Sql:
    return literal_column(f"'{of.value}'")
