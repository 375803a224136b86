"""The page of a task: it tells what a person needs, changes nothing by being looked at, and every button works once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from tests.support.shop import LAN, START, Shop
from tests.support.web import WebHouse, client, web_house
from worker.domain.staff import Person, Staff
from worker.domain.tasks import Priority, Task, TaskState, TaskType
from worker.storage import requests, tasks
from worker.storage.database import Database
from worker.storage.requests import Request
from worker.storage.tables import customer, event
from worker.storage.tasks import NewTask

MAI = Person("mai", "Nguyễn Thị Mai", "mai@the-coffee.example")
HUY = Person("huy", "Trần Quang Huy", "huy@the-coffee.example", language="en")
pytestmark = pytest.mark.anyio

STAFF = Staff({"mai": MAI, "huy": HUY}, {"care": ("mai", "huy")})
TITLE = {"vi": "Gọi cho Lan về đơn A1", "en": "Call Lan about order A1"}
DUE = START + timedelta(hours=2)  # 16:00 in Ho Chi Minh City


@pytest.fixture
def house(database: Database, tmp_path: Path) -> WebHouse:
    """A shop whose customer Lan ordered twice, and about whom Mai has a task."""
    shop = Shop(database)
    shop.buy("A1", 450_000, {**LAN, "phone": "0912 345 678"})
    shop.buy("A2", 120_000)
    house = web_house(database, tmp_path)
    house.staff = lambda: STAFF
    return house


def new_task(database: Database, key: str = "a", assignee: str = "mai") -> int:
    """Give a task out; returns its number."""
    with database.writing() as connection:
        number = connection.execute(select(customer.c.id)).scalar_one()
        new = NewTask(
            key, TaskType.CALL, Priority.HIGH, TITLE, {"": "Hỏi xem hạt có ngon không"},
            customer_id=number, order_number="A1", assignee=assignee, due_at=DUE, flow="post-purchase", step="call",
        )  # fmt: skip
        made = tasks.add(connection, new, START)
    assert made is not None
    return made


def stands(database: Database, number: int) -> Task:
    """Return the task as it stands."""
    with database.reading() as connection:
        return tasks.by_id(connection, [number])[number]


def reported(database: Database) -> list[str]:
    """Return the types of the events that came of tasks."""
    with database.reading() as connection:
        return list(connection.execute(select(event.c.type).where(event.c.type == "task.closed")).scalars())


def page_of(house: WebHouse, number: int, person: str = "mai") -> str:
    """Return the path of the person's page."""
    return f"/t/{house.tokens.task(number, person)}"


