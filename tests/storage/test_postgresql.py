"""Connections to PostgreSQL: what they ask again is prepared, and one that broke is replaced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import ProgrammingError

from tests.support.ledger import NOW
from worker.storage.database import Database
from worker.storage.tables import switch

ASKED = select(switch.c.value).where(switch.c.name.in_(["a", "b"]))
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%switch%'")


class Seconds:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return what it shows."""
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    """The clock of the connections."""
    return Seconds()


@pytest.fixture
def database(postgres_url: str, seconds: Seconds) -> Iterator[Database]:
    """A database with one connection."""
    opened = Database(postgres_url, pool=1, monotonic=seconds)
    yield opened
    opened.close()


def test_what_is_asked_again_is_prepared(database: Database) -> None:
    """Given looks that are each rolled back, when the same is asked in each, then the server keeps it prepared."""
    for _ in range(8):
        with database.reading() as connection:
            connection.execute(ASKED).all()
    with database.reading() as connection:
        assert connection.execute(PREPARED).scalar_one() == 1


def test_a_look_leaves_nothing(database: Database) -> None:
    """Given a look that writes, which it should not, when it is over, then nothing of it is there."""
    with database.reading() as connection:
        connection.execute(insert(switch).values(name="a", value=1, changed_at=NOW))
        assert connection.execute(ASKED).all()
    with database.reading() as connection:
        assert not connection.execute(ASKED).all()


def test_a_connection_goes_on_after_a_failure(database: Database) -> None:
    """Given a statement that fails in a look, when the next one is asked, then it is answered."""
    with pytest.raises(ProgrammingError), database.reading() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    with database.writing() as connection:
        connection.execute(insert(switch).values(name="a", value=1, changed_at=NOW))
    with database.reading() as connection:
        assert connection.execute(ASKED).scalar_one() == 1


def _end(database: Database, url: str) -> None:
    """Have the server end the connection of a database."""
    with database.reading() as connection:
        number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    other = Database(url)
    with other.writing() as connection:
        assert connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": number}).scalar_one()
    other.close()


@pytest.mark.parametrize("rest", [0, 2])
def test_a_connection_that_broke_is_replaced(
    database: Database, postgres_url: str, seconds: Seconds, rest: float
) -> None:
    """Given a connection that the server ended, when it is used at once or after a rest, then nobody notices."""
    _end(database, postgres_url)
    seconds.now += rest
    with database.writing() as connection:
        assert not connection.execute(ASKED).all()
