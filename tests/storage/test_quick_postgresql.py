"""The short way to PostgreSQL's driver answers as SQLAlchemy's own, and fails in its words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, text, update
from sqlalchemy.exc import IntegrityError

from worker.domain.errors import NaiveDatetimeError, UnavailableError
from worker.storage.bulk import BulkInsert
from worker.storage.database import Database
from worker.storage.quick_postgresql import QuickPostgresql
from worker.storage.tables import customer, orders

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
ROWS = [
    {"external_id": f"c{number}", "name": name, "fields": {"points": number}, "created_at": NOW, "updated_at": NOW}
    | {"birthday": date(1990, 2, 3) if name else None, "tags": ["một", 'hai "ba" \\'] if name else []}
    for number, name in enumerate(("Lan", None, "Huy 100 %"))
]
BY_ID = select(customer).where(customer.c.id == bindparam("number"))
SOME = select(customer.c.id, customer.c.fields).where(customer.c.id.in_(bindparam("numbers", expanding=True)))
BY_CASE = select(customer.c.name).where(customer.c.created_at >= bindparam("since", type_=customer.c.created_at.type))


@pytest.fixture
def database(postgres_database: Database) -> Database:
    """A database with three customers, one of whom has an order."""
    order = {"number": "A1", "customer_id": 1, "total": Decimal("12.50"), "currency": "VND", "status": "placed"}
    with postgres_database.writing() as connection:
        connection.execute(insert(customer), ROWS)
        connection.execute(insert(orders), {**order, "counted": True, "refunded": Decimal(0), "placed_at": NOW})
    return postgres_database


READING: list[tuple[Any, ...]] = [
    (select(customer).order_by(customer.c.id),),
    (select(orders),),
    (select(customer.c.name, func.count().label("all")).group_by(customer.c.name).order_by(customer.c.name),),
    (BY_ID, {"number": 2}),
    (BY_ID, {"number": 99}),
    (SOME, {"numbers": [1, 3]}),
    (SOME, {"numbers": []}),
    (BY_CASE, {"since": NOW}),
    (BY_CASE, {"since": NOW.astimezone(timezone(timedelta(hours=7)))}),
    (select(customer.c.id).where(customer.c.id.in_([1, 2]), customer.c.name == "Lan"),),
    (select(customer.c.name).where(customer.c.name.like("%100 %%")),),
    (select(customer.c["fields"].label("values"), customer.c.created_at),),
    (text("SELECT name, id FROM customer ORDER BY id"),),
    (select(func.avg(orders.c.total), literal_column("1.5")),),
    (select(func.coalesce(func.sum(orders.c.total), 0)).where(orders.c.customer_id == 1),),
    (select(orders.c.number).order_by(orders.c.id).with_for_update(),),
]


@pytest.mark.parametrize("asked", READING, ids=lambda asked: " ".join(str(asked[0]).split())[:60])
def test_the_short_way_answers_as_the_usual_one(database: Database, asked: tuple[Any, ...]) -> None:
    """Given a statement, run three times as a module's own is, then rows, names and values are the same."""
    with database.reading() as connection:
        assert isinstance(connection, QuickPostgresql)
        expected = Connection.execute(connection, *asked)
        names, rows = list(expected.keys()), expected.all()
        for _ in range(3):
            found = connection.execute(*asked)
            assert list(found.keys()) == names
            assert [[(value, type(value)) for value in row] for row in found.all()] == [
                [(value, type(value)) for value in row] for row in rows
            ]
        assert [dict(row._mapping) for row in connection.execute(*asked)] == [dict(row._mapping) for row in rows]


def test_what_many_statements_ask_goes_the_short_way(database: Database) -> None:
    """Given statements as modules hold them, then SQLAlchemy's own way is not gone."""
    gone: list[str] = []

    class Watched(QuickPostgresql):
        def _execute_context(self, *asked: Any, **more: Any) -> Any:
            gone.append(str(asked[2]))
            return super()._execute_context(*asked, **more)

    with Watched(database.engine) as connection:
        for asked in (READING[0], READING[1], READING[3], READING[5], READING[7]):
            connection.execute(*asked).all()
        connection.execute(update(customer).values(name="An"))
        assert gone == []
        connection.execute(text("SELECT 1"))
        assert len(gone) == 1


def test_a_failure_is_told_in_sqlalchemys_words_and_takes_back_the_transaction(database: Database) -> None:
    """Given a conflict in the midst of a transaction, then its error names no value, and nothing of it stays."""
    with pytest.raises(IntegrityError) as failed, database.writing() as connection:
        connection.execute(update(customer).where(customer.c.id == 2).values(name="Bình"))
        connection.execute(insert(customer), {"external_id": "c1", "created_at": NOW, "updated_at": NOW})
    assert failed.value.orig is not None
    assert failed.value.orig.sqlstate == "23505"  # type: ignore[attr-defined]  # psycopg's
    with database.reading() as connection:
        assert connection.execute(BY_ID, {"number": 2}).one().name is None


def test_a_savepoint_undoes_only_what_is_in_it(database: Database) -> None:
    """Given a nested piece in which a statement fails, then the transaction around it keeps the rest."""
    with database.writing() as connection:
        connection.execute(update(customer).where(customer.c.id == 1).values(name="Lan Anh"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(update(customer).where(customer.c.id == 2).values(name="Bình"))
            connection.execute(insert(customer), {"external_id": "c1", "created_at": NOW, "updated_at": NOW})
        for _ in range(3):
            assert connection.execute(BY_ID, {"number": 1}).one().name == "Lan Anh"
        assert connection.exec_driver_sql("SELECT name FROM customer WHERE id = 2").scalar_one() is None
        connection.execute(update(customer).where(customer.c.id == 3).values(name="Bảo"))
    with database.reading() as connection:
        names = connection.execute(select(customer.c.name).order_by(customer.c.id)).scalars().all()
    assert names == ["Lan Anh", None, "Bảo"]


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    """Given a naive moment, then it is refused, for one row and for many."""
    naive = datetime(2027, 3, 1)  # noqa: DTZ001 - what is tested
    with pytest.raises(NaiveDatetimeError), database.reading() as connection:
        connection.execute(BY_CASE, {"since": naive})
    marks = BulkInsert("trigger_start", {"flow": "text", "trigger": "text", "since": "timestamptz"})
    with pytest.raises(NaiveDatetimeError), database.writing() as connection:
        marks.run(connection, [("f", "t", naive)])


def test_a_connection_that_breaks_is_told_as_an_outage_and_another_is_taken(database: Database) -> None:
    """Given a server that ends the connection within a transaction, then it is an outage, and the next one works."""
    with pytest.raises(UnavailableError), database.writing() as connection:
        number = connection.execute(select(func.pg_backend_pid())).scalar_one()
        with database.writing() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": number})
        connection.execute(BY_ID, {"number": 1})
    with database.reading() as connection:
        assert connection.execute(BY_ID, {"number": 1}).one().name == "Lan"


def test_a_connection_that_was_opened_anew_goes_on(database: Database) -> None:
    """Given a connection that was given up and opened anew by SQLAlchemy, then statements go to the new one."""
    with database.engine.connect() as connection:
        connection.execute(BY_ID, {"number": 1})
        connection.invalidate()
        connection.rollback()
        for _ in range(3):
            assert connection.execute(BY_ID, {"number": 1}).one().name == "Lan"
