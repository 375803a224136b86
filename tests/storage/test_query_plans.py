"""What runs at every moment is a search by index on both databases, however much lies there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy import event as on_event

from tests.support.shop import START, Shop
from worker.storage import customers, journeys, pending, stories
from worker.storage.database import Database
from worker.storage.due import due_work
from worker.storage.flowbook import Catalogue
from worker.storage.tables import customer, event, flow_version, journey

MANY = 3_000
WATCHED = ("event", "journey", "customer")


@pytest.fixture
def full(database: Database) -> Database:
    """A database with many events, customers and journeys, of which few are due."""
    shop = Shop(database)
    with database.writing() as connection:
        numbers = range(1, MANY + 1)
        told = {"source": "s", "type": "signup", "occurred_at": START, "received_at": START, "content_hash": ""}
        version = {"flow": "f", "number": 1, "meaning": "", "source": "", "published_at": START}
        connection.execute(flow_version.insert(), version)
        connection.execute(
            customer.insert(),
            [
                {"external_id": f"c{i}", "email": f"c{i}@example.com", "created_at": START, "updated_at": START}
                for i in numbers
            ],
        )
        connection.execute(
            event.insert(),
            [
                told
                | {"external_id": f"{state}{i}", "state": state, "payload": {}, "customer_id": i}
                | {"customer_key": f"id:c{i}", "email_key": f"email:c{i}@example.com"}
                for state in ("processed", "received", "refused")
                for i in numbers
            ],
        )
        later = START + timedelta(days=9)
        connection.execute(
            journey.insert(),
            [
                {"flow": "f", "version_id": 1, "customer_id": i, "once_key": state, "state": state, "entered_at": START}
                | {"due_at": later, "look_at": later}
                for state in ("waiting", "done")
                for i in numbers
            ],
        )
    if not database.is_sqlite:
        _count(database)
    assert shop.due(1).events
    return database


def _count(database: Database) -> None:
    """Have the database count what it has, as PostgreSQL does by itself and SQLite only when asked."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _first(connection: Connection) -> Any:
    return customers.by_external_id(connection, "c7")


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda c: due_work(c, Catalogue(1), START, 100), id="due"),
        pytest.param(lambda c: pending.take(c, [MANY + 7, MANY + 9], START), id="take"),
        pytest.param(lambda c: customers.hold(c, ["id:c7", "email:c9@example.com"], ["A1"]), id="hold customers"),
        pytest.param(lambda c: journeys.under_way(c, 7), id="under way"),
        pytest.param(lambda c: journeys.hold(c, [7, 9], START), id="hold journeys"),
        pytest.param(lambda c: journeys.wake_of(c, [7, 9]), id="wake"),
        pytest.param(lambda c: stories.story(c, _first(c), {}), id="story"),
    ],
)
def test_nothing_reads_a_whole_table(full: Database, work: Callable[[Connection], object]) -> None:
    """Given full tables, when what runs all the time is planned, then no statement reads one from end to end."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    on_event.listen(full.engine, "before_cursor_execute", note)
    with full.writing() as connection:
        work(connection)
    on_event.remove(full.engine, "before_cursor_execute", note)
    planned = [s for s in statements if s[0].lstrip().startswith(("SELECT", "UPDATE", "WITH"))]
    assert _scans(full, planned) == []
    _count(full)
    assert _scans(full, planned) == []


def test_a_search_through_a_whole_table_would_be_seen(full: Database) -> None:
    """Given a statement that no index serves, when it is planned, then this test's way of looking tells."""
    with full.reading() as connection:
        lines = _plan(connection, "SELECT id FROM event WHERE reason = 'x'", ())
    assert any(map(_reads_all, lines))


def _scans(database: Database, statements: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    with database.reading() as connection:
        return [
            (line, statement)
            for statement, parameters in statements
            for line in _plan(connection, statement, parameters)
            if _reads_all(line)
        ]


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "postgresql":
        return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def _reads_all(line: str) -> bool:
    """Whether a line of a plan reads a table from end to end, or an index that holds all of it."""
    words = line.replace("->", " ").split()
    if "Seq Scan on" in line:
        return words[words.index("on") + 1] in WATCHED
    return words[0] == "SCAN" and words[1] in WATCHED and not any(name in line for name in _OF_A_FEW)


# Indexes that hold only what waits: reading one of them is reading what is due.
_OF_A_FEW = ("ix_event_received", "ix_journey_look_at", "ix_journey_look_again", "ix_journey_under_way")
