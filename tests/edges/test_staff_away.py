"""Whose task somebody on leave has is seen: in the list of the terminal, on the task's page, on the first page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from tests.edges.test_web_home import words
from tests.edges.test_web_signin import sign_in
from tests.support.shop import START
from tests.support.web import client, web_house
from worker.domain.setting_groups import Shop
from worker.domain.staff import DaysOff, Person, Staff, away_until
from worker.domain.tasks import Priority, TaskType
from worker.edges.task_lines import table
from worker.storage import tasks
from worker.storage.database import Database
from worker.storage.tasks import NewTask

pytestmark = pytest.mark.anyio

HOA = Person("hoa", "Hoa", "hoa@thecoffee.example", "en")
HUY = Person("huy", "Huy", "huy@thecoffee.example", days_off=(DaysOff(date(2027, 2, 27), date(2027, 3, 2)),))
STAFF = Staff({"hoa": HOA, "huy": HUY}, {"care": ("huy",)})
BACK = datetime(2027, 3, 3, 1, 30, tzinfo=UTC)  # Wednesday, 8:30 in Ho Chi Minh City


def test_who_has_leave_is_away_and_who_has_a_weekend_is_not() -> None:
    """Given leave, a holiday, a weekend and an evening, then the first two are told, with the moment of coming back."""
    saturday, evening = START + timedelta(days=5), START + timedelta(hours=8)
    assert [away_until(HUY, START), away_until(HOA, START)] == [BACK, None]
    assert [away_until(HOA, saturday), away_until(HOA, evening)] == [None, None]
    friday = datetime(2027, 4, 29, 23, tzinfo=UTC)  # 30 April, Reunification Day, early in the morning
    assert away_until(replace(HOA, country="VN"), friday) == datetime(2027, 5, 4, 1, 30, tzinfo=UTC)
    assert away_until(replace(HOA, week={}), START) is None


def _give(database: Database) -> int:
    with database.writing() as connection:
        new = NewTask("a", TaskType.CALL, Priority.NORMAL, {"": "Call Lan"}, assignee="huy", role="care")
        number = tasks.add(connection, new, START)
    assert number is not None
    return number


def test_the_terminal_says_when_they_are_back(sqlite_database: Database) -> None:
    """Given a task of somebody on leave, then the table has the day on which they are back."""
    number = _give(sqlite_database)
    with sqlite_database.reading() as connection:
        found = list(tasks.by_id(connection, [number]).values())
    console = Console(width=100)
    with console.capture() as shown:
        console.print(table(found, STAFF, Shop(), START))
    assert "huy, back 3 Mar" in shown.get()
    with console.capture() as shown:
        console.print(table(found, STAFF, Shop(), BACK))
    assert "back" not in shown.get()


async def test_the_pages_say_when_they_are_back(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a task of somebody on leave, then its page and the first page say until when nobody is there."""
    house = web_house(sqlite_database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    house.staff = lambda: STAFF
    number = _give(sqlite_database)
    async with client(house) as web:
        await sign_in(web, house)
        first = words(await web.get("/?lang=en"))
        page = f"/t/{house.tokens.task(number, 'hoa')}"
        english, vietnamese = words(await web.get(f"{page}?lang=en")), words(await web.get(f"{page}?lang=vi"))
    assert "Nobody is there for 1 task until " in first and "Huy (away until " in first
    assert "Away until " in english and "Người này nghỉ đến " in vietnamese
