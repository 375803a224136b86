"""Transactions lose no update, whoever writes at the same time."""

from __future__ import annotations

import itertools
import threading
import traceback
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from worker.domain.addresses import MASK
from worker.domain.errors import NaiveDatetimeError, SettingError
from worker.storage.database import Database, told
from worker.storage.postgresql import PLANS_LAST
from worker.storage.tables import address, customer, orders, switch

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)


def test_concurrent_writers_lose_no_update(database: Database) -> None:
    """Given four threads that each count up a number fifty times, when all are done, then nothing is lost."""
    with database.writing() as connection:
        connection.execute(insert(switch).values(name="count", value=0, changed_at=NOW))

    def count() -> None:
        for _ in range(50):
            with database.writing() as connection:
                held = select(switch.c.value).where(switch.c.name == "count").with_for_update()
                value = connection.execute(held).scalar_one()
                connection.execute(update(switch).where(switch.c.name == "count").values(value=value + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.reading() as connection:
        assert connection.execute(select(switch.c.value)).scalar_one() == 200


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """Given a transaction that fails half-way, when it is over, then none of it is there."""
    with pytest.raises(RuntimeError), database.writing() as connection:
        connection.execute(insert(switch).values(name="half", value=1, changed_at=NOW))
        raise RuntimeError
    with database.reading() as connection:
        assert connection.execute(select(switch.c.name)).all() == []


def test_instants_and_money_come_back_as_they_went_in(database: Database) -> None:
    """Given times in other zones and amounts with decimals, when they are read, then they are the same, in UTC."""
    at = datetime(2027, 3, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=7)))
    with database.writing() as connection:
        made = {"created_at": at, "updated_at": at}
        number = connection.execute(insert(customer).values(**made).returning(customer.c.id)).scalar_one()
        for name, total in (("A", Decimal("450000")), ("B", Decimal("19.9")), ("C", Decimal("0.0001"))):
            row = {"number": name, "customer_id": number, "total": total, "currency": "VND", "status": "placed"}
            connection.execute(insert(orders).values(**row))
    with database.reading() as connection:
        kept = connection.execute(select(customer.c.created_at)).scalar_one()
        totals = list(connection.execute(select(orders.c.total).order_by(orders.c.number)).scalars())
    assert kept == at
    assert kept.tzinfo is UTC
    assert totals == [Decimal("450000"), Decimal("19.9"), Decimal("0.0001")]


def test_a_naive_time_is_refused(database: Database) -> None:
    """Given a time without a zone, when it is written, then it is refused where it is made."""
    with pytest.raises(Exception) as caught, database.writing() as connection:
        connection.execute(insert(switch).values(name="x", value=1, changed_at=datetime(2027, 3, 1)))  # noqa: DTZ001
    assert isinstance(caught.value.__cause__ or caught.value, NaiveDatetimeError)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://localhost/x", "sqlite and postgresql"),
        ("sqlite://", "names no file"),
        ("::", "no database URL"),
        ("postgresql://phin:s3cret@host:port/name", "no database URL"),
    ],
)
def test_a_bad_url_says_what_is_wrong(url: str, told: str) -> None:
    """Given an address of no use, when the database is opened, then the error names the setting and the remedy."""
    with pytest.raises(SettingError, match=told) as caught:
        Database(url)
    assert "database_url" in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_a_databases_error_is_told_without_the_row(database: Database) -> None:
    """Given an address that is there already, when it is written again, then the error's words quote nothing of it."""
    add = insert(address).values(email="lan@example.com")
    with pytest.raises(IntegrityError) as caught, database.writing() as connection:
        connection.execute(add)
        connection.execute(add)
    words = "IntegrityError: SQLITE_CONSTRAINT" if database.is_sqlite else "UniqueViolation: 23505"
    assert told(caught.value).removesuffix("_PRIMARYKEY") == words  # as this SQLite's driver has it


def test_any_other_error_is_told_without_an_address() -> None:
    """Given an error whose words hold an address, when it is told, then only the address is missing."""
    assert told(ValueError("'lan@example.com' is no number")) == f"ValueError: '{MASK}' is no number"
    assert len(told(ValueError("x" * 10_000))) == 500


def test_a_plan_for_an_empty_table_does_not_last(postgres_url: str) -> None:
    """Given a connection whose checks were planned among few customers, when there are many, then it plans anew."""
    seconds = itertools.count()
    database = Database(postgres_url, pool=1, monotonic=lambda: float(next(seconds)))
    counts = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'customer'")
    new = {"created_at": NOW, "updated_at": NOW}

    def scans_for_an_order(number: int) -> int:
        row = {"number": str(number), "customer_id": 1, "total": 1, "currency": "VND", "status": "placed"}
        with database.writing() as connection:
            before = connection.execute(counts).scalar_one()
            connection.execute(insert(orders).values(row))
            return int(connection.execute(counts).scalar_one() - before)

    with database.writing() as connection:
        connection.execute(insert(customer).values(**new))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE customer"))
    assert [scans_for_an_order(number) for number in range(8)] == [1] * 8
    with database.writing() as connection:
        connection.execute(insert(customer), [new] * 3_000)
    assert [scans_for_an_order(number) for number in range(100, 100 + PLANS_LAST)][-1] == 0
    database.close()
