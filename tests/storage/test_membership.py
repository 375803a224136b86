"""Looking for members: a slice of customers costs what the slice costs, however much lies in the tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.support.plans import count_rows, plan, statements_of
from tests.support.shop import START
from worker.domain.facts import ShopFacts
from worker.language.expressions.expressions import parse_expression
from worker.storage import membership
from worker.storage.database import Database
from worker.storage.membership import Looking, Who
from worker.storage.tables import customer, event, segment_member

MANY = 4_000
LOOKING = Looking(
    {
        "it": parse_expression(
            'did("product.viewed", within="7 days") and not did("purchase") and bought("arabica", at_least=2)'
            ' and customer.consent and not in_segment("other")'
        ),
        "other": parse_expression('did("signup") and customer.rfm != "lapsed"'),
    },
    ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", "vi", "VND"),
    START,
)


@pytest.fixture
def full(database: Database) -> Database:
    """A database in which every customer did much, and is in a segment."""
    numbers = range(1, MANY + 1)
    told = {"source": "s", "received_at": START, "content_hash": "", "payload": {}, "state": "processed"}
    with database.writing() as connection:
        people = [{"id": i, "created_at": START, "updated_at": START} for i in numbers]
        connection.execute(customer.insert(), people)
        for kind in ("signup", "product.viewed", "purchase"):
            happened = {"type": kind, "occurred_at": START - timedelta(days=3)}
            rows = [told | happened | {"external_id": f"{kind}{i}", "customer_id": i} for i in numbers]
            connection.execute(event.insert(), rows)
        members = [{"segment": name, "customer_id": i, "since": START} for name in ("it", "other") for i in numbers]
        connection.execute(segment_member.insert(), members)
    count_rows(database)
    return database


@pytest.mark.parametrize(
    "who",
    [lambda _: membership.between(1_000, 1_500), lambda connection: membership.among(connection, range(7, 3_000, 60))],
    ids=["slice", "changed"],
)
def test_no_table_is_read_whole_for_some_customers(full: Database, who: Callable[[Connection], Who]) -> None:
    """Given much that happened, when some customers are looked at, then what they did is found by index."""
    statements = statements_of(full, lambda c: membership.differences(c, "it", LOOKING, who(c)))
    lines = [line for statement, parameters in statements for line in plan(full, statement, parameters)]
    assert not [line for line in lines if re.search(r"(Seq Scan on|SCAN) (event|segment_member)", line)]
    assert any("segment_member" in line for line in lines)
