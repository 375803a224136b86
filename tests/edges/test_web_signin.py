"""Signing in by a signed link: one press, no account; whoever has no link, or an old one, stays outside."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.web import WebHouse, client, web_house
from worker.delivery.links import staff_url
from worker.domain.staff import Person, Staff
from worker.edges.web.forms import FIELD
from worker.edges.web.frame import OWNER
from worker.storage.database import Database

pytestmark = pytest.mark.anyio

BASE = "http://127.0.0.1:8787"
HOA = Person("hoa", "Trần Thị Hoa", "hoa@thecoffee.example", "vi")
MINH = Person("minh", "Lê Văn Minh", "minh@thecoffee.example", "en")


@pytest.fixture
def house(sqlite_database: Database, tmp_path: Path) -> WebHouse:
    """A shop with two people."""
    house = web_house(sqlite_database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    staff = Staff(people={one.key: one for one in (HOA, MINH)})
    house.staff = lambda: staff
    return house


def link(house: WebHouse, person: str = "hoa") -> str:
    return staff_url(house.tokens, "", person, house.clock.machine())


def token_in(page: httpx.Response) -> str:
    """Return the value of the page's hidden field."""
    found = re.search(rf'name="{FIELD}" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def sign_in(web: httpx.AsyncClient, house: WebHouse, person: str = "hoa") -> httpx.Response:
    """Open the link and press the button."""
    path = link(house, person)
    return await web.post(path, data={FIELD: token_in(await web.get(path))})


async def test_a_link_and_one_press_sign_in(house: WebHouse) -> None:
    """Given a link, when its button is pressed, then the first page says who is in, in their language."""
    async with client(house) as web:
        asked = await web.get(link(house), headers={"Accept-Language": "en"})
        assert "Trần Thị Hoa" in asked.text
        answer = await sign_in(web, house)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        home = await web.get("/", headers={"Accept-Language": "en"})
    assert "<h1>Thứ Hai, ngày 1 tháng 3</h1>" in home.text
    assert "Trần Thị Hoa" in home.text
    assert "lan@" not in home.text


async def test_looking_at_the_link_signs_nobody_in(house: WebHouse) -> None:
    """Given a mail scanner that opens the link, then nobody is signed in by that."""
    async with client(house) as web:
        await web.get(link(house))
        await web.head(link(house))
        front = await web.get("/", headers={"Accept-Language": "en"})
    assert "phin signin" in front.text
    assert 'action="/signout"' not in front.text


async def test_a_press_on_a_foreign_page_signs_nobody_in(house: WebHouse) -> None:
    """Given a POST that did not come from our form, then it is refused, and nobody is signed in."""
    async with client(house) as web:
        bare = await web.post(link(house), data={})
        form = token_in(await web.get(link(house)))
        foreign = await web.post(link(house), data={FIELD: form}, headers={"Sec-Fetch-Site": "cross-site"})
        web.cookies.clear()
        without = await web.post(link(house), data={FIELD: form})
        assert [one.status_code for one in (bare, foreign, without)] == [403, 403, 403]
        assert "phin signin" in (await web.get("/?lang=en")).text


async def test_an_old_link_tells_how_to_get_a_new_one(house: WebHouse) -> None:
    """Given a link past its days, then it signs nobody in, and the page says what to run."""
    path = link(house)
    house.clock.move(timedelta(days=house.settings.pages.link_days))
    async with client(house) as web:
        page = await web.get(path + "?lang=en")
        pressed = await web.post(path, data={})
    assert (page.status_code, pressed.status_code) == (410, 410)
    assert "phin signin" in page.text


@pytest.mark.parametrize("person", ["thu", OWNER, ""])
async def test_who_is_not_of_the_staff_stays_outside(house: WebHouse, person: str) -> None:
    """Given a signed link for somebody who is not in staff.yaml, or for the owner where people are, then it is none."""
    async with client(house) as web:
        assert (await web.get(link(house, person))).status_code == 404


async def test_a_link_for_something_else_signs_nobody_in(house: WebHouse) -> None:
    """Given a token of a mail or of a task, then it does not sign in."""
    async with client(house) as web:
        for token in (house.tokens.task(1, "hoa"), house.tokens.unsubscribe(1), house.tokens.open(1), "x"):
            assert (await web.get(f"/s/{token}")).status_code == 404


async def test_a_shop_without_staff_has_an_owner(sqlite_database: Database, tmp_path: Path) -> None:
    """Given no staff.yaml, then the owner's link signs in."""
    house = web_house(sqlite_database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    async with client(house) as web:
        assert (await sign_in(web, house, OWNER)).status_code == 303
        assert "Chủ cửa hàng" in (await web.get("/?lang=vi")).text


async def test_signing_out_is_a_press_too(house: WebHouse) -> None:
    """Given somebody who is in, then a foreign POST leaves them in, and their own button does not."""
    async with client(house) as web:
        await sign_in(web, house)
        foreign = await web.post("/signout", data={})
        assert foreign.status_code == 403
        home = await web.get("/")
        assert 'action="/signout"' in home.text
        left = await web.post("/signout", data={FIELD: token_in(home)})
        assert (left.status_code, left.headers["location"]) == (303, "/")
        assert 'action="/signout"' not in (await web.get("/")).text


async def test_a_second_person_takes_over(house: WebHouse) -> None:
    """Given a browser where one is in, when another's link is pressed there, then it is the other; own links go on."""
    async with client(house) as web:
        await sign_in(web, house, "hoa")
        again = await web.get(link(house, "hoa"))
        assert (again.status_code, again.headers["location"]) == (303, "/")
        await sign_in(web, house, "minh")
        assert "Lê Văn Minh" in (await web.get("/")).text


async def test_the_chosen_language_stays(house: WebHouse) -> None:
    """Given a person whose language is Vietnamese, when they choose English once, then pages stay English."""
    async with client(house) as web:
        await sign_in(web, house)
        await web.get("/?lang=en")
        assert '<html lang="en">' in (await web.get("/")).text
        assert '<html lang="vi">' in (await web.get("/?lang=vi")).text
        assert '<html lang="vi">' in (await web.get("/")).text


async def test_who_is_in_reads_the_outbox_from_elsewhere(house: WebHouse) -> None:
    """Given captured mail, then another machine sees it only when somebody is signed in there."""
    async with client(house, address="203.0.113.7", base="http://mail.thecoffee.example") as web:
        assert (await web.get("/outbox")).status_code == 403
        await sign_in(web, house)
        assert (await web.get("/outbox")).status_code == 200


async def test_pages_of_the_staff_are_closed_to_others(house: WebHouse) -> None:
    """Given nobody signed in, then a flow's page leads to the front."""
    async with client(house) as web:
        answer = await web.get("/flows/welcome")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_page_that_is_not_there_says_so_in_the_visitor_s_language(house: WebHouse) -> None:
    """Given an address without a page, then it says so in the browser's language, or in that of who is signed in, in
    the frame, with a way back; and no link of it leads elsewhere, whatever was asked for."""
    async with client(house) as web:
        english = await web.get("/nothing", headers={"Accept-Language": "en-GB,en;q=0.9"})
        foreign = await web.get("http://127.0.0.1:8787//evil.example/x", headers={"Accept-Language": "en"})
        await sign_in(web, house)
        own = await web.get("/flows/nothing", headers={"Accept-Language": "en"})
    assert (english.status_code, foreign.status_code, own.status_code) == (404, 404, 404)
    assert "<h1>There is no such page</h1>" in english.text and '<a href="/">To the first page</a>' in english.text
    assert 'class="places"' in english.text and '"//evil' not in foreign.text
    assert "<h1>Không có trang này</h1>" in own.text and "Trần Thị Hoa" in own.text
