"""A line that breaks without a word: each end notices, and nobody waits for rows that a lost host had locked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text, update

from tests.chaos.hosts.namespaces import Host, Network
from tests.support.postgres import PostgresMissingError, PostgresServer
from tests.support.processes import wait_until
from worker.domain.errors import UnavailableError
from worker.storage import lines
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import switch

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
LONG = 60.0  # seconds that a busy machine may take for what takes five
SHORT = {"keepalives_idle": "2", "keepalives_interval": "1", "keepalives_count": "2", "tcp_user_timeout": "4000"}


class Databases:
    """A database on a host of its own, and two hosts that work with it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.hosts: dict[str, Host] = {name: network.add(name) for name in ("db", "one", "two")}
        with self.hosts["db"].entered():
            self.server = PostgresServer(address=self.hosts["db"].address)
        self.name = self.server.create_database()
        self.server.execute("ALTER ROLE phin PASSWORD 'a password'")
        self.open: list[Database] = []

    def of(self, host: str) -> Database:
        """Return the database as this host reaches it; its connections are made by whoever has entered the host."""
        opened = Database(f"postgresql://phin:a%20password@{self.hosts['db'].address}/{self.name}")
        self.open.append(opened)
        with self.hosts[host].entered(), opened.reading() as connection:
            connection.execute(text("SELECT 1"))
        return opened

    def close(self) -> None:
        for database in self.open:
            database.close()
        self.server.close()


@pytest.fixture
def databases(network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[Databases]:
    """The same limits, tried with shorter times."""
    ours = {name: SHORT.get(name, value) for name, value in lines.OURS.items()}
    theirs = {
        name: SHORT.get(name.removeprefix("tcp_"), SHORT.get(name, value)) for name, value in lines.THEIRS.items()
    }
    monkeypatch.setattr(lines, "OURS", ours)
    monkeypatch.setattr(lines, "THEIRS", {**theirs, "idle_in_transaction_session_timeout": "0"})
    try:
        made = Databases(network)
    except PostgresMissingError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def test_rows_that_a_lost_host_had_locked_are_free_again(databases: Databases) -> None:
    """Given a host that is cut off while it has a row locked, when another wants the row, then it gets it soon."""
    one, two = databases.of("one"), databases.of("two")
    migrate(two)
    with two.writing() as connection:
        connection.execute(insert(switch).values(name="row", value=1, changed_at=NOW))
    mine = update(switch).where(switch.c.name == "row")
    with pytest.raises(UnavailableError), one.writing() as connection:
        connection.execute(mine.values(value=2))
        databases.network.cut_off(databases.hosts["one"])
        done = threading.Event()

        def other() -> None:
            with two.writing() as connection:
                connection.execute(mine.values(value=3))
            done.set()

        threading.Thread(target=other, daemon=True).start()
        assert done.wait(LONG), "the other host waits for a row that a lost one had locked"
    with two.reading() as connection:
        assert connection.execute(select(switch.c.value)).scalar_one() == 3


@pytest.mark.parametrize("working", [True, False], ids=["an answer is awaited", "it was idle"])
def test_a_host_that_lost_its_database_says_so_and_goes_on_when_it_is_back(databases: Databases, working: bool) -> None:
    """Given a connection, when the line breaks, then work by it soon fails as out of reach, and goes on later."""
    one = databases.of("one")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with databases.hosts["one"].entered(), one.reading() as connection:
                connection.execute(text("SELECT pg_sleep(900)" if working else "SELECT 1"))
        except Exception as error:
            failed.append(error)

    worker = threading.Thread(target=work, daemon=True)
    if working:
        worker.start()
        watching = databases.of("two")

        def sleeping() -> bool:
            with watching.reading() as connection:
                asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
                return bool(connection.execute(text(asked)).scalar_one())

        wait_until(sleeping, "the statement runs", LONG)
    databases.network.cut_off(databases.hosts["one"])
    if not working:
        worker.start()
    worker.join(LONG)
    assert [type(error) for error in failed] == [UnavailableError]

    databases.network.bring_back(databases.hosts["one"])
    with databases.hosts["one"].entered(), one.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
