"""A real browser opens the captured mail, loads its pixel, follows its link, and unsubscribes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.chain.test_chain import LAN, READING
from tests.support.browser import BrowserMissingError, chromium
from tests.support.phin_up import PhinUp, make_home, phin_up
from tests.support.processes import wait_until
from tests.support.visitor import PHONE, Visitor, purchase, read_letter

pytestmark = pytest.mark.browser

PHONE_SCREEN = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    try:
        with chromium() as opened:
            yield opened
    except BrowserMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone that reads Vietnamese; it says what a phone says, not that nobody is at the window."""
    context = browser.new_context(user_agent=PHONE, viewport=PHONE_SCREEN, locale="vi-VN")  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[PhinUp, Visitor]]:
    """Phin with its embedded default: mail is captured."""
    with phin_up(make_home(tmp_path)) as up:
        yield up, Visitor(up)


def test_a_person_reads_clicks_and_unsubscribes(started: tuple[PhinUp, Visitor], page: Page) -> None:
    """Given captured mails, when they are read in a browser, then opens, clicks and the refusal come back as facts."""
    up, visitor = started
    visitor.report(purchase("p1", "A1", LAN), {"id": "s1", "type": "signup", "customer": LAN})
    wait_until(lambda: len(up.outbox) == 2, "both mails are captured")
    time.sleep(READING)
    letters = {letter.subject: letter for letter in (read_letter(path.read_bytes()) for path in up.outbox)}
    confirmation = next(letter for subject, letter in letters.items() if "A1" in subject)
    welcome = next(letter for subject, letter in letters.items() if "A1" not in subject)

    # the mail is opened: its pixel is loaded as a mail client loads it
    page.set_content(confirmation.html, wait_until="load")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_SCREEN["width"]
    assert "450.000" in page.inner_text("body")
    wait_until(lambda: visitor.hits("c1", "order-confirmation") == [("open", "person")], "the open is told")

    # its button leads on to the shop; the shop itself is not reached from here
    page.route("https://the-coffee.example/**", lambda route: route.fulfill(status=200, body="<h1>shop</h1>"))
    page.click("text=Xem đơn hàng")
    page.wait_for_url("https://the-coffee.example/orders/A1?utm_source=phin&utm_medium=email&**")
    told = [("open", "person"), ("click", "person")]
    wait_until(lambda: visitor.hits("c1", "order-confirmation") == told, "the click is told")

    # the visible link of an advertising mail: a page with one button, which acts
    page.set_content(welcome.html, wait_until="load")
    page.click("a[href*='/u/']")
    page.wait_for_url("**/u/*")
    assert visitor.why("c1")["customer"]["consent"]["marketing"] == "subscribed"
    assert page.locator("html").get_attribute("lang") == "vi"
    page.click("button")
    wait_until(lambda: visitor.why("c1")["customer"]["consent"]["marketing"] == "unsubscribed", "the refusal holds")
