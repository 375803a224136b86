"""The database in memory: the short way of its connection answers as the usual one, and what is undone is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from worker.storage.memory import MemoryDatabase
from worker.storage.tables import customer, orders

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
ROWS = [
    {"external_id": f"c{number}", "name": name, "fields": {"points": number}, "created_at": NOW, "updated_at": NOW}
    for number, name in enumerate(("Lan", None, "Huy"))
]
BY_ID = select(customer).where(customer.c.id == bindparam("number"))
SOME = select(customer.c.id, customer.c.fields).where(customer.c.id.in_(bindparam("numbers", expanding=True)))


@pytest.fixture
def database() -> Iterator[MemoryDatabase]:
    """A database with three customers."""
    made = MemoryDatabase()
    with made.writing() as connection:
        connection.execute(insert(customer), ROWS)
    yield made
    made.close()


def usual(connection: Connection, *asked: Any) -> Any:
    """Run a statement as SQLAlchemy does by itself."""
    return Connection.execute(connection, *asked)


READING: list[tuple[Any, ...]] = [
    (select(customer).order_by(customer.c.id),),
    (select(customer.c.name, func.count().label("all")).group_by(customer.c.name).order_by(customer.c.name),),
    (BY_ID, {"number": 2}),
    (BY_ID, {"number": 99}),
    (SOME, {"numbers": [1, 3]}),
    (SOME, {"numbers": []}),
    (SOME, {"numbers": (2,)}),
    (select(customer.c.id).where(customer.c.id.in_([1, 2]), customer.c.name == "Lan"),),
    (select(customer.c["fields"].label("values"), customer.c.created_at),),
    (text("SELECT name, id FROM customer ORDER BY id"),),
    (select(func.coalesce(func.sum(orders.c.total), 0)).where(orders.c.customer_id == 1),),
]


@pytest.mark.parametrize("asked", READING, ids=lambda asked: " ".join(str(asked[0]).split())[:60])
def test_the_short_way_answers_as_the_usual_one(database: MemoryDatabase, asked: tuple[Any, ...]) -> None:
    """Given a statement, run three times as a module's own is, then rows, names and values are the same."""
    with database.reading() as connection:
        expected = usual(connection, *asked)
        names, rows = list(expected.keys()), expected.all()
        for _ in range(3):
            found = connection.execute(*asked)
            assert list(found.keys()) == names
            assert found.all() == rows
        assert [dict(row._mapping) for row in connection.execute(*asked)] == [dict(row._mapping) for row in rows]
        assert connection.execute(*asked).first() == (rows[0] if rows else None)


def test_one_statement_with_other_values_and_other_numbers_of_values(database: MemoryDatabase) -> None:
    """Given one statement run again and again, then each time its own values count."""
    with database.reading() as connection:
        for number, name in ((1, "Lan"), (2, None), (3, "Huy"), (1, "Lan")):
            assert connection.execute(BY_ID, {"number": number}).one().name == name
        for numbers in ([1], [1, 2], [3], [], [2, 3, 1]):
            found = connection.execute(SOME, {"numbers": numbers}).scalars().all()
            assert sorted(found) == sorted(numbers)


def test_a_failure_is_told_in_sqlalchemys_words_and_takes_back_the_transaction(database: MemoryDatabase) -> None:
    """Given a conflict in the midst of a transaction, then nothing of it stays, and an outer one goes on."""
    with database.writing() as outer:
        outer.execute(update(customer).where(customer.c.id == 1).values(name="Lan Anh"))
        with pytest.raises(IntegrityError), database.writing() as inner:
            inner.execute(update(customer).where(customer.c.id == 2).values(name="Bình"))
            inner.execute(insert(customer), {"external_id": "c1", "created_at": NOW, "updated_at": NOW})
        assert list(outer.execute(select(customer.c.name).order_by(customer.c.id)).scalars()) == [
            "Lan Anh",
            None,
            "Huy",
        ]


def test_a_savepoint_of_the_engine_undoes_only_what_is_in_it(database: MemoryDatabase) -> None:
    """Given a nested piece that fails, then the transaction around it keeps the rest."""
    with database.writing() as connection:
        connection.execute(update(customer).where(customer.c.id == 1).values(name="Lan Anh"))
        with pytest.raises(ValueError, match="no"), connection.begin_nested():
            connection.execute(update(customer).where(customer.c.id == 2).values(name="Bình"))
            raise ValueError("no")
        assert list(connection.execute(select(customer.c.name).order_by(customer.c.id)).scalars())[:2] == [
            "Lan Anh",
            None,
        ]


def test_rows_of_parameters_are_written_one_after_another(database: MemoryDatabase) -> None:
    """Given several rows for one statement, then all are written, and what each gives back comes in their order."""
    add = insert(customer).returning(customer.c.id, customer.c.name)
    rename = update(customer).where(customer.c.id == bindparam("number")).values(name=bindparam("new_name"))
    given = [{"external_id": f"n{name}", "name": name, "created_at": NOW, "updated_at": NOW} for name in ("Mai", "An")]
    with database.writing() as connection:
        assert connection.execute(add, given).all() == [(4, "Mai"), (5, "An")]
        renamed = connection.execute(rename, [{"number": 4, "new_name": "Hoa"}, {"number": 99, "new_name": "Ly"}])
        assert renamed.rowcount == 1
        assert connection.execute(BY_ID, {"number": 4}).one().name == "Hoa"


def test_what_is_undone_is_gone_numbers_too(database: MemoryDatabase) -> None:
    """Given what is written within `undone`, then afterwards nothing of it is there, and numbers begin anew."""
    add = insert(customer).returning(customer.c.id)
    given = {"external_id": "c9", "created_at": NOW, "updated_at": NOW}
    for _ in range(2):
        with database.undone(), database.writing() as connection:
            assert connection.execute(add, given).scalar_one() == 4
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(customer)).scalar_one() == 3
