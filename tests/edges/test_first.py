"""`phin up --first`: a command runs once beside the processes, when the database is new, and ends with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.phin_up import PHIN_UP, make_home, phin_up
from tests.support.processes import alive, wait_until
from worker.domain.errors import SettingError
from worker.edges.environment import read_home
from worker.edges.first import clock_lines, has_nothing, move_clock
from worker.edges.movable_clock import Clock
from worker.storage.database import Database
from worker.storage.migrations import migrate


def small_home(folder: Path) -> Path:
    """Return a home with one flow and its mail, which is read in no time."""
    home = make_home(folder)
    for file in [*(home / "flows").glob("*.yaml"), *(home / "templates").glob("*.html")]:
        if file.name.partition(".")[0] != "order-confirmation":
            file.unlink()
    return home


def test_a_database_is_new_until_phin_has_its_tables_there(tmp_path: Path) -> None:
    """Given no file, then the database is new and stays unmade; given one with tables, then it is not new."""
    home = read_home({"PHIN_HOME": str(make_home(tmp_path))})
    assert has_nothing(home)
    assert not (home.settings.var / "phin.db").exists()
    home.settings.var.mkdir()
    database = Database(home.database_url)
    migrate(database)
    database.close()
    assert not has_nothing(home)


def test_a_postgres_database_is_looked_at_as_well(tmp_path: Path, postgres_url: str) -> None:
    """Given a database with tables, then it is not new; one that cannot be reached is left to those who follow."""
    folder = make_home(tmp_path)
    assert not has_nothing(read_home({"PHIN_HOME": str(folder), "PHIN_DATABASE_URL": postgres_url}))
    away = "postgresql://phin@127.0.0.1:1/nowhere"
    assert not has_nothing(read_home({"PHIN_HOME": str(folder), "PHIN_DATABASE_URL": away}))


def test_the_clock_is_moved_by_a_span_as_flows_write_it(tmp_path: Path) -> None:
    """Given a span, then the shop's time is that far off, and the banner has a line for it; else it is told."""
    home = read_home({"PHIN_HOME": str(make_home(tmp_path))})
    home.settings.var.mkdir()
    assert clock_lines(home) == []
    move_clock(home, "-34 days")
    ahead = Clock(home.settings.var / "clock").now() - datetime.now(UTC)
    assert abs(ahead + timedelta(days=34)) < timedelta(minutes=1)
    (line,) = clock_lines(home)
    assert (line.what, line.good) == ("34 days behind", False)
    with pytest.raises(SettingError, match="--clock 'last month' is no duration"):
        move_clock(home, "last month")


def test_it_runs_once_and_ends_with_the_house(tmp_path: Path) -> None:
    """Given phin up with a first command, then it runs after the banner, is told the address, and is ended with it.

    Given the same again, when the database is there, then it does not run, and the moved clock is told.
    """
    home, told = small_home(tmp_path), tmp_path / "told"
    script = f"sh -c 'echo \"$PHIN_UP_URL\" >> {told}; exec sleep 300'"
    arguments = (*PHIN_UP, "--clock", "-2 days", "--first", script)
    with phin_up(home, arguments=arguments) as up:
        wait_until(told.exists, "the command runs")
        wait_until(lambda: told.read_text() == f"{up.url}\n", "it is told the address")
        (sleeping,) = [process for process in up.family() if process.cmdline()[:1] == ["sleep"]]
        up.process.terminate()
        up.process.wait(30)
        assert alive([sleeping]) == []
    offset = Clock(home / "var" / "clock").offset()
    assert offset == timedelta(days=-2)
    with phin_up(home, arguments=arguments) as up:
        assert "2 days behind" in up.said
        assert not [process for process in up.family() if process.cmdline()[:1] == ["sleep"]]
    assert len(told.read_text().splitlines()) == 1