async def press(web: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Look at the page, and press a button of it."""
    shown = await web.get(path)
    found = re.search(r'name="csrf" value="([^"]+)"', shown.text)
    return await web.post(path, data={"csrf": found.group(1) if found else "", **fields})


async def test_it_tells_what_is_to_be_done_and_of_whom(house: WebHouse, database: Database) -> None:
    """Given a task, when its link is followed, by a scanner's HEAD and GET too, then it says what is to be done, until
    when, how the customer is reached and what they bought, and nothing has changed."""
    number = new_task(database)
    async with client(house) as web:
        vietnamese = await web.get(page_of(house, number))
        english = await web.get(page_of(house, number, "huy"))
        await web.head(page_of(house, number))

    told, text = unescape(vietnamese.text), unescape(english.text)
    for words in (TITLE["vi"], "Hạn 16:00", "tel:0912345678", "Đơn A2", "450.000 ₫", "Arabica 250 g", "Hỏi xem hạt"):
        assert words in told
    for words in (TITLE["en"], "Due 4:00", "It is Nguyễn Thị Mai’s to do", "Order A1"):
        assert words in text
    assert "no-store" in vietnamese.headers["cache-control"]
    assert stands(database, number).state is TaskState.OPEN and reported(database) == []


async def test_the_second_is_told_by_whom(house: WebHouse, database: Database) -> None:
    """Given a page that was loaded before another closed the task, when it is sent, then it says who closed it, what
    the first said of it stands, and it was reported once."""
    number = new_task(database)
    async with client(house) as first, client(house) as second:
        shown = await second.get(page_of(house, number, "huy"))
        token = re.findall(r'name="csrf" value="([^"]+)"', shown.text)[0]
        done = await press(first, page_of(house, number), action="close", outcome="not reached", remark="Máy bận")
        after = await first.get(done.headers["location"])
        late = await second.post(
            page_of(house, number, "huy"), data={"csrf": token, "action": "close", "outcome": "no longer needed"}
        )
    assert late.status_code == 409
    assert "Nguyễn Thị Mai had closed this task before" in unescape(late.text)
    task = stands(database, number)
    assert (done.status_code, task.closed_by, task.remark, task.state) == (303, "mai", "Máy bận", TaskState.CANCELLED)
    assert "Cảm ơn bạn" in after.text and "Máy bận" in after.text
    assert reported(database) == ["task.closed"] and house.queue.all().events


@pytest.mark.parametrize(("outcome", "remark"), [("done", "Máy bận"), ("not reached", "Gọi lại lúc 5 giờ")])
async def test_of_two_by_one_link_the_second_is_told_what_was_not_kept(
    house: WebHouse, database: Database, outcome: str, remark: str
) -> None:
    """Given two who hold Mai's link and have the page open, when both close the task with other words, then the second
    is told that their press changed nothing, and reads what was not kept."""
    number = new_task(database)
    path = page_of(house, number)
    async with client(house) as first, client(house) as second:
        token = re.findall(r'name="csrf" value="([^"]+)"', (await second.get(path)).text)[0]
        await press(first, path, action="close", outcome="not reached", remark="Máy bận")
        late = await second.post(path, data={"csrf": token, "action": "close", "outcome": outcome, "remark": remark})
    told = unescape(late.text)
    lost = {"done": "Đã xong", "not reached": "Không liên lạc được"}[outcome]
    assert late.status_code == 409
    assert "Lần bấm này không thay đổi gì" in told
    assert f"Chưa được ghi lại: {lost}<br>“{remark}”" in told
    assert stands(database, number).remark == "Máy bận"


async def test_a_button_pressed_twice_is_one_press(house: WebHouse, database: Database) -> None:
    """Given a task that Mai closed, when the same form comes again, then she is thanked, and nothing was lost; when
    she takes it or puts it off from an old page, then she is told that it is closed."""
    number = new_task(database)
    path = page_of(house, number)
    async with client(house) as web:
        token = re.findall(r'name="csrf" value="([^"]+)"', (await web.get(path)).text)[0]
        form = {"csrf": token, "action": "close", "outcome": "done", "remark": " Khách khen "}
        once, twice = await web.post(path, data=form), await web.post(path, data=form)
        after = await web.post(path, data={"csrf": token, "action": "snooze", "until": "2h"})
    assert once.headers["location"] == twice.headers["location"]
    assert after.status_code == 409 and "bạn đã đóng việc này" in unescape(after.text)
    assert reported(database) == ["task.closed"]


async def test_a_moment_is_said_once_and_a_promise_is_kept_in_sight(house: WebHouse, database: Database) -> None:
    """Given a task of a request, when it is put off beyond what the customer was promised, then its page says the new
    time once, and by when an answer was promised."""
    with database.writing() as connection:
        about = connection.execute(select(customer.c.id)).scalar_one()
        requests.opens(connection, Request("YC-1", about, None, "Hạt vỡ", None, START, START + timedelta(hours=8)))
        new = NewTask("r", TaskType.EMAIL, Priority.NORMAL, TITLE, customer_id=about, request="YC-1", due_at=DUE)
        number = tasks.add(connection, new, START)
    assert number is not None
    async with client(house) as web:
        before = unescape((await web.get(page_of(house, number))).text)
        await press(web, page_of(house, number), action="snooze", until="2h")
        within = unescape((await web.get(page_of(house, number))).text)
        await press(web, page_of(house, number), action="snooze", until="3d")
        after = unescape((await web.get(page_of(house, number))).text)
    promise = "đã hẹn khách trước 22:00"
    assert "Hạn 16:00" in before
    assert 'class="worrying">' not in before + within
    assert f'class="worrying">Yêu cầu của khách: {promise}' in after
    assert after.count("4/3") == 1 and "Được hoãn đến 08:30 4/3" in after


async def test_it_is_taken_and_put_off(house: WebHouse, database: Database) -> None:
    """Given Mai's task, when Huy takes it and puts it off until tomorrow, then it is his, in progress, back in the
    morning; and Mai, who takes it then, is told that he has it."""
    number = new_task(database)
    async with client(house) as web:
        await press(web, page_of(house, number, "huy"), action="take")
        taken = stands(database, number)
        refused = await press(web, page_of(house, number), action="take")
        await press(web, page_of(house, number, "huy"), action="snooze", until="tomorrow")
    later = stands(database, number)
    assert (taken.assignee, taken.state) == ("huy", TaskState.IN_PROGRESS)
    assert refused.status_code == 409 and "Trần Quang Huy đã nhận việc này trước" in unescape(refused.text)
    assert later.snoozed_until == later.due_at == datetime(2027, 3, 2, 1, 30, tzinfo=UTC)  # 08:30 on Tuesday


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "close"}, 422),  # without saying what came of it
        ({"action": "close", "outcome": "by itself"}, 422),
        ({"action": "close", "outcome": "done", "remark": "x" * 2_001}, 422),
        ({"action": "close", "outcome": "done", "csrf": ""}, 403),
        ({"action": "close", "outcome": "done", "csrf": "forged"}, 403),
        ({"action": "snooze", "until": "1999"}, 422),
        ({"action": "snooze"}, 422),
        ({"action": "burn"}, 422),
        ({}, 422),
    ],
)
async def test_what_is_not_meant_changes_nothing(
    house: WebHouse, database: Database, fields: dict[str, str], status: int
) -> None:
    """Given a form that is not filled in, or not ours, when it is sent, then the task stays, and the page says why."""
    number = new_task(database)
    async with client(house) as web:
        answer = await press(web, page_of(house, number), **fields)
    assert answer.status_code == status
    if status == 422:
        assert TITLE["vi"] in unescape(answer.text) and 'role="status"' in answer.text
    assert stands(database, number).state is TaskState.OPEN


async def test_of_an_erased_customer_only_what_was_done_is_left(house: WebHouse, database: Database) -> None:
    """Given a task whose customer was erased, when its link is followed, then the page names nobody and still opens."""
    number = new_task(database)
    with database.writing() as connection:
        person = connection.execute(select(customer.c.id)).scalar_one()
        blank = {"email": None, "name": None, "first_name": None, "phone": None, "erased_at": START}
        connection.execute(update(customer).values(**blank))
        tasks.forget(connection, person)
    async with client(house) as web:
        answer = await web.get(page_of(house, number))
        closed = await press(web, page_of(house, number), action="close", outcome="no longer needed")
    told = unescape(answer.text)
    assert answer.status_code == 200 and "đã được xóa" in told and f"Việc số {number}" in told
    assert not any(word in told for word in ("Lan", "0912", "lan@example.com", "Hỏi xem"))
    assert closed.status_code == 303 and not stands(database, number).is_open


async def test_a_link_that_is_not_ours_opens_nothing(house: WebHouse, database: Database) -> None:
    """Given a cut-off link, one of somebody who left, and one of a task that never was, then each page says so."""
    number = new_task(database)
    async with client(house) as web:
        for path in (page_of(house, number)[:-3], page_of(house, number, "gone"), page_of(house, 999)):
            for answer in (await web.get(path), await press(web, path, action="close", outcome="done")):
                assert answer.status_code in (403, 404)
                assert "Lan" not in answer.text
    assert stands(database, number).is_open
