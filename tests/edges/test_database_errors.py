"""What goes wrong with the database is told on the command line in a line, with the remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.processes import clean_environment
from worker.storage.database import Database
from worker.storage.migrations import migrate


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A shop's folder with a database that is up to date."""
    for folder in ("config", "flows", "templates", "var"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    database = Database(f"sqlite:///{tmp_path}/var/phin.db")
    migrate(database)
    database.close()
    return tmp_path


def change(home: Path, statement: str) -> None:
    database = Database(f"sqlite:///{home}/var/phin.db")
    with database.writing() as connection:
        connection.execute(text(statement))
    database.close()


def flows(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", "flows"],
        env=clean_environment(PHIN_HOME=str(home), **environment),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_database_out_of_reach_is_named_without_its_password(home: Path) -> None:
    """Given a server that does not answer, then one line tells which database, which setting, and no password."""
    ran = flows(home, PHIN_DATABASE_URL="postgresql://phin:s3cr3t@127.0.0.1:1/shop")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    for part in ("'shop' at 127.0.0.1:1", "PHIN_DATABASE_URL", "cannot be reached", "refused"):
        assert part in ran.stderr
    assert "s3cr3t" not in ran.stderr


def test_what_a_database_refuses_is_told_in_its_own_words(home: Path) -> None:
    """Given a table that somebody dropped, then its own words come in one line without SQL; the rest when asked for."""
    change(home, "DROP TABLE switch")
    ran = flows(home)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert "no such table: switch" in ran.stderr and "SELECT" not in ran.stderr
    assert "PHIN_TRACEBACK=1" in ran.stderr
    assert "Traceback" in flows(home, PHIN_TRACEBACK="1").stderr


def test_a_database_of_another_version_names_the_remedy(home: Path) -> None:
    """Given a database that lacks a step, then the remedy is named before anything is asked of its tables."""
    change(home, "UPDATE alembic_version SET version_num = '0001'")
    ran = flows(home)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert "phin release" in ran.stderr


def test_a_file_that_is_no_database_is_told(home: Path) -> None:
    """Given something else in the database's place, then one line says so and which setting names it."""
    for path in (home / "var").glob("phin.db*"):
        path.unlink()
    (home / "var" / "phin.db").write_text("nothing of the kind\n" * 100)
    ran = flows(home)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert "file is not a database" in ran.stderr and "PHIN_DATABASE_URL" in ran.stderr
