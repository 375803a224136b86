"""The mails that Phin ships say what they must, in both languages, and hold together in a browser at both widths."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from playwright.sync_api import Browser, sync_playwright

from tests.delivery.mails import SHIPPED, SHOP, FakeLinks, values
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import Rendered

NAMES = ("order-confirmation", "review-invite", "thank-you", "welcome")
MAILS = [(name, language) for name in NAMES for language in ("vi", "en")]
ORDERED = ("order-confirmation", "review-invite", "thank-you")
LARGEST = 60_000  # bytes of HTML; Gmail cuts a mail off at about 102,000
VIETNAMESE = re.compile("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệịỉĩọỏốồổỗộớờởỡợụủũứừửữựỳỵỷỹ]", re.IGNORECASE)


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    return TemplateLibrary(SHIPPED, SHOP)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, the machine's own where there is one."""
    with sync_playwright() as playwright:
        own = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if own is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium on this machine; apt-get install chromium, or playwright install chromium")
        started = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def rendered(library: TemplateLibrary, name: str, language: str, **links: str | None) -> Rendered:
    return library.get(name, language).render(values(), FakeLinks(**links))  # type: ignore[arg-type] # by name


def test_all_of_them_pass_the_check(library: TemplateLibrary) -> None:
    """Given the shipped templates, then all are there in both languages, with nothing wrong."""
    assert set(NAMES) <= set(library.names())
    assert all(library.languages(name) == ("en", "vi") for name in library.names())
    assert library.check() == []


@pytest.mark.parametrize(("name", "language"), MAILS)
def test_each_says_who_writes_and_how_to_refuse(library: TemplateLibrary, name: str, language: str) -> None:
    """Given a mail that can be refused, then both parts hold the shop's name, address, phone and that page."""
    mail = rendered(library, name, language)
    for part in (mail.html, mail.text):
        for said in (SHOP.name, SHOP.address, SHOP.phone, "https://mail.example/u/1"):
            assert said in part
    assert f'<html lang="{language}"' in mail.html
    assert mail.subject
    assert mail.preheader in mail.html


@pytest.mark.parametrize(("name", "language"), MAILS)
def test_a_mail_that_cannot_be_refused_offers_nothing(library: TemplateLibrary, name: str, language: str) -> None:
    """Given a transactional mail, then no link for unsubscribing is shown."""
    mail = rendered(library, name, language, unsubscribe=None)
    for words in ("Unsubscribe", "Ngừng nhận", "/u/"):
        assert words not in mail.html
        assert words not in mail.text


@pytest.mark.parametrize(
    ("language", "amounts"),
    [("vi", ("450.000 ₫", "85.000 ₫", "535.000 ₫")), ("en", ("₫450,000", "₫85,000", "₫535,000"))],
)
def test_the_confirmation_holds_the_order(library: TemplateLibrary, language: str, amounts: tuple[str, ...]) -> None:
    """Given an order, then its number, lines, quantities, amounts and total stand in both parts."""
    mail = rendered(library, "order-confirmation", language)
    assert "TC/20418" in mail.subject
    for part in (mail.html, mail.text):
        for said in (*amounts, "Cà phê Arabica Cầu Đất 250 g", "× 2", "Phin nhôm", "TC/20418"):
            assert said in part
    assert f"Cà phê Arabica Cầu Đất 250 g ({'225.000 ₫' if language == 'vi' else '₫225,000'}" in mail.text


@pytest.mark.parametrize("language", ["vi", "en"])
def test_links_lead_to_the_order_and_its_products(library: TemplateLibrary, language: str) -> None:
    """Given an order number and SKUs with odd letters, then the links hold them encoded."""
    links = FakeLinks()
    library.get("review-invite", language).render(values(), links)
    library.get("order-confirmation", language).render(values(), links)
    targets = {url for _, url in links.asked}
    assert "https://thecoffee.example/orders/TC%2F20418" in targets
    assert "https://thecoffee.example/orders/TC%2F20418/review?rating=5" in targets
    assert "https://thecoffee.example/products/SKU%201/review" in targets


