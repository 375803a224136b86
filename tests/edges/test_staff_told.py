"""What `phin report` and `phin why` tell of the staff's work."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.support.staffed import StaffedShop
from worker.domain.tasks import Outcome
from worker.edges.cli.report_staff import StaffFigures
from worker.edges.telling import tell
from worker.storage import customers, stories
from worker.storage.database import Database

SUPPORT = """
    kind: transactional
    trigger: {event: support.requested}
    steps:
      - task: "Answer {{ customer.name }}"
        name: answer
        assign: care
        due: 4 hours
        hold: true
      - task: Call
        assign: mai
        close_when: not open_request()
"""


@pytest.fixture
def shop(sqlite_database: Database) -> StaffedShop:
    """A shop with two requests, of which one was answered two hours later, five hours ago."""
    made = StaffedShop(sqlite_database)
    made.publish(support=SUPPORT)
    for number in ("R1", "R2"):
        made.send("support.requested", data={"request": number})
    made.remind()
    made.now += timedelta(hours=2)
    made.close(1, Outcome.DONE, "huy")
    made.now += timedelta(hours=5)
    return made


def test_the_report_tells_of_tasks_and_requests(shop: StaffedShop) -> None:
    """Given one request answered and one late, then the report says so, with who did it and how fast."""
    with shop.database.reading() as connection:
        figures = StaffFigures.read(connection, shop.now, None, 48)
    assert list(figures.lines()) == [
        ("tasks", "2 open, 1 of them late · 1 done (0 by itself) · 0 cancelled · median 2.0 h"),
        ("", "huy: 1 done · median 2.0 h"),
        ("support", "2 requests · 1 open, 0 of them late · 1 solved, 1 within 48 h"),
        ("to staff", "2 sent"),
    ]
    told = json.loads(json.dumps(figures.as_json()))
    assert told["tasks"]["by"] == {"huy": {"done": 1, "median_hours": 2.0}}
    assert (told["support_requests"]["in_time"], told["support_requests"]["solve_within_hours"]) == (1, 48)


def test_a_shop_without_tasks_is_told_nothing_of_them(sqlite_database: Database) -> None:
    """Given no task, no request and no mail to staff, then the report has no line about them."""
    with sqlite_database.reading() as connection:
        assert list(StaffFigures.read(connection, StaffedShop(sqlite_database).now, None, 48).lines()) == []


def test_the_story_tells_what_became_of_tasks(shop: StaffedShop) -> None:
    """Given a task done, one that waits late, then phin why tells who has done and who has it, and no staff mail."""
    with shop.database.reading() as connection:
        (customer,) = customers.find(connection, "c1")
        story = stories.story(connection, customer, {})
    lines = ["".join(part for part, _ in line) for line in tell(story, shop.settings.shop, shop.now)]
    answers = [line.split("answer", 1)[1].strip() for line in lines if " answer " in line]
    assert answers[0].startswith("done, by huy Mon 1 Mar")
    assert answers[1] == "goes on, the task is closed"
    assert answers[2].startswith("task of huy, due Mon 1 Mar")
    assert not any("staff/" in line for line in lines)
