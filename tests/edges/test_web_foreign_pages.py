"""What a foreign page, or who has an old cookie, can do to who is signed in: nothing. All routes that change something,
all pages, as a browser of an attacker's victim would ask for them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from tests.edges.test_web_signin import HOA, MINH, link, sign_in, token_in
from tests.support.ledger import add_customer, queue
from tests.support.web import BASE, SIGNING, WebHouse, client, living, web_house
from worker.delivery.tokens import Tokens, Use
from worker.domain.messages import Kind
from worker.domain.staff import Staff
from worker.edges.web.app import build_app
from worker.edges.web.forms import FIELD
from worker.storage.database import Database

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
EVIL = "https://evil.example"
BY_LINK = {"u", "y", "a", "p"}  # a mail's own link opens them, without a cookie that a foreign page could borrow


@pytest.fixture
def house(sqlite_database: Database, tmp_path: Path) -> WebHouse:
    """A shop with two people, and one mail that was sent."""
    nps = {"nps": {"scale": "nps", "question": {"vi": "?", "en": "?"}}}
    house = web_house(
        sqlite_database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates", surveys=nps
    )
    staff = Staff(people={one.key: one for one in (HOA, MINH)})
    house.staff = lambda: staff
    with sqlite_database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email="lan@example.com")
        queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
    return house


def posts(house: WebHouse) -> dict[str, str]:
    """Return an address for each route of a page that takes a POST, by the route."""
    tokens = {
        "/s/{token}": house.tokens.staff("minh", house.clock.machine()),
        "/t/{token}": TOKENS.task(1, "hoa"),
        "/u/{token}": TOKENS.unsubscribe(1),
        "/y/{token}": TOKENS.page(Use.CONFIRM, 1),
        "/p/{token}": TOKENS.page(Use.PREFERENCES, 1),
        "/a/{token}": TOKENS.survey(1, "nps"),
    }
    found = [one.path for one in build_app(house).routes if isinstance(one, Route) and "POST" in (one.methods or ())]
    pages = [path for path in found if not path.startswith("/v1/")]
    return {path: path.replace("{token}", tokens[path]) if "{" in path else path for path in pages}


async def test_no_form_is_taken_from_a_foreign_page(house: WebHouse) -> None:
    """Given every address that takes a form and acts for who is signed in, when a foreign page posts to it in their
    browser, without a token, with one of its own visit or of somebody else's, or by the form itself from another site,
    then it is refused, and they stay who they were."""
    acting = {path: address for path, address in posts(house).items() if path[1] not in BY_LINK or path == "/signout"}
    assert sorted(acting) == ["/s/{token}", "/signout", "/t/{token}"]
    async with client(house) as attacker, client(house) as victim:
        await sign_in(attacker, house, "minh")
        theirs = token_in(await attacker.get("/"))
        await sign_in(victim, house, "hoa")
        own = token_in(await victim.get("/"))
        for address in acting.values():
            fields: list[dict[str, str]] = [{}, {FIELD: ""}, {FIELD: theirs}, {FIELD: own[:-2]}, {FIELD: own + "A"}]
            for data in fields:
                answer = await victim.post(address, data={**data, "action": "close", "outcome": "done"})
                assert answer.status_code == 403, (address, data)
            for site in ("cross-site", "same-site"):
                answer = await victim.post(address, data={FIELD: own}, headers={"Sec-Fetch-Site": site})
                assert answer.status_code == 403, (address, site)
            foreign = await victim.post(address, data={FIELD: own}, headers={"Origin": EVIL})
            assert foreign.status_code == 403, (address, "a browser without Sec-Fetch-Site says Origin")
            read = await victim.get(f"{address}?{FIELD}={own}&_method=POST", headers={"X-HTTP-Method-Override": "POST"})
            assert read.status_code in (200, 404, 405), "nothing changes by a GET, whatever it says of itself"
        assert HOA.name in (await victim.get("/")).text


async def test_pages_of_a_mail_know_no_cookie(house: WebHouse) -> None:
    """Given the forms that a mail's own link opens, then they set no cookie and act on none, so there is nothing that a
    foreign page could borrow: without the link, which is as secret as a password, it is refused."""
    by_link = {path: address for path, address in posts(house).items() if path[1] in BY_LINK and path != "/signout"}
    assert {path[1] for path in by_link} == BY_LINK
    async with client(house) as web:
        await sign_in(web, house)
        for path, address in by_link.items():
            for answer in (await web.get(address), await web.post(address, data={"score": "5"})):
                assert "set-cookie" not in answer.headers
            assert (await web.post(path.replace("{token}", "x" * 30))).status_code == 404


async def test_a_session_that_was_signed_out_is_over_for_every_copy(house: WebHouse) -> None:
    """Given somebody who copied a browser's cookie, when it signs out, or signs in again, then the copy opens nothing,
    in this process and in one that starts later; other sessions of the same person go on."""
    async with living(house) as web, client(house) as other:
        await sign_in(web, house)
        copied = dict(web.cookies)
        await web.post("/signout", data={FIELD: token_in(await web.get("/"))})
        web.cookies.clear()
        assert HOA.name not in (await web.get("/", cookies=copied)).text
        await sign_in(web, house)
        again = dict(web.cookies)
        assert again != copied
        web.cookies.clear()
        web.cookies.update(again)
        await sign_in(web, house, "minh")
        web.cookies.clear()
        assert HOA.name not in (await web.get("/", cookies=again)).text
        await sign_in(other, house)
        assert HOA.name in (await other.get("/")).text
    async with living(house) as later:
        for cookies in (copied, again):
            for _ in range(50):  # it learns of the others' while it starts
                page = await later.get("/", cookies=cookies)
                if HOA.name not in page.text:
                    break
            assert HOA.name not in page.text
        assert HOA.name in (await later.get("/", cookies=dict(other.cookies))).text


async def test_a_session_cannot_be_fixed_beforehand(house: WebHouse) -> None:
    """Given a cookie that somebody else put into a browser, when its person signs in, then they get another session,
    and the one that was put there never becomes theirs."""
    async with client(house) as attacker, client(house) as victim:
        await sign_in(attacker, house, "minh")
        planted = dict(attacker.cookies)
        name = next(name for name in planted if name.startswith("phin_") and name != "phin_form")
        victim.cookies.set(name, planted[name], domain="127.0.0.1")
        await sign_in(victim, house, "hoa")
        assert victim.cookies[name] != planted[name]
        assert HOA.name in (await victim.get("/")).text
        assert HOA.name not in (await attacker.get("/")).text


async def test_links_lead_to_our_own_address_whatever_the_request_names(house: WebHouse) -> None:
    """Given a request that names a foreign host, in each header that somebody believes, then no page, redirect or
    cookie speaks of it (host header poisoning); and a link signs in to one of our own places only (open redirects)."""
    named = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    named |= {"X-Original-URL": "/signout", "X-Rewrite-URL": "/signout", "X-Forwarded-Prefix": "//evil.example"}
    async with client(house) as web:
        await sign_in(web, house)
        for path in ("/", "/tasks", "/docs", "/nothing", "/outbox", link(house), "/openapi.json", "/flows/x"):
            answer = await web.get(path, headers=named)
            assert "evil.example" not in answer.text + str(answer.headers), path
        for asked in (
            "to=//evil.example",
            "to=https://evil.example",
            "next=//evil.example",
            "to=/\\evil.example",
            "to=tasks",
        ):
            answer = await web.get(f"{link(house)}?{asked}")
            assert answer.headers["location"] == ("/tasks" if asked == "to=tasks" else "/")


async def test_pages_are_framed_cached_and_scripted_by_nobody(house: WebHouse) -> None:
    """Given each page, signed in and not, then no site may frame it, no script stands in it that is not a file of ours,
    what is personal is kept by no cache, and its cookies are for this site alone."""
    addresses = ["/", "/tasks", "/docs", "/outbox", "/flows/x", "/nothing", *posts(house).values()]
    addresses += [f"/v/{TOKENS.page(Use.VIEW, 1)}", "/s/x", "/c/x"]
    async with client(house) as web:
        for signed_in in (False, True):
            if signed_in:
                await sign_in(web, house)
            for address in addresses:
                page = await web.get(address)
                policy = page.headers["content-security-policy"]
                assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy, address
                scripts = re.search(r"(?:script-src|default-src) ([^;]*)", policy)
                assert scripts and "unsafe" not in (re.search(r"script-src ([^;]*)", policy) or scripts)[1], address
                assert page.headers["x-content-type-options"] == "nosniff"
                assert page.headers["referrer-policy"] == "no-referrer"
                assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)|\son\w+=|javascript:", page.text), address
                if address != "/docs" and page.status_code < 400:
                    assert "no-store" in page.headers.get("cache-control", "") or page.status_code == 303, address
                for cookie in page.headers.get_list("set-cookie"):
                    assert "HttpOnly" in cookie and re.search("SameSite=(lax|strict)", cookie), cookie


@pytest.mark.parametrize("url", ["https://phin.thecoffee.example", BASE])
async def test_cookies_by_https_never_go_over_http(sqlite_database: Database, tmp_path: Path, url: str) -> None:
    """Given a house at https, then each cookie is Secure and bound to the host by its name; at http neither can be."""
    house = web_house(sqlite_database, tmp_path, flows=tmp_path / "f", templates=tmp_path / "t", base_url=url)
    house.staff = lambda: Staff(people={HOA.key: HOA})
    async with client(house, base=url) as web:
        asked = await web.get(link(house))
        answer = await sign_in(web, house)
        shown: list[httpx.Response] = [asked, answer, await web.get("/?lang=en")]
    cookies = [one for page in shown for one in page.headers.get_list("set-cookie")]
    assert len(cookies) >= 3
    for cookie in cookies:
        assert ("Secure" in cookie) == url.startswith("https")
        assert cookie.startswith("__Host-") == (url.startswith("https") and not cookie.startswith("phin_lang="))
        assert "Domain=" not in cookie and "Path=/" in cookie.replace("path", "Path")
