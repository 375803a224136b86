"""The short way of a connection to SQLite in a file: what it promises beside what `test_memory` holds it to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from worker.domain.errors import UnavailableError
from worker.storage import quick
from worker.storage.database import Database
from worker.storage.quick import QuickConnection
from worker.storage.quick_ways import FILLED_UP
from worker.storage.tables import customer, metadata

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
ADD = insert(customer)
COUNT = select(func.count()).select_from(customer)
SOME = select(customer.c.id).where(customer.c.id.in_(bindparam("numbers", expanding=True))).order_by(customer.c.id)


def row(number: int, name: str | None = None) -> dict[str, object]:
    """Return a customer's values."""
    return {"external_id": f"c{number}", "name": name, "created_at": NOW, "updated_at": NOW}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database in a file, with three customers."""
    made = Database(f"sqlite:///{tmp_path / 'phin.db'}")
    metadata.create_all(made.engine)
    with made.writing() as connection:
        connection.execute(ADD, [row(number) for number in (1, 2, 3)])
    yield made
    made.close()


def test_each_connection_of_the_file_goes_the_short_way(database: Database) -> None:
    """Given a database in a file, then its connections are quick, and what one has learnt of a statement serves all."""
    found = []
    for _ in range(3):
        with database.reading() as connection:
            assert isinstance(connection, QuickConnection)
            found.append(connection.execute(COUNT).scalar_one())
    assert found == [3, 3, 3]


def test_a_look_sees_one_state_of_the_database(database: Database) -> None:
    """Given a look of several statements, when another transaction commits between them, then it is not seen."""
    with database.reading() as connection:
        assert connection.execute(COUNT).scalar_one() == 3
        with database.writing() as other:
            other.execute(ADD, row(4))
        assert connection.execute(COUNT).scalar_one() == 3
    with database.reading() as connection:
        assert connection.execute(COUNT).scalar_one() == 4


def test_an_error_takes_the_whole_transaction_back(database: Database) -> None:
    """Given a transaction that fails after it wrote, then nothing of it is kept."""
    with pytest.raises(ValueError, match="no"), database.writing() as connection:
        connection.execute(ADD, row(4))
        raise ValueError("no")
    with database.reading() as connection:
        assert connection.execute(COUNT).scalar_one() == 3


def test_what_is_written_on_a_full_disk_is_not_kept_by_a_second_try(database: Database) -> None:
    """Given a disk that is full in the midst of a transaction, which SQLite then gives up, then no part is kept."""
    with database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    with pytest.raises((OperationalError, UnavailableError)), database.writing() as connection:
        connection.execute(text(f"PRAGMA max_page_count={pages + 2}"))
        with connection.begin_nested():
            for number in range(10, 200):
                connection.execute(ADD, row(number, "x" * 5_000))
    database.close()  # the limit was this connection's
    with database.reading() as connection:
        assert connection.execute(COUNT).scalar_one() == 3


@pytest.mark.parametrize("many", [0, 1, 3, 7, FILLED_UP - 1, FILLED_UP, FILLED_UP + 1])
def test_a_list_of_any_length_finds_what_is_in_it(database: Database, many: int) -> None:
    """Given a list of so many numbers, then the answer is SQLAlchemy's own, however the list is filled up."""
    with database.writing() as connection:
        for _ in range(3):
            asked = {"numbers": list(range(2, 2 + many))}
            usual = Connection.execute(connection, SOME, asked).scalars().all()
            assert connection.execute(SOME, asked).scalars().all() == usual
        outside = update(customer).where(customer.c.id.not_in(bindparam("numbers", expanding=True))).values(name="An")
        assert connection.execute(outside, {"numbers": list(range(2, 2 + many))}).rowcount == 3 - min(many, 2)


def test_what_is_kept_of_statements_has_an_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more statements than are kept, then all are answered, and the oldest are forgotten."""
    monkeypatch.setattr(quick, "MOST", 20)
    with database.reading() as connection:
        assert isinstance(connection, QuickConnection)
        for number in range(100):
            own = select(customer.c.id).where(customer.c.id == number).limit(number + 1)
            for _ in range(2):
                assert connection.execute(own).scalars().all() == ([number] if number in (1, 2, 3) else [])
            assert len(connection._kept.known) + len(connection._kept.ways) <= 20