@pytest.mark.parametrize(("name", "language"), MAILS)
def test_nothing_is_fetched_and_nothing_is_too_large(library: TemplateLibrary, name: str, language: str) -> None:
    """Given a mail without a pixel, then it needs no image, font or stylesheet from anywhere, and is not cut off."""
    html = rendered(library, name, language).html
    root = etree.fromstring(html, etree.HTMLParser())
    assert [element.tag for element in root.iter("img", "link", "script", "iframe")] == []
    assert "url(" not in html
    assert "@import" not in html
    assert len(html.encode()) < LARGEST
    assert "{{" not in html
    assert "None" not in html


@pytest.mark.parametrize("name", NAMES)
def test_the_two_languages_are_two(library: TemplateLibrary, name: str) -> None:
    """Given a mail about nobody's order, then the English one has no Vietnamese word, and the other way round."""
    order = {**values()["order"], "lines": [], "currency": "USD"}
    given = values(customer={"first_name": "Ann"}, order=order)
    english = library.get(name, "en").render(given, FakeLinks())
    vietnamese = library.get(name, "vi").render(given, FakeLinks())
    assert not VIETNAMESE.search(english.subject + english.preheader + english.text.replace(SHOP.address, ""))
    assert VIETNAMESE.search(vietnamese.text)
    assert " you" not in vietnamese.text


@pytest.mark.parametrize(
    ("language", "title", "told"), [("vi", "Chọn đúng gu", "Đậm, dịu"), ("en", "Something to your taste", "Bold,")]
)
def test_what_stands_in_two_lines_does_so_in_the_text(
    library: TemplateLibrary, language: str, title: str, told: str
) -> None:
    """Given a title that is a block by its style alone, then what follows it begins a line of the text."""
    assert f"{title}\n{told}" in rendered(library, "welcome", language).text


def test_the_manuals_example_works(tmp_path: Path) -> None:
    """Given the example at the head of docs/templates.md, then it is a mail without a fault."""
    manual = (SHIPPED.parent / "docs" / "templates.md").read_text(encoding="utf-8")
    example = re.search(r"```html\n(.*?)```", manual, re.DOTALL)
    assert example
    for part in ("layouts", "partials"):
        shutil.copytree(SHIPPED / part, tmp_path / part)
    for language in ("vi", "en"):
        (tmp_path / f"example.{language}.html").write_text(example[1], encoding="utf-8")
    library = TemplateLibrary(tmp_path, SHOP)
    assert library.check() == []
    mail = library.get("example", "vi").render({"customer": {}}, FakeLinks())
    assert "Chào bạn!" in mail.text
    assert "Dạo một vòng cửa hàng: https://mail.example/c/1" in mail.text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1000])
@pytest.mark.parametrize(("name", "language"), MAILS)
def test_they_hold_together_in_a_browser(
    library: TemplateLibrary, browser: Browser, name: str, language: str, width: int, scheme: str
) -> None:
    """Given a phone and a desktop, light and dark, then nothing runs over the edge, and links can be touched."""
    mail = rendered(library, name, language)
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type] # by name
    try:
        page.set_content(mail.html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sheet = page.locator("table.sheet").bounding_box()
        assert sheet is not None
        assert sheet["width"] <= 600
        for touched in page.locator("a.button-link, a.tile-link").all():
            box = touched.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["width"] >= 44
        background, ink = page.evaluate(
            """() => { const style = getComputedStyle(document.querySelector('td.card'));
                       return [style.backgroundColor, style.color] }"""
        )
        assert contrast(background, ink) >= 7
        assert (brightness(background) < 0.2) == (scheme == "dark")
    finally:
        page.close()


def brightness(colour: str) -> float:
    """Return the relative luminance of `rgb(r, g, b)` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""
    dark, light = sorted((brightness(one), brightness(other)))
    return (light + 0.05) / (dark + 0.05)
