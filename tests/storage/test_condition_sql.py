"""Conditions in SQL find exactly the customers for whom they hold on values, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Select, select
from sqlalchemy import event as sqlalchemy_event

from tests.support.condition_database import (
    SHOP,
    Rows,
    customer_facts,
    found_by_sql,
    journey_facts,
    journeys_by_sql,
    written_world,
)
from tests.support.condition_rows import worlds
from tests.support.condition_trees import conditions
from tests.support.condition_writing import written
from worker.domain.conditions.values import Reading
from worker.language.expressions.expressions import parse_expression
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.sql import to_sql
from worker.storage.conditions.words import words_of
from worker.storage.database import Database
from worker.storage.tables import customer

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)

# The same examples each time; test_condition_sql_cases.py keeps what a longer search must not lose again.
PROPERTY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@PROPERTY
@given(data=st.data(), world=worlds())
def test_both_readers_agree(database: Database, data: st.DataObject, world: tuple[datetime, Rows]) -> None:
    """Given any customers and any conditions, then SQL finds those for whom the condition holds on values."""
    now, rows = world
    segments = {
        name: parse_expression(written(data.draw(conditions(segment=True), label=name))) for name in ("one", "two")
    }
    reading = Reading(segments)
    with written_world(database, rows) as connection:
        of_customers, of_journeys = customer_facts(connection, now, rows), journey_facts(connection, now, rows)
        for number in range(8):
            tree = data.draw(conditions(), label=f"condition {number}")
            expression = parse_expression(written(tree))
            note(expression.text)
            held = {key for key, known in of_customers.items() if reading.holds(expression, known)}
            few = bool(number % 2)
            assert found_by_sql(connection, expression.tree, now, segments, few=few) == held, expression.text
            held = {key for key, known in of_journeys.items() if reading.holds(expression, known)}
            assert journeys_by_sql(connection, expression.tree, now, segments) == held, expression.text


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ('bought("arabica", within="90 days")', {"orders", "order_line"}),
        ('bought("arabica", at_least=2)', {"orders", "order_line"}),
        ('did("product.viewed", within="7 days", at_least=3)', {"event"}),
        ('not in_flow("welcome")', {"journey"}),
        ('bought("arabica") == false', {"orders", "order_line"}),
        ("customer.consent", {"address"}),
    ],
)
def test_the_past_is_looked_up_by_index(sqlite_database: Database, text: str, tables: set[str]) -> None:
    """Given a condition on the past, then the database finds it for each customer by index, without reading a table."""
    with sqlite_database.reading() as connection:
        context = SqlContext(words_of(connection.dialect), NOW, SHOP, customer)
        statement = select(customer.c.id).where(to_sql(parse_expression(text).tree, context))
        plan = [line.split() for line in explained(connection, statement)]
    assert {line[1] for line in plan if line[0] == "SCAN"} == {"customer"}, plan
    assert {line[1].rpartition("_")[0] for line in plan if line[0] == "SEARCH"} == tables, plan


def test_a_plain_comparison_stays_one(sqlite_database: Database) -> None:
    """Given a comparison of a column, then nothing is wrapped around it that would hide it from an index."""
    with sqlite_database.reading() as connection:
        context = SqlContext(words_of(connection.dialect), NOW, SHOP, customer)
        condition = to_sql(parse_expression('customer.email == "lan@example.com"').tree, context)
        plan = explained(connection, select(customer.c.id).where(condition))
    assert any("ix_customer_email" in line for line in plan), plan


def explained(connection: Connection, statement: Select[Any]) -> list[str]:
    """SQLite's plan, one line for each table that it reads."""
    sent: list[tuple[str, Any]] = []

    def notice(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        sent.append((sql, parameters))

    sqlalchemy_event.listen(connection, "before_cursor_execute", notice)
    connection.execute(statement)
    sqlalchemy_event.remove(connection, "before_cursor_execute", notice)
    sql, parameters = sent[-1]  # the first may have begun the transaction
    return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]
