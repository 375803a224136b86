"""What a database's error says of the database, and not of the work that it was given, is told apart from it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.ledger import NOW
from tests.support.shop import Shop
from worker.domain.errors import UnavailableError
from worker.engine import processing
from worker.storage.database import Database
from worker.storage.outages import outage
from worker.storage.tables import event, switch


def _fill(connection: Connection) -> None:
    """Do what a full disk has fail, by the database's own words."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA max_page_count = {_pages(connection)}")
        try:
            rows = [{"name": f"{number}{'x' * 5_000}", "value": 1, "changed_at": NOW} for number in range(100)]
            connection.execute(insert(switch), rows)
        finally:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000000")
    else:
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$")


def _pages(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def test_a_full_disk_is_no_fault_of_what_was_written(database: Database) -> None:
    """Given a disk that is full, when something is written, then the error says so, what to do, and nothing of it."""
    with pytest.raises(UnavailableError, match="its disk is full; make room"), database.writing() as connection:
        _fill(connection)
    with database.writing() as connection:
        connection.execute(insert(switch).values(name="small", value=1, changed_at=NOW))


def test_a_full_disk_within_a_part_that_may_fail_is_told_all_the_same(database: Database) -> None:
    """Given a transaction that a full disk ended, when its savepoint is gone with it, then the disk is what is told."""
    with (
        pytest.raises(UnavailableError, match="its disk is full"),
        database.writing() as connection,
        connection.begin_nested(),
    ):
        _fill(connection)


def test_an_event_is_not_counted_for_a_full_disk(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an event, when a full disk has its processing fail often, then it is not set aside, and goes through."""
    shop = Shop(database)
    _, work = shop.receive(
        {"id": "e1", "type": "signup", "time": shop.now.isoformat(), "customer": {"id": "c1", "email": "a@example.com"}}
    )

    def full(connection: Connection, *_: object) -> None:
        _fill(connection)

    with monkeypatch.context() as patched:
        patched.setattr(processing, "record", full)
        for _ in range(10):
            with pytest.raises(UnavailableError):
                shop.process(work)
    with database.reading() as connection:
        assert connection.execute(event.select()).one()._mapping["attempts"] == 0
    shop.process(work)
    with database.reading() as connection:
        assert connection.execute(event.select()).one()._mapping["state"] == "processed"


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("SET TRANSACTION READ ONLY; DELETE FROM switch", "it can only be read"),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'lock_not_available'; END $$", "holds a lock"),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'too_many_connections'; END $$", "max_connections"),
    ],
)
def test_postgresqls_own_words_are_read(postgres_database: Database, statement: str, why: str) -> None:
    """Given PostgreSQL that only reads, is locked or has no room for more, then the error names it."""
    with pytest.raises(UnavailableError, match=why), postgres_database.writing() as connection:
        connection.exec_driver_sql(statement)


def test_a_fault_of_the_work_stays_one(database: Database) -> None:
    """Given a row that breaks a rule, or a statement that is none, then it is the work's own fault."""
    with pytest.raises(IntegrityError) as broken, database.writing() as connection:
        connection.execute(insert(switch).values(name=None, value=1, changed_at=NOW))
    with pytest.raises(DBAPIError) as wrong, database.reading() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    assert (outage(broken.value), outage(wrong.value), outage(None)) == (None, None, None)
