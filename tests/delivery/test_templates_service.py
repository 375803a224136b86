"""The shipped mails of an order's life and of service: with all that can be known, and with nothing known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
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
from worker.domain.customers import Customer
from worker.domain.facts import CouponFact, Facts, Happening, History, JourneyFacts, ShopFacts
from worker.domain.orders import Order, OrderLine

NOW = datetime(2027, 3, 1, 7, 5, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LARGEST = 60_000  # bytes of HTML; Gmail cuts a mail off at about 102,000
SUBJECT = 60  # characters that a mailbox shows of a subject at a desktop's width
CART: dict[str, Any] = {
    "total": 535_000,
    "items": 3,
    "url": "https://thecoffee.example/cart/x?id=7",
    "lines": [
        {"name": "Cà phê Arabica Cầu Đất 250 g", "sku": "AR-250", "quantity": 2, "price": 225_000},
        {"name": "Phin nhôm", "sku": "PHIN", "quantity": 1, "price": 85_000},
    ],
}
SHIPPED_BY = {"carrier": "Giao Hàng Nhanh", "tracking_number": "GHN-88", "tracking_url": "https://ghn.example/GHN-88"}
# Each mail with the event that brings it, and what that may tell.
MAILS: dict[str, tuple[str, dict[str, Any]]] = {
    "order-confirmation": ("purchase", {}),
    "thank-you": ("purchase", {}),
    "review-invite": ("purchase", {}),
    "order-packing": ("order.packing", {}),
    "order-shipped": ("order.shipped", SHIPPED_BY),
    "order-delivered": ("order.delivered", {}),
    "delivery-incident": ("order.incident", {"reason": "Gói hàng bị móp"}),
    "incident-solved": ("order.incident", {"reason": "Gói hàng bị móp"}),
    "order-cancelled": ("order.cancelled", {"reason": "Khách đổi ý"}),
    "order-refunded": ("refund", {"amount": 85_000, "reason": "Phin nhôm bị móp"}),
    "checkout-reminder": ("checkout.started", CART),
    "checkout-last-note": ("checkout.started", CART),
    "support-received": ("support.requested", {"subject": "Giao nhầm loại xay", "channel": "web"}),
    "support-satisfaction": ("support.requested", {"subject": "Giao nhầm loại xay", "channel": "web"}),
    "apology": ("survey.answered", {"survey": "csat", "score": 1, "comment": "Giao trễ ba ngày <b>"}),
}
WITH = {"support-received": {"hours": 48}}  # what a step tells the mail
APOLOGY = CouponFact(
    "apology",
    "XINLOI-7KX4M9QRT",
    amount=Decimal(50_000),
    currency="VND",
    expires_at=datetime(2027, 4, 30, 16, tzinfo=UTC),
)
BOTH = [(name, language) for name in MAILS for language in ("vi", "en")]
PRICED = [name for name in MAILS if name.startswith(("order-", "delivery-", "incident-"))]
ORDERED = [*PRICED, "thank-you", "review-invite"]
LINES = (
    OrderLine("AR-250", "Cà phê Arabica Cầu Đất 250 g", "arabica", 2, Decimal(225_000)),
    OrderLine("PHIN", "Phin nhôm", None, 1, Decimal(85_000)),
)


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    return TemplateLibrary(SHIPPED, SHOP)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    with chromium() as started:
        yield started


def full(name: str) -> dict[str, Any]:
    """Return the values of a mail about which everything is known."""
    kind, data = MAILS[name]
    order = Order(1, "TC/20418", 1, Decimal(565_000), "VND", "placed", LINES, placed_at=NOW)
    lan = Customer(1, "c1", "lan@example.com", "Nguyễn Thị Lan", "Lan", language="vi")
    return _values(name, lan, Happening(kind, NOW, "TC/20418", "YC-1042", data), order, (APOLOGY,))


def bare(name: str) -> dict[str, Any]:
    """Return the values of a mail about which nothing is known but that it happened, and to which order."""
    about = Order(1, "A1", 1, Decimal(0), "VND", "unknown") if name in ORDERED else None
    return _values(name, Customer(1, email="x@example.com"), Happening(MAILS[name][0], NOW), about)


def _values(
    name: str, customer: Customer, event: Happening, order: Order | None, coupons: tuple[CouponFact, ...] = ()
) -> dict[str, Any]:
    journey = JourneyFacts("f", NOW, event.order_number, event.request)
    shop = ShopFacts(SHOP.name, SHOP.timezone, SHOP.language, SHOP.currency)
    known = History(coupons=coupons)
    facts = Facts(NOW, shop, customer, order=order, event=event, journey=journey, history=known)
    return template_values(facts, shop_values(SHOP), WITH.get(name, {}), ZONE)


def rendered(library: TemplateLibrary, name: str, language: str, values: dict[str, Any] | None = None) -> Rendered:
    return library.get(name, language).render(values or full(name), FakeLinks(unsubscribe=None))


@pytest.mark.parametrize(("name", "language"), BOTH)
@pytest.mark.parametrize("known", [full, bare])
def test_each_holds_whatever_is_known(library: TemplateLibrary, name: str, language: str, known: Any) -> None:
    """Given everything or nothing known, then the mail is whole: short subject, whole links, small, without gaps."""
    links = FakeLinks(unsubscribe=None)
    mail = library.get(name, language).render(known(name), links)
    assert 10 <= len(mail.subject) <= SUBJECT
    assert mail.preheader
    assert mail.preheader in mail.html.replace("&amp;", "&")
    assert len(mail.html.encode()) < LARGEST
    assert all(re.match(r"https://\w+\.example(/|\Z)", url) for _, url in links.asked)
    root = etree.fromstring(mail.html, etree.HTMLParser())
    assert all(image.get("alt") is not None for image in root.iter("img"))
    assert [one.tag for one in root.iter("link", "script", "iframe")] == []
    for part in (mail.subject, mail.preheader, mail.text, mail.html):
        assert not re.search(
            r"None|undefined|\{\{|\}\}|\(\)|“”| ,| \.(?!\w)", re.sub(r"<style.*?</style>", "", part, flags=re.S)
        )
    for line in (mail.subject, mail.preheader, *mail.text.splitlines()):
        assert "  " not in line
        assert line == line.strip()
        assert line not in ("·", "×", "-")


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_each_is_in_one_language_and_compiled_once(library: TemplateLibrary, name: str, language: str) -> None:
    """Given nothing known, then no word of the other language is there, and the CSS was inlined when it was read."""
    template = library.get(name, language)
    assert template.parts.inlined
    mail = template.render(bare(name), FakeLinks(unsubscribe=None))
    text = mail.text.replace(SHOP.name, "").replace(SHOP.address, "")
    words = " ".join((mail.subject, mail.preheader, text))
    marked = re.search("[ăâđêôơưạảấầẩậắằặẹẻẽếềểệịọỏốồổộớờởợụủứừửữựỳỵỷỹ]", words, re.IGNORECASE)
    if language == "en":
        assert not marked
    else:
        assert marked
        assert not re.search(r"\b(you|your|and|order)\b", words, re.IGNORECASE)


@pytest.mark.parametrize("name", [*PRICED, "checkout-reminder", "checkout-last-note"])
@pytest.mark.parametrize(("language", "sums"), [("vi", ("450.000 ₫", "85.000 ₫")), ("en", ("₫450,000", "₫85,000"))])
def test_the_lines_stand_in_both_parts(
    library: TemplateLibrary, name: str, language: str, sums: tuple[str, ...]
) -> None:
    """Given an order or a cart, then its products, quantities and amounts stand in the HTML and in the text."""
    mail = rendered(library, name, language)
    for part in (mail.html, mail.text):
        for said in ("Cà phê Arabica Cầu Đất 250 g", "× 2", "Phin nhôm", "× 1", *sums):
            assert said in part


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("order-confirmation", "• Nhận đơn\nĐóng gói\nĐang giao\nĐã giao"),
        ("order-packing", "✓ Nhận đơn\n• Đóng gói\nĐang giao\nĐã giao"),
        ("order-shipped", "✓ Nhận đơn\n✓ Đóng gói\n• Đang giao\nĐã giao"),
        ("order-delivered", "✓ Nhận đơn\n✓ Đóng gói\n✓ Đang giao\n✓ Đã giao"),
    ],
)
def test_how_far_the_order_has_come_is_told_in_the_text_too(library: TemplateLibrary, name: str, line: str) -> None:
    """Given each stage, then the text has what is done and what is now."""
    assert line in rendered(library, name, "vi", full("order-packing")).text


def test_the_parcel_can_be_followed(library: TemplateLibrary) -> None:
    """Given the carrier's link, then the button leads there; given none, to the order's page."""
    links = FakeLinks(unsubscribe=None)
    text = library.get("order-shipped", "vi").render(full("order-shipped"), links).text
    assert "Bên giao hàng · Giao Hàng Nhanh\nMã vận đơn · GHN-88" in text
    assert "https://ghn.example/GHN-88" in {url for _, url in links.asked}
    links = FakeLinks(unsubscribe=None)
    library.get("order-shipped", "vi").render(bare("order-shipped"), links)
    assert "https://thecoffee.example/orders/A1" in {url for _, url in links.asked}


def test_a_refund_tells_its_own_amount_and_else_the_orders(library: TemplateLibrary) -> None:
    """Given a part that was given back, then that is told; given no amount, the order's total."""
    assert "\n85.000 ₫\n" in rendered(library, "order-refunded", "vi").text
    whole = full("order-refunded")
    del whole["event"]["amount"]
    assert "\n565.000 ₫\n" in rendered(library, "order-refunded", "vi", whole).text


