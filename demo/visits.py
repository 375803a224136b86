"""Visits to the shop: looking, filling a cart, beginning to pay and not ordering, agreeing to the newsletter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from demo.case import Case, Window
from demo.catalogue import OTHERS, PRODUCTS, Product
from demo.events import Event, Happening, a_little_before, cart_updated, checkout_started, subscribed, viewed
from demo.orders import Line, Order
from demo.people import WORDING, Part, Person

VISITS = 260  # in a month of a thousand customers
WITH_CART, ABANDONED = 0.25, 0.10  # of the visits
COME_BACK = 0.04  # of the orders: begun and left hours before
SUBSCRIBE = 0.006  # of the customers: were never asked, and agree during the month
EVERY = 20  # minutes; what was looked at within them is reported together


def visits(
    seed: int, case: Case, window: Window, people: Sequence[Person], orders: Sequence[Order]
) -> Iterator[Happening]:
    """Yield what visitors do who do not order then; those who come often without having bought are the same few."""
    rng = Random(f"{seed}:visits")
    regulars = [person for person in people if not person.newcomer]
    often = rng.sample([person for person in regulars if not person.buyer], max(2, case.customers // 60))
    share = case.customers / 1_000 * min(1.0, window.days / 30)
    for number in range(max(6, round(VISITS * share))):
        person = rng.choice(often if rng.random() < 0.35 else regulars)
        yield _visit(rng, number, person, _moment(rng, window.begin, window.end))
    for person in people:
        if person.newcomer:
            yield _first_visit(rng, person, window)
    yield from _left_and_come_back(rng, people, orders, window)
    unasked = [person for person in people if person.marketing is None and person.part is Part.OUTSIDE]
    for person in rng.sample(unasked, min(len(unasked), max(1, round(SUBSCRIBE * case.customers)))):
        yield subscribed(person, _moment(rng, window.begin, window.end), WORDING[person.language])


def _visit(rng: Random, number: int, person: Person, at: datetime) -> Happening:
    key = f"V{number + 1:05d}"
    seen = rng.sample(PRODUCTS, rng.choices((1, 2, 3, 4, 6), (25, 30, 22, 15, 8))[0])
    events = [
        viewed(f"{key}-{place}", a_little_before(at, 14 - 2 * place), person, product)
        for place, product in enumerate(seen)
    ]
    if rng.random() < WITH_CART:
        lines = _wanted(rng, seen)
        events.append(cart_updated(key, a_little_before(at, 1), person, lines))
        if rng.random() < ABANDONED / WITH_CART:
            events.append(checkout_started(key, at, person, lines))
    return Happening(at, tuple(events))


def _first_visit(rng: Random, person: Person, window: Window) -> Happening:
    """Return what a newcomer looks at after signing up."""
    at = min(person.signed_up_at + timedelta(minutes=20), window.end - timedelta(minutes=1))
    events: list[Event] = [
        viewed(f"{person.id}-{place}", a_little_before(at, 9 - 3 * place), person, product)
        for place, product in enumerate(rng.sample(PRODUCTS, 3))
    ]
    return Happening(at, tuple(events))


def _left_and_come_back(
    rng: Random, people: Sequence[Person], orders: Sequence[Order], window: Window
) -> Iterator[Happening]:
    """Yield what was begun and left by those who order it some hours later."""
    by_id = {person.id: person for person in people}
    outside = [order for order in orders if by_id[order.customer].part is Part.OUTSIDE and not order.has_arabica]
    for order in rng.sample(outside, min(len(outside), max(1, round(COME_BACK * len(orders))))):
        at = _on_the_grid(order.placed_at - timedelta(hours=rng.uniform(2.5, 20)))
        if at > window.begin:
            left = checkout_started(f"{order.number}-left", at, by_id[order.customer], order.lines)
            yield Happening(at, (left,))


def _wanted(rng: Random, seen: Sequence[Product]) -> tuple[Line, ...]:
    """Return what of the things seen lies in the cart; nothing but other coffee where all that was seen is Arabica."""
    wanted = [product for product in seen if product in OTHERS][:2] or [rng.choice(OTHERS)]
    return tuple(Line(product, rng.randint(1, 2), product.price) for product in wanted)


def _moment(rng: Random, begin: datetime, end: datetime) -> datetime:
    while True:
        moment = begin + (end - begin) * rng.random()
        moment = _on_the_grid(moment.replace(hour=rng.choice((7, 9, 11, 12, 13, 15, 17, 19, 20, 21, 22))))
        if begin + timedelta(minutes=20) < moment < end:
            return moment


def _on_the_grid(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // EVERY * EVERY, second=0, microsecond=0)
