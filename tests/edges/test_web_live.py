"""In a real browser: pages fit a phone and a desktop, can be read, keep their policy, and renew themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.edges.test_web_home import FLOW, sent
from tests.support.browser import BrowserMissingError, chromium
from tests.support.shop import Shop
from tests.support.web import WebHouse, serving, web_house
from worker.domain.staff import Person, Staff
from worker.edges.web import overview
from worker.edges.web.app import build_app
from worker.storage.database import Database

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
def house(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebHouse:
    """A shop with one person, in which somebody has bought."""
    monkeypatch.setattr(overview, "KEPT_FOR", -1.0)
    house = web_house(sqlite_database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    staff = Staff(people={"hoa": Person("hoa", "Hoa", "hoa@thecoffee.example", "en")})
    house.staff = lambda: staff
    shop = Shop(sqlite_database)
    shop.publish(thanks=FLOW)
    shop.buy("A1")
    shop.buy("A2")
    sent(shop, 1)
    return house


def signed_in(browser: Browser, house: WebHouse, base: str, width: int, scheme: str = "light") -> Page:
    """Return a page that somebody has signed in on."""
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]  # a literal type that a parameter does not have
    )
    page = context.new_page()
    page.goto(f"{base}/s/{house.tokens.staff('hoa', house.clock.machine())}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}/")
    return page


def test_the_page_renews_itself(browser: Browser, house: WebHouse) -> None:
    """Given an open page, when a mail goes out, then it shows half a minute later, unless that is turned off."""
    with serving(build_app(house)) as base:
        page = signed_in(browser, house, base, 1280)
        page.clock.install()
        page.goto(base)
        today = page.get_by_role("region", name="Mails today")
        live = page.get_by_role("button", name="Live")
        expect(live).to_have_attribute("aria-pressed", "true")
        expect(today).to_contain_text("1 sent")
        sent(Shop(house.database), 2)
        page.clock.run_for(31_000)
        expect(today).to_contain_text("2 sent")
        live.click()
        expect(live).to_have_attribute("aria-pressed", "false")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(31_000)
        page.wait_for_timeout(200)
        assert asked == []
        page.context.close()


@pytest.mark.parametrize("path", ["/", "/flows/thanks", "/outbox"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_pages_of_the_staff_fit_and_are_readable(
    browser: Browser, house: WebHouse, path: str, width: int, scheme: str
) -> None:
    """Given a phone and a desktop, then nothing is wider than the window, and all text stands out from its ground."""
    with serving(build_app(house)) as base:
        page = signed_in(browser, house, base, width, scheme)
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.goto(f"{base}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(_FAINT) == []
        page.evaluate("document.querySelector('h1').style.color = 'var(--line)'")
        assert len(page.evaluate(_FAINT)) == 1  # so that this way of looking is known to see
        assert page.evaluate("[...document.querySelectorAll('h1')].length") == 1
        assert complaints == []
        page.context.close()


# Texts whose contrast with what lies behind them is less than 4.5 to 1 (WCAG 2.2, 1.4.3).
_FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const ground = (node) => {
    const behind = node.parentElement ? ground(node.parentElement) : [255, 255, 255, 1];
    return over(rgba(getComputedStyle(node).backgroundColor), behind);
  };
  const light = (color) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = color.slice(0, 3).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    if (!text || !node.checkVisibility() || node.closest("svg, script, style, .unseen, .skip")) continue;
    const behind = ground(node);
    const [a, b] = [light(over(rgba(getComputedStyle(node).color), behind)), light(behind)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push([text.slice(0, 40), contrast.toFixed(2)]);
  }
  return faint;
}"""
