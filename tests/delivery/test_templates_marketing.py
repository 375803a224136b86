"""The shipped marketing mails, with the values that the shipped flows give them, of customers known and unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree
from playwright.sync_api import Browser

from tests.delivery.mails import SHIPPED, SHOP, FakeLinks
from tests.support.browser import chromium
from tests.support.legible import faults_of
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import Rendered
from worker.delivery.values import shop_values, template_values
from worker.domain.customers import Customer, CustomerFacts
from worker.domain.facts import CouponFact, Facts, History, JourneyFacts, ShopFacts
from worker.domain.flows import Flow
from worker.domain.steps import Coupon, Send, walk
from worker.language.flow.flows import read_flow

NOW = datetime(2027, 1, 9, 1, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LARGEST = 60_000  # bytes of HTML; Gmail cuts a mail off at about 102,000
SUBJECT = 60  # characters that a mailbox shows of a subject at a desktop's width
PREHEADER = 90  # characters that a mailbox shows of it beside a subject
FLOWS = (
    "welcome",
    "birthday",
    "mid-autumn",
    "win-back",
    "arabica-offer",
    "pre-summer",
    "newsletter",
    "womens-day",
    "loyalty-tier",
    "replenish",
)
TET = ("tet-early-access", "tet", "tet-last-orders", "tet-wish")
LAN = Customer(
    1,
    "c1",
    "lan@example.com",
    "Nguyễn Thị Lan",
    "Lan",
    birthday=date(1996, 2, 29),
    language="vi",
    facts=CustomerFacts(4, Decimal(1_800_000), datetime(2025, 3, 1, tzinfo=UTC), datetime(2026, 8, 31, 18, tzinfo=UTC)),
)
NOBODY = Customer(1, email="x@example.com")


def flow(name: str) -> Flow:
    """Read a shipped flow."""
    path = SHIPPED.parent / "flows" / f"{name}.yaml"
    read, _ = read_flow(path.read_text(encoding="utf-8"), path.name, None)
    return read


GIVEN = {
    step.template: {name: text.written for name, text in step.values}
    for name in FLOWS + TET
    for step in walk(flow(name).steps)
    if isinstance(step, Send)
}
COUPONS = {
    step.template: tuple(one for one in walk(flow(name).steps) if isinstance(one, Coupon))
    for name in FLOWS + TET
    for step in walk(flow(name).steps)
    if isinstance(step, Send)
}
BOTH = [(name, language) for name in GIVEN for language in ("vi", "en")]


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    return TemplateLibrary(SHIPPED, SHOP)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    with chromium() as started:
        yield started


def values(name: str, customer: Customer = LAN, now: datetime = NOW) -> dict[str, Any]:
    """Return the values of a mail as its flow gives them."""
    shop = ShopFacts(SHOP.name, SHOP.timezone, SHOP.language, SHOP.currency)
    given = tuple(coupon_fact(one, now) for one in COUPONS[name])
    facts = Facts(now, shop, customer, journey=JourneyFacts(name, now), history=History(coupons=given))
    return template_values(facts, shop_values(SHOP), GIVEN[name], ZONE)


def coupon_fact(step: Coupon, now: datetime) -> CouponFact:
    """Return what the journey's own coupon of a step is, given now."""
    assert step.expires is not None
    code = f"{step.prefix}-7KX4M9QRT"
    return CouponFact(step.coupon, code, step.percent, step.amount, None, now + step.expires.span(), own=True)


def rendered(
    library: TemplateLibrary, name: str, language: str, customer: Customer = LAN, now: datetime = NOW
) -> Rendered:
    return library.get(name, language).render(values(name, customer, now), FakeLinks())


def test_every_marketing_mail_is_sent_by_a_flow(library: TemplateLibrary) -> None:
    """Given the shipped flows, then each mail of theirs is there in both languages, and asks for nothing else."""
    needs = library.needs()
    for name, given in GIVEN.items():
        assert library.languages(name) == ("en", "vi")
        assert given.keys() <= needs[name] <= given.keys() | {f"coupons.{one.coupon}" for one in COUPONS[name]}


