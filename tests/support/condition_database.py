"""A database with customers for tests of conditions, and both readers' answers about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from worker.domain.conditions.tree import Expression, Node
from worker.domain.facts import Facts, Need, ShopFacts
from worker.storage import customers, facts, journeys
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.sql import to_sql
from worker.storage.conditions.words import words_of
from worker.storage.database import Database
from worker.storage.tables import customer, event, journey, metadata, orders

SHOP = ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", "vi", "VND")
ALL = frozenset(Need)
Rows = dict[str, list[dict[str, Any]]]


@contextmanager
def written_world(database: Database, rows: Rows) -> Iterator[Connection]:
    """A connection that sees the rows; they are taken back at the end."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        for table, values in rows.items():
            if values:
                connection.execute(insert(metadata.tables[table]), values)
        yield connection
        transaction.rollback()


def found_by_sql(
    connection: Connection, node: Node, now: datetime, segments: Mapping[str, Expression], *, few: bool = False
) -> set[int]:
    """Customers, by their number, for whom the condition holds in SQL; `few` as in a statement about some of them."""
    context = SqlContext(words_of(connection.dialect), now, SHOP, customer, segments=segments, few=few)
    return set(connection.scalars(select(customer.c.id).where(to_sql(node, context))))


def journeys_by_sql(connection: Connection, node: Node, now: datetime, segments: Mapping[str, Expression]) -> set[int]:
    """Journeys, by their number, for which the condition holds in SQL."""
    context = SqlContext(words_of(connection.dialect), now, SHOP, customer, orders, event, journey, segments)
    statement = (
        select(journey.c.id)
        .join(customer, customer.c.id == journey.c.customer_id)
        .outerjoin(orders, orders.c.number == journey.c.order_number)
        .outerjoin(event, event.c.id == journey.c.event_id)
        .where(to_sql(node, context))
    )
    return set(connection.scalars(statement))


def customer_facts(connection: Connection, now: datetime, rows: Rows) -> dict[int, Facts]:
    """Facts of each customer, as processing loads them."""
    return {
        number: facts.load(connection, facts.Asking(one, ALL), SHOP, now)
        for number, one in customers.by_id(connection, [row["id"] for row in rows["customer"]]).items()
    }


def journey_facts(connection: Connection, now: datetime, rows: Rows) -> dict[int, Facts]:
    """Facts of each journey, as stepping loads them."""
    people = customers.by_id(connection, [row["id"] for row in rows["customer"]])
    asking = journeys.by_id(connection, [row["id"] for row in rows["journey"]])
    asked = [(one, people[one.customer_id], ALL) for one in asking.values()]
    return facts.for_journeys(connection, asked, SHOP, now)
