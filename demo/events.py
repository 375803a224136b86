"""What happens in the shop, as it reports it to Phin (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo.catalogue import SHOP, Product
from demo.orders import Line, Order
from demo.people import Person

Event = dict[str, Any]
CARRIERS = ("GHN", "GHTK", "Viettel Post")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens at one moment: events that are reported together then."""

    at: datetime
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Handling:
    """A member of the staff closes the task about an order, from the command line."""

    at: datetime
    order: str
    remark: str


def event(kind: str, key: str, at: datetime, person: Person, **more: Any) -> Event:
    """Return an event about a customer whom Phin knows."""
    known = {"id": person.id, "email": person.email}
    return {"id": f"{key}-{kind}", "type": kind, "time": at.isoformat(), "customer": known, **more}


def record(person: Person) -> dict[str, Any]:
    """Return all that the shop knows of a customer."""
    known: dict[str, Any] = {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "first_name": person.first_name,
        "phone": person.phone,
        "language": person.language,
        "address": dict(person.address),
    }
    if person.birthday is not None:
        known["birthday"] = person.birthday.isoformat()
    if person.favourite is not None:
        known["favourite"] = person.favourite
    if person.consent:
        known["consent"] = dict(person.consent)
    return known


def of_order(order: Order, person: Person) -> Iterator[Happening]:
    """Yield what is reported of an order on its way."""
    number = {"order": {"number": order.number}}
    if order.checkout_at is not None:
        checkout = checkout_started(f"{order.number}-bought", order.checkout_at, person, order.lines)
        yield Happening(order.placed_at, (checkout, _purchase(order, person)))
    if order.packing_at is not None:
        yield Happening(order.packing_at, (event("order.packing", order.number, order.packing_at, person, **number),))
    if order.shipped_at is not None:
        yield Happening(order.shipped_at, (_shipped(order, person, order.shipped_at, 1),))
    if order.damaged_at is not None:
        reason = (
            "Crushed on the way: one bag has burst."
            if person.language == "en"
            else "Hộp hàng bị đè móp khi vận chuyển, một túi cà phê đã bung."
        )
        damage = event("order.incident", order.number, order.damaged_at, person, **number, data={"reason": reason})
        yield Happening(order.damaged_at, (damage,))
    if order.replaced_at is not None:
        yield Happening(order.replaced_at, (_shipped(order, person, order.replaced_at, 2),))
    if order.delivered_at is not None:
        arrived = event("order.delivered", order.number, order.delivered_at, person, **number)
        yield Happening(order.delivered_at, (arrived,))


def of_incident(order: Order) -> Iterator[Handling]:
    """Yield what the staff do about a damaged order: when another parcel has left, the case is settled."""
    if order.replaced_at is not None:
        remark = "Đã xin lỗi khách và gửi lại hộp mới."
        yield Handling(order.replaced_at + timedelta(minutes=20), order.number, remark)


def signup(person: Person) -> Happening:
    """Return the sign-up of a newcomer."""
    made = event("signup", person.id, person.signed_up_at, person, data={"source": "website"})
    return Happening(person.signed_up_at, ({**made, "customer": record(person)},))


def viewed(key: str, at: datetime, person: Person, product: Product) -> Event:
    """Return a look at a product."""
    data = {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price": product.price,
        "url": product.url,
    }
    return event("product.viewed", key, at, person, data=data)


def cart_updated(key: str, at: datetime, person: Person, lines: Sequence[Line]) -> Event:
    """Return a change of the cart."""
    return event("cart.updated", key, at, person, data=_cart(key, lines))


def checkout_started(key: str, at: datetime, person: Person, lines: Sequence[Line]) -> Event:
    """Return the beginning of paying."""
    return event("checkout.started", key, at, person, data=_cart(key, lines))


def subscribed(person: Person, at: datetime, wording: str) -> Happening:
    """Return the yes of somebody who was never asked, in the form beneath the shop's pages."""
    made = event("subscribed", person.id, at, person, data={"source": "form bản tin"})
    consent = {"marketing": True, "tracking": True, "source": "form bản tin", "wording": wording}
    return Happening(at, ({**made, "customer": {**made["customer"], "consent": consent}},))


def _purchase(order: Order, person: Person) -> Event:
    told = {name: value for name, value in record(person).items() if name not in ("consent", "favourite")}
    content: dict[str, Any] = {
        "number": order.number,
        "total": order.total,
        "currency": "VND",
        "lines": [_line(line) for line in order.lines],
    }
    if order.coupon:
        content["coupon"] = order.coupon
    made = event("purchase", order.number, order.placed_at, person, data={"channel": "web"}, order=content)
    return {**made, "customer": told}


def _shipped(order: Order, person: Person, at: datetime, parcel: int) -> Event:
    carrier = CARRIERS[sum(order.number.encode()) % len(CARRIERS)]
    tracking = f"{carrier.split()[0].upper()}{order.number[2:]}{parcel}"
    data = {
        "carrier": carrier,
        "tracking_number": tracking,
        "tracking_url": f"{SHOP}/van-don/{tracking.lower()}",
    }
    return event("order.shipped", f"{order.number}-{parcel}", at, person, order={"number": order.number}, data=data)


def _line(line: Line) -> dict[str, Any]:
    product = line.product
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "quantity": line.quantity,
        "price": line.price,
    }


def _cart(key: str, lines: Sequence[Line]) -> Mapping[str, Any]:
    return {
        "total": sum(line.price * line.quantity for line in lines),
        "items": sum(line.quantity for line in lines),
        "skus": [line.product.sku for line in lines],
        "categories": sorted({line.product.category for line in lines}),
        "url": f"{SHOP}/gio-hang/{key.lower()}",
        "lines": [_line(line) for line in lines],
    }


def a_little_before(moment: datetime, minutes: float) -> datetime:
    """Return a moment so many minutes earlier, to the second."""
    return (moment - timedelta(minutes=minutes)).replace(microsecond=0)