@pytest.mark.parametrize(("name", "language"), BOTH)
@pytest.mark.parametrize("customer", [LAN, NOBODY], ids=["known", "unknown"])
def test_each_holds_whatever_is_known(library: TemplateLibrary, name: str, language: str, customer: Customer) -> None:
    """Given a customer known well or not at all, then the mail is whole: short subject, whole links, small, no gaps."""
    links = FakeLinks()
    mail = library.get(name, language).render(values(name, customer), links)
    assert 10 <= len(mail.subject) <= SUBJECT
    assert 15 <= len(mail.preheader) <= PREHEADER
    assert mail.preheader in mail.html.replace("&#39;", "'")
    assert len(mail.html.encode()) < LARGEST
    assert links.asked
    assert all(url.startswith("https://thecoffee.example") for _, url in links.asked)
    root = etree.fromstring(mail.html, etree.HTMLParser())
    assert [one.tag for one in root.iter("img", "link", "script", "iframe")] == []
    unstyled = re.sub(r"<style.*?</style>", "", mail.html, flags=re.DOTALL)
    for part in (mail.subject, mail.preheader, mail.text, unstyled):
        assert not re.search(r"None|undefined|\{\{|\}\}|\(\)|“”| [,!?]|,[,!]| \.", part)
    for line in (mail.subject, mail.preheader, *mail.text.splitlines()):
        assert "  " not in line
        assert line == line.strip()
        assert line[:1] == line[:1].upper() or line.startswith("https://")
    assert bool(re.search(r"\bLan\b", mail.text)) == (customer is LAN and name != "newsletter")


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_each_is_in_one_language_and_compiled_once(library: TemplateLibrary, name: str, language: str) -> None:
    """Given nobody's name, then no word of the other language is there, and the CSS was inlined when it was read."""
    template = library.get(name, language)
    assert template.parts.inlined
    mail = template.render(values(name, NOBODY), FakeLinks())
    words = " ".join((mail.subject, mail.preheader, mail.text)).replace(SHOP.name, "").replace(SHOP.address, "")
    marked = re.search("[ăâđêôơưạảấầẩậắằặẹẻẽếềểễệịọỏốồổộớờởỡợụủứừửữựỳỵỷỹ]", words, re.IGNORECASE)
    if language == "en":
        assert not marked
    else:
        assert marked
        assert not re.search(r"\b(you|your|and|order|the)\b", words, re.IGNORECASE)


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_each_can_be_refused_and_says_why_it_came(library: TemplateLibrary, name: str, language: str) -> None:
    """Given any of them, then sender, address, the reason and the link for unsubscribing stand in both parts."""
    mail = rendered(library, name, language)
    why = {"vi": "Bạn nhận thư này", "en": "You are getting this"}[language]
    for part in (mail.html, mail.text):
        for said in (SHOP.name, SHOP.address, SHOP.phone, why, "https://mail.example/u/1"):
            assert said in part


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("vi", "Hộp quà Sum Vầy: https://mail.example/c/2\nHai túi Arabica Cầu Đất, phin nhôm, mứt gừng\n650.000 ₫"),
        ("en", "Two bags of Arabica, an aluminium phin, candied ginger\n₫650,000"),
    ],
)
def test_goods_stand_with_link_words_and_price(library: TemplateLibrary, language: str, line: str) -> None:
    """Given goods in a step's `with:`, then each has its own lines in the text, and a link to its own page."""
    links = FakeLinks()
    mail = library.get("tet", language).render(values("tet"), links)
    assert line in mail.text
    skus = {url for _, url in links.asked if "/products/" in url}
    assert skus == {f"https://thecoffee.example/products/{sku}" for sku in ("HOP-SUM-VAY", "HOP-LOC-XUAN", "TUI-LI-XI")}


def test_goods_may_lack_words_and_price(library: TemplateLibrary) -> None:
    """Given goods without a price, without words, with odd letters or a trailing `;`, then what is known is shown."""
    links = FakeLinks()
    goods = "A/1 | Cà phê <em>mới</em>; B | Phin | hỏi giá | nhôm; C | Ly | 15000; "
    text = library.get("tet", "vi").render(values("tet") | {"goods_vi": goods}, links).text
    assert "Cà phê <em>mới</em>: https://mail.example/c/2\n\nPhin: https://mail.example/c/2\nnhôm\n\nLy: " in text
    assert "15.000 ₫" in text
    assert "0 ₫\n" not in text.replace("15.000 ₫", "")
    assert "https://thecoffee.example/products/A%2F1" in {url for _, url in links.asked}


