"""The list of tasks: one's own and everybody's, in the order in which to do them, for who is signed in."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.edges.test_web_signin import sign_in, token_in
from tests.support.shop import LAN, START, Shop
from tests.support.web import WebHouse, client, web_house
from worker.delivery.links import staff_url
from worker.domain.staff import Person, Staff
from worker.domain.tasks import Priority, TaskType
from worker.edges.web.frame import OWNER
from worker.storage import tasks
from worker.storage.database import Database
from worker.storage.tables import customer
from worker.storage.tasks import NewTask

pytestmark = pytest.mark.anyio

HOA = Person("hoa", "Trần Thị Hoa", "hoa@thecoffee.example", "vi")
MINH = Person("minh", "Lê Văn Minh", "minh@thecoffee.example", "en")
STAFF = Staff(people={one.key: one for one in (HOA, MINH)})


@pytest.fixture
def house(database: Database, tmp_path: Path) -> WebHouse:
    """A shop of two people with a customer, and with tasks that were written in another order than they are due."""
    Shop(database).buy("A1", 450_000, LAN)
    house = web_house(database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    house.staff = lambda: STAFF
    with database.writing() as connection:
        about = connection.execute(select(customer.c.id)).scalar_one()
        for key, hours, who in (
            ("without", None, "hoa"), ("next week", 150, "hoa"), ("tonight", 9, "hoa"), ("tomorrow", 11, "hoa"),
            ("late", -3, "hoa"), ("his", 1, "minh"), ("whose", 2, None),
        ):  # fmt: skip
            due = None if hours is None else START + timedelta(hours=hours)
            title = {"vi": f"Gọi {key}", "en": f"Call {key}"}
            urgent = Priority.HIGH if key == "late" else Priority.NORMAL
            new = NewTask(key, TaskType.CALL, urgent, title, customer_id=about, assignee=who, due_at=due)
            assert tasks.add(connection, new, START - timedelta(days=1))
    return house


def said(text: str) -> str:
    """Return what a page's main part says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text[text.index("<main") :])).split())


async def test_one_s_own_tasks_stand_in_the_order_to_do_them(house: WebHouse) -> None:
    """Given tasks of two people, when one looks, then hers are there by late, today and later, each with her link."""
    async with client(house) as web:
        await sign_in(web, house)
        page = await web.get("/tasks")
    told = said(page.text)
    places = [
        told.index(word)
        for word in (
            "Quá hạn · 1", "Gọi late", "Ưu tiên", "Hôm nay · 1", "Gọi tonight",
            "Sau đó · 3", "Gọi tomorrow", "Gọi next week", "Gọi without", "Không có hạn",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "Gọi his" not in told and "Gọi whose" not in told and "Lan" in told
    opened = [house.tokens.read_task(token) for token in re.findall(r'href="[^"]*/t/([^"]+)"', page.text)]
    assert [one.person for one in opened if one] == ["hoa"] * 5


async def test_everybody_s_tasks_say_whose_they_are(house: WebHouse) -> None:
    """Given the same, when she switches to everybody's, then the others' are there too, with who has them."""
    async with client(house) as web:
        await sign_in(web, house)
        (switch,) = re.findall(r'href="(/tasks\?[^"]*)">Của mọi người', (await web.get("/tasks")).text)
        page = await web.get(unescape(switch))
    told = said(page.text)
    assert "Gọi his" in told and "Lê Văn Minh" in told
    assert "Gọi whose" in told and "chưa giao cho ai" in told


async def test_who_has_nothing_to_do_is_told_so(house: WebHouse, database: Database) -> None:
    """Given a person whose tasks are closed, and an owner without staff, then the list is empty, or everybody's."""
    with database.writing() as connection:
        for one in tasks.listed(connection, assignee="minh"):
            tasks.change(connection, one.id, assignee="hoa")
    async with client(house) as web:
        await sign_in(web, house, "minh")
        assert "No task is waiting for you." in (await web.get("/tasks")).text
        house.staff = Staff
    async with client(house) as web:
        await sign_in(web, house, OWNER)
        page = await web.get("/tasks?lang=en")
    assert "Call late" in page.text and "/t/" not in page.text


async def test_who_is_not_signed_in_is_told_how_to_get_in(house: WebHouse) -> None:
    """Given nobody signed in, when the list is asked for, then no task is told, but how to sign in is."""
    async with client(house) as web:
        page = await web.get("/tasks?lang=en")
    assert page.status_code == 403
    assert "You are not signed in" in page.text and "phin signin" in page.text
    assert "Call" not in said(page.text)


async def test_a_link_of_the_digest_leads_on_to_the_list(house: WebHouse) -> None:
    """Given the digest's link, when its button is pressed, and when it is opened again, then it goes on to the list;
    a word that is not of ours, and an address, lead to the first page."""
    path = staff_url(house.tokens, "", "hoa", house.clock.machine(), "tasks")
    async with client(house) as web:
        pressed = await web.post(path, data={"csrf": token_in(await web.get(path))})
        again = await web.get(path)
        assert pressed.headers["location"] == again.headers["location"] == "/tasks"
        for foreign in ("https://evil.example", "//evil.example", "/tasks", "", "outbox"):
            answer = await web.get(staff_url(house.tokens, "", "hoa", house.clock.machine()), params={"to": foreign})
            assert answer.headers["location"] == "/"


async def test_the_list_is_in_the_navigation(house: WebHouse) -> None:
    """Given somebody who is signed in, then the first page leads to the list by its navigation and from its tasks."""
    async with client(house) as web:
        await sign_in(web, house)
        home = (await web.get("/")).text
        listed = (await web.get("/tasks?lang=en")).text
    assert '<a href="/tasks">Việc</a>' in home and '<a href="/tasks?who=everyone">' in home
    assert '<a href="/tasks" aria-current="page">Tasks</a>' in listed
