"""Facts for tests of conditions: a customer with an order, in the middle of a flow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.customers import Consent, ConsentState, Customer, CustomerFacts
from worker.domain.facts import (
    Facts,
    Happening,
    History,
    JourneyFacts,
    MailFact,
    ShopFacts,
    UnderWay,
)
from worker.domain.orders import Order, OrderLine
from worker.domain.settings import Settings

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)  # Monday, 14:00 in Saigon
DAY = timedelta(days=1)
SHOP = ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", "vi", "VND")
SETTINGS = Settings(
    fields={"tier": "text", "points": "number", "vip": "boolean", "wedding": "date", "seen": "time", "left": "time"},
    events={"quiz.done": {"score": "number", "at_once": "boolean"}, "purchase": {"gift": "boolean"}},
)
VOCABULARY = Vocabulary.of(
    SETTINGS, flows=["welcome", "delivery-incident", "post-purchase"], segments=["loyal", "lapsed"]
)
STEPS = ("welcome", "thank-you", "review-invite")
JOURNEY = Scope.of_events(["purchase"], journey=True, steps=STEPS)
ENTRY = Scope.of_events(["purchase"], journey=False)


def order(number: str, placed_at: datetime | None, *lines: tuple[str, str | None], total: str = "450000") -> Order:
    """A counted order with lines given as (SKU, category)."""
    made = tuple(OrderLine(sku, sku, category, 2, Decimal(225_000)) for sku, category in lines)
    return Order(1, number, 1, Decimal(total), "VND", "placed", made, placed_at=placed_at)


LAN = Customer(
    id=1,
    external_id="c1",
    email="lan@example.com",
    name="Nguyễn Thị Lan",
    first_name="Lan",
    birthday=date(1990, 3, 5),
    language="vi",
    timezone="Asia/Ho_Chi_Minh",
    address={"city": "Đà Nẵng"},
    fields={"tier": "gold", "points": 1200, "wedding": "2027-03-31", "seen": "2027-02-27T07:00:00Z", "likes": ["tea"]},
    tags=("coffee-club",),
    created_at=NOW - 400 * DAY,
    consent=Consent(ConsentState.SUBSCRIBED, ConsentState.SUBSCRIBED),
    facts=CustomerFacts(2, Decimal("900000.5"), NOW - 90 * DAY, NOW - 2 * DAY),
)
FACTS = Facts(
    now=NOW,
    shop=SHOP,
    customer=LAN,
    order=order("A2", NOW - 2 * DAY, ("AR-250", "arabica"), ("FILTER", None)),
    event=Happening("purchase", NOW - 2 * DAY, "A2", None, {"channel": "web", "gift": False, "deep": {"n": 3}}),
    journey=JourneyFacts("post-purchase", NOW - 2 * DAY, "A2", None),
    history=History(
        orders=(
            order("A1", NOW - 90 * DAY, ("AR-250", "arabica")),
            order("A2", NOW - 2 * DAY, ("AR-250", "arabica"), ("FILTER", None)),
        ),
        events=(
            Happening("product.viewed", NOW - 3 * DAY, data={"sku": "RO-1"}),
            Happening("purchase", NOW - 2 * DAY, "A2"),
            Happening("product.viewed", NOW - 1 * DAY, data={"sku": "RO-1"}),
            Happening("order.incident", NOW - 1 * DAY, "A1"),
        ),
        mails=(
            MailFact("thank-you", NOW - 2 * DAY, NOW - 1 * DAY, None),
            MailFact("review-invite"),
        ),
        flows=(UnderWay("post-purchase", "A2"), UnderWay("delivery-incident", "A1"), UnderWay("welcome")),
    ),
)