@pytest.mark.parametrize("lines", ["AR-250", 3, [None, "x", 5], [{"name": "Phin", "quantity": "2", "price": "9"}]])
def test_an_odd_cart_spoils_no_mail(library: TemplateLibrary, lines: Any) -> None:
    """Given lines of a cart that are no such lines, then the mail goes out, with what can be told."""
    values = full("checkout-reminder")
    values["event"] |= {"lines": lines, "total": "much", "items": "3"}
    assert "Quay lại giỏ hàng" in rendered(library, "checkout-reminder", "vi", values).text


@pytest.mark.parametrize("hours", [24, 48])
@pytest.mark.parametrize(("language", "within"), [("vi", "trong vòng {} giờ"), ("en", "within {} hours")])
def test_a_request_is_confirmed_with_its_number(
    library: TemplateLibrary, language: str, within: str, hours: int
) -> None:
    """Given a request, then its number is in subject and mail, with what it is about and by when it is answered."""
    mail = rendered(library, "support-received", language, full("support-received") | {"hours": hours})
    assert "YC-1042" in mail.subject
    assert str(hours) in mail.preheader
    for said in ("YC-1042", "Giao nhầm loại xay", "TC/20418", within.format(hours)):
        assert said in mail.text


@pytest.mark.parametrize(
    ("language", "told"),
    [("vi", ("50.000 ₫", "đến hết ngày 30 tháng 4")), ("en", ("₫50,000", "through April 30"))],
)
def test_an_apology_has_its_code_where_there_is_one(
    library: TemplateLibrary, language: str, told: tuple[str, ...]
) -> None:
    """Given a code of the customer's own, then mail and text show it, what it is worth and its last day; else none."""
    mail = rendered(library, "incident-solved", language)
    for said in (APOLOGY.code, *told):
        assert said in mail.text
        assert said in mail.html
    without = rendered(library, "incident-solved", language, full("incident-solved") | {"coupons": {}})
    assert "voucher-code" not in without.html.split("</style>")[-1]
    values = {"code": "SORRY-1", "percent": None, "amount": Decimal(50_000), "expires_at": None}
    assert (
        "SORRY-1"
        in rendered(
            library, "incident-solved", language, full("incident-solved") | {"coupons": {"apology": values}}
        ).text
    )


def test_a_customers_words_are_shown_as_text(library: TemplateLibrary) -> None:
    """Given markup in a comment, then it is shown and does nothing."""
    mail = rendered(library, "apology", "vi")
    assert "Giao trễ ba ngày &lt;b&gt;" in mail.html
    assert "“Giao trễ ba ngày <b>”" in mail.text


@pytest.mark.browser
@pytest.mark.parametrize(("name", "language"), BOTH)
def test_they_hold_together_in_a_browser(library: TemplateLibrary, browser: Browser, name: str, language: str) -> None:
    """Given phone and desktop, light and dark, then nothing runs over, all text is read easily, buttons are touched."""
    assert faults_of(browser, rendered(library, name, language).html) == []
