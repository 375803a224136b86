"""A real browser opens a captured mail, loads its pixel, follows its link and unsubscribes; pages keep their policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright
from sqlalchemy import select, update

from tests.support.ledger import add_customer, queue
from tests.support.web import WebHouse, serving, web_house
from worker.delivery.hits import Hits
from worker.delivery.links import MessageLinks
from worker.delivery.outbox import OutboxTransport
from worker.delivery.transport import Answer, Outgoing
from worker.domain.customers import ConsentState, Purpose
from worker.domain.hits import SETTLING
from worker.domain.messages import Kind
from worker.edges.web.app import build_app
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import hit, message

pytestmark = pytest.mark.browser

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium: the machine's, else the one that playwright brought."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium on this machine (install one: playwright install chromium): {error}")
        yield browser
        browser.close()


@pytest.fixture
def house(sqlite_database: Database, tmp_path: Path) -> WebHouse:
    return web_house(sqlite_database, tmp_path)


class Unwritten:
    """A journal that nobody needs here."""

    def handing(self, message: int) -> None: ...

    def answered(self, answer: Answer) -> None: ...


def captured_mail(house: WebHouse, base: str) -> str:
    """Capture a tracked mail whose link leads to the front page, and whose last line unsubscribes."""
    with house.database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email="lan@example.com")
        (number,) = queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
        sent = {"state": "sent", "sent_at": house.clock.now(), "email": "lan@example.com", "language": "vi"}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
    links = MessageLinks(house.tokens, base, number, tracking=True, refusable=True)
    html = (
        f'<html><head></head><body><a id="shop" href="{links.tracked(1, f"{base}/?lang=en")}">Xem</a>'
        f'<a id="no" href="{links.unsubscribe}">Ngừng nhận thư</a><img src="{links.pixel}" width="1" height="1">'
        "<script>document.body.innerHTML = 'a script ran'</script></body></html>"
    )
    content = (
        f"From: a@b.vn\r\nTo: lan@example.com\r\nSubject: Hi\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}"
    )
    mail = Outgoing(number, "a@b.vn", "lan@example.com", content.encode(), f"{number}@b.vn")
    list(OutboxTransport(house.settings.var / "outbox").send([mail], Unwritten()))
    return next((house.settings.var / "outbox").iterdir()).name


def hits(house: WebHouse) -> list[Any]:
    with house.database.reading() as connection:
        return list(connection.execute(select(hit).order_by(hit.c.id)))


def complaints(page: Page) -> list[str]:
    """Return the list into which the browser's complaints of a broken policy will come."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if "Content Security Policy" in said.text else None)
    return found


def test_a_mail_is_opened_clicked_and_refused(chromium: Browser, house: WebHouse) -> None:
    """Given a captured mail, when it is read in the outbox, then its pixel, its link and its refusal all come back."""
    with serving(build_app(house)) as base:
        name = captured_mail(house, base)
        page = chromium.new_context(user_agent=PHONE, viewport={"width": 390, "height": 844}).new_page()
        with page.expect_response(lambda answer: "/o/" in answer.url):
            page.goto(f"{base}/outbox/{name}")
        house.clock.move(SETTLING)
        frame = page.frame_locator("iframe")
        assert "a script ran" not in frame.locator("body").inner_text()
        with page.expect_popup() as opened:
            frame.locator("#shop").click()
        assert opened.value.url == f"{base}/?lang=en"
        with page.expect_popup() as asked:
            frame.locator("#no").click()
        refusing = asked.value
        wrong = complaints(refusing)
        refusing.get_by_role("button", name="Ngừng nhận thư").click()
        refusing.get_by_text("Bạn đã ngừng nhận thư quảng cáo").wait_for()
        assert not wrong
        page.context.close()
    assert [row.kind for row in hits(house)] == ["open", "click"]
    Hits(house.database).run([row.id for row in hits(house)], house.clock.move(SETTLING))
    assert [(row._mapping["class"], row.reason) for row in hits(house)] == [("person", "Chrome")] * 2
    with house.database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING).state is ConsentState.UNSUBSCRIBED


@pytest.mark.parametrize("path", ["/", "/outbox", "/nowhere", "/docs"])
@pytest.mark.parametrize("width", [390, 1200])
def test_pages_fit_and_keep_their_policy(chromium: Browser, house: WebHouse, path: str, width: int) -> None:
    """Given a phone's and a desktop's width, then nothing is wider than the window, nothing foreign is loaded."""
    with serving(build_app(house)) as base:
        captured_mail(house, base)
        context = chromium.new_context(viewport={"width": width, "height": 844})
        page = context.new_page()
        wrong, asked = complaints(page), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base}{path}", wait_until="networkidle")
        if path == "/docs":
            page.get_by_text("Report events").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not wrong
        assert all(url.startswith((base, "data:")) for url in asked)
        context.close()
