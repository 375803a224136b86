"""A made-up customer with an order, events and a coupon, as real as a shop's own: what a preview shows without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.conditions.valuetypes import FieldType
from worker.domain.coupons import good_until, prefix_of
from worker.domain.customers import Consent, ConsentState, Customer, CustomerFacts
from worker.domain.facts import CouponFact, Happening
from worker.domain.house_events import HOUSE_EVENTS
from worker.domain.orders import Order, OrderLine
from worker.domain.settings import Settings
from worker.domain.steps import Coupon

ORDER_NUMBER, REQUEST = "A1042", "R-318"
COUPON_CODE = "PHIN-7K2M"
_SUBSCRIBED = ConsentState.SUBSCRIBED
_FACTOR = {"VND": Decimal(1000), "IDR": Decimal(1000), "KRW": Decimal(100), "JPY": Decimal(10)}  # else a tenth
_GOODS = (("AR-250", "arabica", 2, 180), ("PHIN-4", "phin", 1, 90))  # SKU, category, pieces, price

# What is said in each language; any other is served with English.
_WORDS: dict[str, dict[str, Any]] = {
    "vi": {
        "name": "Nguyễn Thị Lan",
        "first_name": "Lan",
        "phone": "0903 123 456",
        "address": {
            "street": "12 Nguyễn Trãi",
            "district": "Phường Bến Thành",
            "city": "Thành phố Hồ Chí Minh",
            "country": "VN",
        },
        "goods": ("Arabica Cầu Đất 250 g", "Phin nhôm cỡ 4"),
        "carrier": "Giao Hàng Nhanh",
        "reason": "Tài xế đã gọi mà không gặp được khách",
        "subject": "Đổi địa chỉ giao hàng",
        "outcome": "đã đổi địa chỉ",
        "comment": "Cà phê thơm, hộp giao tới hơi móp.",
        "text": "một giá trị",
    },
    "en": {
        "name": "Emma Clarke",
        "first_name": "Emma",
        "phone": "+44 20 7946 0123",
        "address": {"street": "12 Rose Lane", "city": "Bristol", "postcode": "BS1 4DJ", "country": "GB"},
        "goods": ("Cau Dat Arabica, 250 g", "Aluminium phin, size 4"),
        "carrier": "Royal Mail",
        "reason": "The driver rang and met nobody",
        "subject": "Another delivery address",
        "outcome": "the address was changed",
        "comment": "Lovely coffee; the box had a dent.",
        "text": "a value",
    },
}
# Values that a flow gives with `with:`, by their usual names; others are shown by their name in brackets.
_GIVEN = {"percent": "15", "amount": "50000", "code": COUPON_CODE, "days": "14", "points": "10"}


@dataclass(frozen=True, slots=True)
class Samples:
    """What is made up for one shop, in one language, at one moment.

    Parameters:
        language: `vi`, `en` …
        now: aware.
    """

    settings: Settings
    language: str
    now: datetime

    @property
    def _words(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = _WORDS.get(self.language, _WORDS["en"])
        return found

    def customer(self) -> Customer:
        """Return somebody who agreed to marketing, has bought three times, and has a birthday in a week."""
        words = self._words
        total = sum((line.amount for line in self._lines()), Decimal(0))
        born = (self.now + timedelta(days=7)).date()
        return Customer(
            id=0,
            external_id="c1",
            email="lan@example.com" if self.language == "vi" else "emma@example.com",
            name=words["name"],
            first_name=words["first_name"],
            phone=words["phone"],
            birthday=date(1990, born.month, min(born.day, 28)),
            language=self.language,
            timezone=self.settings.shop.timezone,
            address=words["address"],
            fields={name: self._of_type(kind) for name, kind in self.settings.fields.items()},
            tags=("coffee-club",),
            created_at=self.now - timedelta(days=200),
            consent=Consent(_SUBSCRIBED, _SUBSCRIBED),
            facts=CustomerFacts(3, total * 3, self.now - timedelta(days=200), self.now - timedelta(days=1)),
        )

    def order(self, customer_id: int = 0, status: str = "placed") -> Order:
        """Return an order of two things."""
        lines = self._lines()
        return Order(
            id=0,
            number=ORDER_NUMBER,
            customer_id=customer_id,
            total=sum((line.amount for line in lines), Decimal(0)),
            currency=self.settings.shop.currency,
            status=status,
            lines=lines,
            placed_at=self.now - timedelta(days=1),
            status_at=self.now - timedelta(hours=2),
        )

    def event(self, type_: str | None, order: Order | None = None) -> Happening:
        """Return an event with all that its type may tell.

        Parameters:
            type_: a type of the house's or of the shop's own; None: what any of the house's may tell, at once.
        """
        asks = type_ is None or type_.startswith("support.")
        return Happening(
            type_ or "purchase",
            self.now - timedelta(minutes=1),
            order.number if order is not None else None,
            REQUEST if asks else None,
            {name: self._field(name, kind) for name, kind in self._fields_of(type_).items()},
        )

    def coupon(self, step: Coupon) -> CouponFact:
        """Return the coupon that a step gives, with a code like those that are made."""
        code = f"{prefix_of(step)}-{COUPON_CODE.rpartition('-')[2]}"
        until = good_until(step.expires, self.now, ZoneInfo(self.settings.shop.timezone))
        return CouponFact(step.coupon, code, step.percent, step.amount, self.settings.shop.currency, until, own=True)

    def given(self, name: str) -> str:
        """Return a value that a flow would give with `with:`."""
        if name.startswith("goods"):
            return ";\n".join(f"{line.sku} | {line.name} | {line.price}" for line in self._lines())
        return _GIVEN.get(name, f"[{name}]")

    def _fields_of(self, type_: str | None) -> dict[str, str]:
        own = self.settings.events.get(type_ or "")
        if own is not None:
            return dict(own)
        known = HOUSE_EVENTS.values() if type_ is None else [HOUSE_EVENTS[type_]] if type_ in HOUSE_EVENTS else []
        return {one.name: "" for event in known for one in event.fields}

    def _field(self, name: str, kind: str) -> Any:
        """Return the value of an event's field: of the house's by its name, of the shop's own by its type."""
        website, words = self.settings.shop.website.rstrip("/"), self._words
        lines = self._lines()
        known = {
            "tracking_number": "GHN5318207",
            "tracking_url": f"{website}/tracking/GHN5318207",
            "url": f"{website}/cart",
            "lines": [
                {"sku": one.sku, "name": one.name, "quantity": one.quantity, "price": one.price, "amount": one.amount}
                for one in lines
            ],
            "skus": [one.sku for one in lines],
            "categories": [one.category for one in lines],
            "items": sum(one.quantity for one in lines),
            "total": sum((one.amount for one in lines), Decimal(0)),
            "amount": lines[0].price,
            "price": lines[0].price,
            "sku": lines[0].sku,
            "name": lines[0].name,
            "category": lines[0].category,
            "score": 2,
            "survey": "delivery",
            "code": COUPON_CODE,
            "coupon": "birthday",
            "channel": "web",
            "source": "checkout",
            "task": "answer",
            "by": "lan",
        }
        if kind:
            return self._of_type(kind)
        return known[name] if name in known else words.get(name, words["text"])

    def _of_type(self, kind: FieldType | str) -> Any:
        local = self.now.astimezone(ZoneInfo(self.settings.shop.timezone))
        values = {"number": 120, "boolean": True, "date": local.date().isoformat(), "time": local.isoformat()}
        return values.get(kind, self._words["text"])

    def _lines(self) -> tuple[OrderLine, ...]:
        factor = _FACTOR.get(self.settings.shop.currency, Decimal("0.1"))
        return tuple(
            OrderLine(sku, name, category, quantity, price * factor)
            for (sku, category, quantity, price), name in zip(_GOODS, self._words["goods"], strict=True)
        )
