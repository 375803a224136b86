"""The class of RFM in SQL is the one on values, at and beside every limit, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

from sqlalchemy import insert, select

from worker.domain.facts import ShopFacts
from worker.domain.rfm import RfmClass, RfmLimits, rfm_class
from worker.storage import customers
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.rfm import rfm_class as rfm_in_sql
from worker.storage.conditions.words import words_of
from worker.storage.database import Database
from worker.storage.tables import customer

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_both_readers_give_the_same_class(database: Database) -> None:
    """Given customers at, under and over each limit, then each has the same class in SQL and on values."""
    limits = RfmLimits()
    over = [timedelta(days=limit + 1) for limit in limits.recency]
    ago = [*over, *(span - TICK for span in over), timedelta(0), timedelta(days=-3)]
    counts = sorted({0, *(limit - 1 for limit in limits.frequency), *limits.frequency})
    averages = sorted({limit - 1 for limit in limits.monetary} | set(limits.monetary))
    rows = [
        {
            "orders_count": int(count),
            "total_spent": Decimal(int(count * average)),
            "last_order_at": None if span is None else NOW - span,
            "created_at": NOW,
            "updated_at": NOW,
        }
        for count, average, span in product(counts, averages, [*ago, None])
    ]
    shop = ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", "vi", "VND", rfm=limits)
    with database.writing() as connection:
        connection.execute(insert(customer), rows)
        context = SqlContext(words_of(connection.dialect), NOW, shop, customer)
        in_sql = {
            row.id: row.rfm for row in connection.execute(select(customer.c.id, rfm_in_sql(context).label("rfm")))
        }
        people = customers.by_id(connection, list(in_sql))
    assert in_sql == {number: rfm_class(one.facts, NOW, limits).value for number, one in people.items()}
    assert set(in_sql.values()) == {one.value for one in RfmClass}