@pytest.mark.parametrize(
    ("day", "vi", "en"),
    [
        (date(2026, 12, 30), "Đinh Mùi", "Year of the Goat"),  # four weeks before Tết 2027
        (date(2027, 2, 5), "Đinh Mùi", "Year of the Goat"),
        (date(2027, 12, 29), "Mậu Thân", "Year of the Monkey"),  # Tết 2028 is on 26 January
        (date(2028, 1, 25), "Mậu Thân", "Year of the Monkey"),
        (date(2023, 1, 20), "Quý Mão", "Year of the Cat"),
        (date(2021, 1, 20), "Tân Sửu", "Year of the Buffalo"),
    ],
)
def test_the_lunar_year_is_the_one_that_comes(library: TemplateLibrary, day: date, vi: str, en: str) -> None:
    """Given a day before Tết, in the old solar year or the new, then the mail names the year that is to begin."""
    now = datetime(day.year, day.month, day.day, 1, 30, tzinfo=UTC)
    assert vi in rendered(library, "tet", "vi", now=now).text
    assert en in rendered(library, "tet-wish", "en", now=now).text


@pytest.mark.parametrize(
    ("month", "language", "day"),
    [(3, "vi", "8/3"), (10, "vi", "20/10"), (3, "en", "8 March"), (10, "en", "20 October")],
)
def test_womens_day_is_named_by_the_season(library: TemplateLibrary, month: int, language: str, day: str) -> None:
    """Given five days before either day, then the mail names that one, and the other nowhere."""
    mail = rendered(library, "womens-day", language, now=datetime(2027, month, 3, 2, tzinfo=UTC))
    assert mail.subject.startswith(day)
    other = {"8/3": "20/10", "20/10": "8/3", "8 March": "20 Oct", "20 October": "8 March"}[day]
    assert other not in mail.subject + mail.text


def test_a_birthday_stands_on_the_calendar(library: TemplateLibrary) -> None:
    """Given a birthday on 29 February, then that leaf is shown, also in a year without it; given none, candles."""
    html = rendered(library, "birthday", "vi").html
    assert re.search(r'class="leaf-day"[^>]*>29<', html)
    assert re.search(r'class="leaf-month"[^>]*>Tháng 2<', html)
    assert 'leaf-day"' not in rendered(library, "birthday", "vi", NOBODY).html


@pytest.mark.parametrize(("language", "month"), [("vi", "tháng 9 năm 2026"), ("en", "September 2026")])
def test_who_is_missed_is_told_since_when(library: TemplateLibrary, language: str, month: str) -> None:
    """Given a last order in the night of 31 August by UTC, then the customer's own month is named."""
    assert month in rendered(library, "win-back", language).text


def test_the_last_question_offers_both_ways(library: TemplateLibrary) -> None:
    """Given the last mail of the win-back, then to stay is a tracked link, and to leave the page for unsubscribing."""
    links = FakeLinks()
    text = library.get("win-back-goodbye", "vi").render(values("win-back-goodbye"), links).text
    assert re.search(r"viết tiếp cho mình nhé: https://mail\.example/c/\d", text)
    assert "Chạm vào đây để ngừng nhận thư: https://mail.example/u/1" in text


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_code_may_be_worth_an_amount(library: TemplateLibrary, language: str) -> None:
    """Given codes that the shop loaded with an amount, then each mail that shows one names it, and no percentage."""
    needs = library.needs()
    showing = [name for name in GIVEN if any(need.startswith("coupons.") for need in needs[name])]
    assert len(showing) >= 5
    for name in showing:
        given = values(name)
        for one in given["coupons"].values():
            one |= {"percent": None, "amount": Decimal(50_000)}
        mail = library.get(name, language).render(given, FakeLinks())
        assert {"vi": "50.000 ₫", "en": "₫50,000"}[language] in mail.text.replace("\xa0", " ")
        assert "%" not in mail.subject + mail.preheader + mail.text


def test_an_issues_paragraphs_are_paragraphs(library: TemplateLibrary) -> None:
    """Given a story of several paragraphs in the flow's file, then the mail has as many."""
    mail = rendered(library, "newsletter", "vi")
    assert len(re.findall(r'<p class="story"', mail.html)) == 3
    assert mail.subject == GIVEN["newsletter"]["title_vi"]


@pytest.mark.browser
@pytest.mark.parametrize(("name", "language"), BOTH)
def test_they_hold_together_in_a_browser(library: TemplateLibrary, browser: Browser, name: str, language: str) -> None:
    """Given phones and desktops, light and dark, then nothing runs over, all is read easily, buttons are touched."""
    assert faults_of(browser, rendered(library, name, language).html) == []
    if name in ("birthday", "womens-day"):  # those that look otherwise by what is known, and by the day
        autumn = NOW.replace(month=10)
        assert faults_of(browser, rendered(library, name, language, NOBODY, autumn).html) == []
