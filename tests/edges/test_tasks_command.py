"""`phin tasks`: what is to be done, and what is said of it from a terminal."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.processes import clean_environment
from tests.support.shop import START, Shop
from worker.domain.tasks import Priority, TaskType
from worker.edges.standing import Lock
from worker.storage import tasks
from worker.storage.database import Database
from worker.storage.tables import customer
from worker.storage.tasks import NewTask

STAFF = """
people:
  mai: {name: Nguyễn Thị Mai, email: mai@the-coffee.example}
  huy: {name: Trần Quang Huy, email: huy@the-coffee.example}
roles: {care: [mai, huy]}
"""
NOTE = "Lan thích cà phê rang đậm.\nGọi sau giờ trưa."
LATE = {"vi": "Gọi cho Lan", "en": "Call Lan"}


class Terminal:
    """A shop's folder with two tasks, and commands typed in it."""

    def __init__(self, home: Path, url: str, database: Database) -> None:
        (home / "config").mkdir()
        (home / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
        (home / "config" / "staff.yaml").write_text(STAFF)
        shop = Shop(database)
        shop.buy("A1")
        with database.writing() as connection:
            number = connection.execute(select(customer.c.id)).scalar_one()
            for key, title, due, who in (("a", LATE, START, "mai"), ("b", {"": "Đóng gói quà"}, None, "huy")):
                new = NewTask(
                    key, TaskType.CALL, Priority.HIGH, title, customer_id=number, assignee=who, role="care", due_at=due
                )
                tasks.add(connection, dataclasses.replace(new, note={"": NOTE} if due else {}), START)
        self.home = home
        (home / "var").mkdir()
        ahead = START + timedelta(hours=1) - datetime.now(UTC)
        (home / "var" / "clock").write_text(f"{ahead.total_seconds():.0f}\n")
        self.environment = clean_environment(PHIN_HOME=str(home), PHIN_DATABASE_URL=url, COLUMNS="120")

    def phin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type a command of `phin tasks`."""
        return self.typed("tasks", *arguments)

    def typed(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type a command."""
        command = [sys.executable, "-m", "worker.edges.cli", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, text=True, check=False, timeout=60
        )

    def told(self, *arguments: str) -> dict[str, Any]:
        """Type a command, and read what it tells programs."""
        answer = self.phin(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout)
        return found


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str, sqlite_database: Database) -> Terminal:
    """A shop on SQLite."""
    return Terminal(tmp_path, sqlite_url, sqlite_database)


def test_tasks_are_listed_shown_and_handled(terminal: Terminal) -> None:
    """Given a late task of Mai's and one of Huy's without a due time, then the late one stands first, each filter
    finds its own, a task is handed on, put off and closed once, and who comes second is told by whom."""
    text, whole = terminal.phin(), terminal.told()
    assert [one["title"] for one in whole["tasks"]] == [LATE, {"": "Đóng gói quà"}]
    assert whole["counts"] == {"open": 2, "today": 0, "late": 1} and whole["requests"]["opened"] == 0
    assert "Gọi cho Lan" in text.stdout and "late" in text.stdout and "2 open" in text.stdout
    assert [one["assignee"] for one in terminal.told("--who", "huy")["tasks"]] == ["huy"]
    assert len(terminal.told("--who", "care")["tasks"]) == 2
    assert [one["number"] for one in terminal.told("--late")["tasks"]] == [1]
    assert terminal.told("--who", "nobody")["tasks"] == []

    shown = terminal.phin("show", "1")
    for words in (
        "Gọi cho Lan",
        "Nguyễn Thị Mai (mai) (role care)",
        "A1",
        "450,000 VND",
        "/t/",
        "\n  Lan thích",
        "\n  Gọi sau",
    ):
        assert words in shown.stdout
    assert terminal.phin("assign", "1", "huy").returncode == 0
    assert terminal.phin("snooze", "1", "2 days").returncode == 0
    (moved,) = [one for one in terminal.told()["tasks"] if one["number"] == 1]
    assert (moved["assignee"], moved["late"]) == ("huy", False)
    assert moved["due_at"] == moved["snoozed_until"] and moved["due_at"].startswith("2027-03-03T08:0")

    assert terminal.phin("done", "1", "--outcome", "not-reached", "--remark", "Máy bận").returncode == 0
    again = terminal.phin("done", "1", "--by", "mai")
    assert again.returncode == 1 and "Trần Quang Huy (huy) closed it" in again.stderr + again.stdout
    closed = terminal.told("--all")["tasks"]
    assert {(one["state"], one["closed_by"], one["remark"]) for one in closed} == {
        ("open", None, None),
        ("cancelled", "huy", "Máy bận"),
    }


def test_links_lead_to_the_house_that_runs(terminal: Terminal) -> None:
    """Given a house that runs on another port than the configured one, then links lead there; they do no longer when
    it has ended, and never where the shop names its address."""
    running, usual, named = "http://127.0.0.1:40123/", "http://127.0.0.1:8787/", "https://mail.the-coffee.example/"
    lock = Lock(terminal.home / "var")
    lock.tell(running.rstrip("/"))
    for command in (("tasks", "show", "1"), ("signin", "mai")):
        assert running in terminal.typed(*command).stdout
    terminal.environment["PHIN_BASE_URL"] = named
    assert named in terminal.typed("signin", "mai").stdout
    del terminal.environment["PHIN_BASE_URL"]
    lock.release()
    assert usual in terminal.typed("signin", "mai").stdout


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("show", "99"), "there is no task 99"),
        (("done", "2", "--by", "lan"), "there is no 'lan'"),
        (("assign", "2", "hui"), "did you mean 'huy'?"),
        (("snooze", "2", "someday"), "'2 hours'"),
        (("snooze", "2", "2020-01-01"), "to come"),
        (("--who", "caer"), "there is no 'caer'"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_can(terminal: Terminal, typed: tuple[str, ...], said: str) -> None:
    """Given a slip, when it is typed, then one line says what is wrong, and nothing has changed."""
    answer = terminal.phin(*typed)
    assert answer.returncode == 1 and said in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr
    assert {one["state"] for one in terminal.told("--all")["tasks"]} == {"open"}
