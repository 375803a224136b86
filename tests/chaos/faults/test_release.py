"""Bringing a database up to date twice, by two at once, or killed half-way: nothing is lost, the next finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event as happening
from sqlalchemy import func, select, text

from tests.chaos.faults.plant import LONG, make_home
from tests.support.postgres import PostgresServer
from tests.support.processes import clean_environment
from worker.storage.database import Database
from worker.storage.migrations import HERE, migrate, up_to_date
from worker.storage.tables import customer, flow, flow_version, message, publication

OLD = "0002"
PEOPLE = 300  # customers and mails that the older version left
KILLS = 25 if LONG else 5
_NOW = "'2027-03-01 07:00:00.000000+00:00'"


@pytest.fixture(params=["sqlite", "postgres"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database as an older version left it, with customers and mails."""
    server: PostgresServer | None = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    name = server.create_database() if server else ""
    url = server.url(name) if server else f"sqlite:///{tmp_path / 'old.db'}"
    database = Database(url)
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE))
    now = _NOW if server else "1804057200000000"
    with database.writing() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, OLD)
        for number in range(1, PEOPLE + 1):
            person = (
                "INSERT INTO customer (id, email, created_at, updated_at)"
                f" VALUES ({number}, 'c{number}@example.com', {now}, {now})"
            )
            mail = (
                "INSERT INTO message (id, key, customer_id, kind, template, created_at, not_before)"
                f" VALUES ({number}, 'old{number}', {number}, 'marketing', 't', {now}, {now})"
            )
            connection.execute(text(person))
            connection.execute(text(mail))
    database.close()
    yield url
    if server:
        server.drop_database(name)


def test_a_release_that_is_killed_half_way_is_finished_by_the_next(old_url: str) -> None:
    """Given an older version's database, when whoever brings it up to date is killed after the first of its
    statements, after the last, or in between, then it is as it was, and the next run finishes it with all rows."""
    total = _statements(old_url)
    assert total > 50
    for place in range(KILLS):
        at = 1 + place * (total - 1) // (KILLS - 1)
        assert _migrated(old_url, at) == -signal.SIGKILL
        assert _standing(old_url) == (OLD, PEOPLE, PEOPLE)
    assert _migrated(old_url, None) == 0
    revision, people, mails = _standing(old_url)
    assert revision != OLD
    assert (people, mails) == (PEOPLE, PEOPLE)


def test_two_releases_at_once_and_a_third_after_them_are_one(old_url: str, tmp_path: Path) -> None:
    """Given an older version's database, when two commands bring it up to date at once, and a third one after them,
    then each says that it is, and what was there and is published is there once."""
    environment = clean_environment(PHIN_HOME=str(make_home(tmp_path / "home")), PHIN_DATABASE_URL=old_url)
    release = [sys.executable, "-m", "worker.edges.cli", "release"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(release, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    both = [start(), start()]
    told = [process.communicate(timeout=300)[0] for process in both]
    told.append(subprocess.run(release, env=environment, capture_output=True, text=True, check=True).stdout)
    assert [process.returncode for process in both] == [0, 0], told
    assert all("database up to date" in one for one in told), told
    database = Database(old_url)
    with database.reading() as connection:
        assert up_to_date(connection)
        for table, count in ((customer, PEOPLE), (message, PEOPLE), (flow, 1), (flow_version, 1), (publication, 1)):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == count, table.name
    database.close()


def _statements(url: str) -> int:
    """Return how many statements bringing the database up to date takes; nothing of it stays."""
    counted: list[str] = []

    def enough(_: object) -> None:
        raise InterruptedError

    database = Database(url)
    happening.listen(database.engine, "after_cursor_execute", lambda *given: counted.append(given[2]))
    happening.listen(database.engine, "commit", enough)
    with pytest.raises(InterruptedError):
        migrate(database)
    database.close()
    return len(counted)


def _migrated(url: str, dies_at: int | None) -> int:
    """Bring the database up to date in a process of its own; returns how that ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        database = Database(url)
        if dies_at is not None:
            happening.listen(database.engine, "after_cursor_execute", _deadly(dies_at))
        migrate(database)
        os._exit(0)
    finally:
        os._exit(1)


def _deadly(at: int) -> Callable[..., None]:
    left = [at]

    def count(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def _standing(url: str) -> tuple[str | None, int, int]:
    """Return the step that the database is at, and how many customers and messages it has."""
    database = Database(url)
    with database.reading() as connection:
        counts = [
            int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())
            for name in ("customer", "message")
        ]
        revision = MigrationContext.configure(connection).get_current_revision()
    database.close()
    return revision, counts[0], counts[1]
