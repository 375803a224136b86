"""What the short way to the driver promises on both databases alike."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import ResourceClosedError

from tests.support.plans import statements_of
from worker.storage import rows
from worker.storage.database import Database
from worker.storage.tables import customer

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
NAMES = select(customer.c.name).order_by(customer.c.id)


@pytest.fixture
def three(database: Database) -> Database:
    """A database with three customers."""
    given = [{"external_id": name, "name": name, "created_at": NOW, "updated_at": NOW} for name in ("a", "b", "c")]
    with database.writing() as connection:
        connection.execute(insert(customer), given)
    return database


def test_writing_tells_how_many_rows_and_gives_back_what_is_asked(three: Database) -> None:
    """Given changes, for one row and for several, then counts, returned rows and conflicts are those of SQLAlchemy."""
    new = {"external_id": "c9", "created_at": NOW, "updated_at": NOW, "total_spent": Decimal("12.5")}
    changes = update(customer).where(customer.c.id <= bindparam("most")).values(name=bindparam("new_name"))
    rename = update(customer).where(customer.c.id == bindparam("number")).values(name=bindparam("new_name"))
    with three.writing() as connection:
        new_only = rows.insert(connection, customer).on_conflict_do_nothing()
        adds = new_only.returning(customer.c.id, customer.c.total_spent)
        assert connection.execute(adds, new).all() == [(4, Decimal("12.5"))]
        assert connection.execute(adds, new).all() == []
        for most in (2, 0, 4):
            assert connection.execute(changes, {"most": most, "new_name": "Mai"}).rowcount == most
        assert connection.execute(delete(customer).where(customer.c.id == 4)).rowcount == 1
        connection.execute(rename, [{"number": 1, "new_name": "Hoa"}, {"number": 2, "new_name": "Ly"}])
        connection.execute(rename, [{"number": 3, "new_name": "An"}])
        assert connection.exec_driver_sql("UPDATE customer SET phone = '1' WHERE id < 3").rowcount == 2
    with three.reading() as connection:
        assert connection.execute(NAMES).scalars().all() == ["Hoa", "Ly", "An"]
        said = connection.exec_driver_sql("SELECT id, phone AS called FROM customer WHERE id = 2").one()
        assert (said.id, said.called) == (2, "1")


def test_a_closed_connection_runs_nothing(three: Database) -> None:
    """Given a connection that was given back, when it is used again, then it refuses, and the pool's is untouched."""
    with three.reading() as connection:
        connection.execute(NAMES)
    with pytest.raises(ResourceClosedError):
        connection.execute(NAMES)


def test_whoever_listens_to_the_engine_hears_each_statement(three: Database) -> None:
    """Given a listener, then statements take the way on which it is asked."""

    def work(connection: Connection) -> None:
        connection.execute(NAMES)
        connection.exec_driver_sql("SELECT 1")

    assert len(statements_of(three, work)) == 2
