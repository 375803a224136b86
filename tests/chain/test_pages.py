"""A real browser signs in by the link that `phin up` prints, and reads on the first page what a real event brought."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chain.test_chain import LAN
from tests.support.browser import BrowserMissingError, chromium
from tests.support.phin_up import PhinUp, make_home, phin_up
from tests.support.processes import wait_until
from tests.support.visitor import Visitor, purchase

pytestmark = pytest.mark.browser


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
    """A desktop that reads English; whatever the browser complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[PhinUp, Visitor]]:
    """Phin with its embedded default: mail is captured."""
    with phin_up(make_home(tmp_path)) as up:
        yield up, Visitor(up)


def test_what_runs_is_seen_by_the_printed_link(started: tuple[PhinUp, Visitor], page: Page) -> None:
    """Given the link of the banner, when it is pressed, then a purchase shows itself: mail, flow, journey, outbox."""
    up, visitor = started
    found = re.search(r"sign in +(http://\S+)", up.said)
    assert found is not None, up.said
    page.goto(f"{up.url}/?lang=en")
    expect(page.locator("main")).to_contain_text("phin signin")

    page.goto(found[1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{up.url}/")
    expect(page.get_by_role("region", name="Mails today")).to_contain_text("No mail has been sent today.")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Overview")).to_have_attribute(
        "aria-current", "page"
    )

    visitor.report(purchase("p1", "A1", LAN))
    wait_until(lambda: len(up.outbox) == 1, "the confirmation is captured")

    def counted() -> bool:
        page.reload()
        return "1 sent" in page.get_by_role("region", name="Mails today").inner_text().replace("\n", " ")

    wait_until(counted, "the page counts the mail")
    row = page.get_by_role("row").filter(has_text="order-confirmation")
    expect(row.get_by_role("cell").nth(0)).to_contain_text("1")

    # the flow's own page, and from there the mail itself
    row.get_by_role("link").click()
    journey = page.get_by_role("row").filter(has_text="Nguyễn Thị Lan")
    journey.get_by_role("link").first.click()
    expect(page.locator("main h2")).to_contain_text("A1")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("450.000")

    # by keyboard: the first stop leads past the navigation; a press signs out
    page.goto(up.url)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("main")).to_contain_text("phin signin")

    # another link, for the same person
    link = visitor.phin("signin").strip()
    page.goto(up.url + re.sub(r"^http://[^/]+", "", link))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
