"""What the tests stand on is real: databases that are fresh and migrated, a queue server that can be killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.redis_server import RedisServer
from worker.storage.database import Database

pytest_plugins = ["pytester"]
WROTE = "CREATE TABLE mine (id integer primary key)"


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_fresh_migrated_database(database: Database, turn: int) -> None:
    """Given a test that leaves a table behind, when the next one runs, then its database has Phin's tables alone."""
    tables = set(inspect(database.engine).get_table_names())
    assert "mine" not in tables
    assert {"event", "message"} <= tables
    with database.writing() as connection:
        connection.execute(text(WROTE))


def test_a_postgres_server_keeps_what_was_committed_over_a_crash() -> None:
    """Given a server with fsync and a committed row, when all its processes are killed, then the row is there after."""
    server = PostgresServer(fsync=True)
    try:
        database = Database(server.url(server.create_database()))
        with database.writing() as connection:
            connection.execute(text(WROTE))
            connection.execute(text("INSERT INTO mine VALUES (1)"))
        server.stop("kill")
        server.start()
        with database.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM mine")).scalar_one() == 1
        database.close()
    finally:
        server.close()


def test_a_redis_server_comes_back_on_the_same_url(redis_server: RedisServer) -> None:
    """Given a server that is killed, when it starts again, then the same URL reaches it; emptied, it is empty."""
    client = redis_server.client()
    client.set("a", "1")
    redis_server.kill()
    redis_server.start()
    assert client.get("a") in (b"1", None)  # everysec: the last second may be lost
    redis_server.lose_everything()
    redis_server.start()
    assert client.dbsize() == 0


def test_the_clock_moves_by_hand(clock: HandClock) -> None:
    """Given the clock, then it stands still."""
    assert clock.now() == clock.now()


def test_a_skip_is_a_failure_where_skips_are_not_allowed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given PHIN_NO_SKIPS=1, when a test is skipped, then the run fails and says why it was skipped."""
    monkeypatch.setenv("PHIN_NO_SKIPS", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeconftest("from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport")
    pytester.makepyfile("import pytest\ndef test_it():\n    pytest.skip('no browser')")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no browser*"])
