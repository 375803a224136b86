"""Orders: those of the past as the shop's books have them, and those of the month with their way to the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from random import Random

from demo.case import Case, Window
from demo.catalogue import ARABICAS, OTHERS, Product
from demo.people import Part, Person

OPENS, CLOSES = time(8), time(20)  # when orders are packed
COUPON = "arabica"  # stands for the code in the mail of who orders: the script cannot know what Phin will make
DISCOUNT = 10  # per cent off in the offer
LAPSING = 0.35  # of the buyers: have not ordered for two months and longer
SETTLED = timedelta(hours=30)  # before the end; what was ordered earlier has left the house by then
_HOURS = (0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 10, 9, 8, 6, 6, 7, 7, 7, 8, 10, 12, 11, 6, 2)  # orders by hour of the day
_COUNTS = {1: 44, 2: 24, 3: 14, 4: 8, 5: 5, 6: 3, 8: 2}  # earlier orders of a buyer, with their share
LOYAL_BAGS = (4, 3, 3)  # bags of Arabica in the three orders of one customer of the case


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order; price is for one piece."""

    product: Product
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order and its way; what is None has not happened by the end.

    Parameters:
        checkout_at: when the customer began to pay.
        damaged_at, replaced_at: where it was damaged on the way, and when another parcel left for it.
    """

    number: str
    customer: str
    placed_at: datetime
    lines: tuple[Line, ...]
    coupon: str | None = None
    checkout_at: datetime | None = None
    packing_at: datetime | None = None
    shipped_at: datetime | None = None
    damaged_at: datetime | None = None
    replaced_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def total(self) -> int:
        """What the customer pays, in đồng."""
        return sum(line.quantity * line.price for line in self.lines)

    @property
    def has_arabica(self) -> bool:
        """Whether Arabica is in it."""
        return any(line.product in ARABICAS for line in self.lines)


def history(seed: int, window: Window, people: Sequence[Person]) -> tuple[Order, ...]:
    """Return the orders of the past, the oldest first."""
    rng = Random(f"{seed}:history")
    buyers = [person for person in people if person.buyer]
    loyal = next(person for person in buyers if person.part is Part.EARLIER)
    found: list[tuple[datetime, Person, tuple[Line, ...]]] = []
    for person in buyers:
        arabica = person.part is Part.EARLIER
        if person is loyal:
            bags = [(Line(ARABICAS[0], quantity, ARABICAS[0].price),) for quantity in LOYAL_BAGS]
            moments = _moments(rng, person, window, len(bags))
            found += [(moment, person, lines) for moment, lines in zip(moments, bags, strict=True)]
            continue
        count = rng.choices(list(_COUNTS), list(_COUNTS.values()))[0] + (2 if arabica else 0)
        moments = _moments(rng, person, window, count)
        found += [(moment, person, _lines(rng, arabica=arabica)) for moment in moments]
    found.sort(key=lambda one: one[0])
    return tuple(
        Order(f"DH{10_001 + place}", person.id, moment, lines) for place, (moment, person, lines) in enumerate(found)
    )


def month(
    seed: int, case: Case, window: Window, people: Sequence[Person], openings: Mapping[str, datetime], first: int
) -> tuple[Order, ...]:
    """Return the orders of the month, the oldest first.

    Nobody orders Arabica for the first time before the offer, and of those whom it goes to only the takers order after
    it, so that what came of the offer can be told.

    Parameters:
        openings: when each of those who open the offer does.
        first: number of its first order.
    """
    rng = Random(f"{seed}:month")
    settled = window.end - SETTLED
    outsiders = [person for person in people if person.buyer and person.part is Part.OUTSIDE]
    members = [person for person in people if person.buyer and person.part is not Part.OUTSIDE]
    placed = [
        _taken(rng, person, openings[person.id], window.end)
        for person in people
        if person.takes_offer and person.id in openings
    ]
    late = case.packing - sum(order.placed_at > settled for order in placed)
    for _ in range(max(0, late)):
        moment = _moment(rng, settled, window.end - timedelta(hours=1))
        placed.append(_placed(rng, rng.choice(outsiders), moment, window))
    while len(placed) < case.orders:
        moment = _moment(rng, window.begin + timedelta(hours=1), settled)
        before = window.offer_at is not None and moment < window.offer_at - timedelta(hours=1)
        from_members = before and rng.random() < len(members) / (len(members) + len(outsiders))
        placed.append(_placed(rng, rng.choice(members if from_members else outsiders), moment, window))
    placed.sort(key=lambda order: order.placed_at)
    leaving = len(placed) - case.packing
    outside = {person.id for person in outsiders}
    damaged = min(
        (order for order in placed[:leaving] if order.customer in outside),
        key=lambda order: abs(order.placed_at - (window.begin + (window.end - window.begin) * 0.35)),
    )
    numbered = (replace(order, number=f"DH{first + place}") for place, order in enumerate(placed))
    return tuple(
        _on_its_way(rng, order, window.end, leaves=place < leaving, damaged=placed[place] is damaged)
        for place, order in enumerate(numbered)
    )


def _moments(rng: Random, person: Person, window: Window, count: int) -> list[datetime]:
    """Return when somebody ordered in the past: at a pace of their own, up to a few days before the month."""
    since = (window.begin - person.signed_up_at).days
    away = rng.random() < LAPSING and since > 75
    last = window.begin - timedelta(days=rng.uniform(60, min(240, since - 10)) if away else rng.uniform(2, 60))
    pace = min((last - person.signed_up_at) / (count + 1), timedelta(days=rng.uniform(18, 95)))
    return [_at_hour(rng, last - pace * (place + rng.uniform(0.0, 0.2)) - timedelta(days=1)) for place in range(count)]


def _moment(rng: Random, begin: datetime, end: datetime) -> datetime:
    """Return a moment between the two at which people order."""
    while True:
        moment = _at_hour(rng, begin + (end - begin) * rng.random())
        if begin < moment < end:
            return moment


def _at_hour(rng: Random, day: datetime) -> datetime:
    hour = rng.choices(range(24), _HOURS)[0]
    return day.replace(hour=hour, minute=rng.randint(0, 59), second=rng.randint(0, 59), microsecond=0)


def _lines(rng: Random, *, arabica: bool) -> tuple[Line, ...]:
    chosen = rng.choices(ARABICAS, [product.popular for product in ARABICAS]) if arabica else []
    wanted = rng.choices((1, 2, 3), (55, 33, 12))[0]
    while len(chosen) < wanted:
        product = rng.choices(OTHERS, [product.popular for product in OTHERS])[0]
        chosen += [product] if product not in chosen else []
    return tuple(Line(product, rng.choices((1, 2, 3), (62, 29, 9))[0], product.price) for product in chosen)


def _placed(rng: Random, person: Person, moment: datetime, window: Window) -> Order:
    """Return an order; Arabica only where that changes nothing about whom the offer goes to."""
    late = window.offer_at is not None and moment > window.offer_at and person.part is Part.OUTSIDE
    arabica = rng.random() < (0.6 if person.part is Part.EARLIER else 0.12 if late else 0.0)
    return Order("", person.id, moment, _lines(rng, arabica=arabica), checkout_at=moment - timedelta(minutes=3))


def _taken(rng: Random, person: Person, opened: datetime, end: datetime) -> Order:
    """Return the order of somebody who takes the offer, some hours after it was opened."""
    delay = min(timedelta(hours=rng.uniform(0.3, 60)), (end - opened) * rng.uniform(0.3, 0.7))
    moment = (opened + delay).replace(microsecond=0)
    product = rng.choice(ARABICAS)
    line = Line(product, rng.randint(1, 2), product.price * (100 - DISCOUNT) // 100)
    return Order("", person.id, moment, (line,), coupon=COUPON, checkout_at=moment - timedelta(minutes=1))


def _on_its_way(rng: Random, order: Order, end: datetime, *, leaves: bool, damaged: bool) -> Order:
    """Return the order with what has happened to it by the end: packed in any case, on its way where it leaves."""
    packing = _by(_in_shop_hours(order.placed_at + timedelta(minutes=rng.randint(20, 90))), order.placed_at, end)
    order = replace(order, packing_at=packing)
    if not leaves:
        return order
    shipped = _by(_collected(packing), packing, end)
    arrives = _delivered(rng, shipped)
    order = replace(order, shipped_at=shipped)
    if damaged:
        broken = _by(_quarter(shipped + timedelta(hours=rng.uniform(18, 22))), shipped, end)
        again = _collected(broken + timedelta(hours=16))
        arrives = _delivered(rng, again)
        order = replace(order, damaged_at=broken, replaced_at=again if again < end else None)
    return replace(order, delivered_at=arrives if arrives < end else None)


def _by(moment: datetime, after: datetime, end: datetime) -> datetime:
    """Return the moment, or an earlier one where the end would be before it."""
    return min(moment, (after + (end - after) / 2).replace(microsecond=0))


def _in_shop_hours(moment: datetime) -> datetime:
    """Return the next half hour at which orders are packed."""
    moment = _quarter(moment, 30)
    if moment.time() > CLOSES:
        moment += timedelta(days=1)
    return moment.replace(hour=8, minute=30) if moment.time() > CLOSES or moment.time() < OPENS else moment


def _collected(moment: datetime) -> datetime:
    """Return when the carrier collects next: three times a day, at least half an hour after packing began."""
    ready = moment + timedelta(minutes=30)
    for hour in (11, 15, 18):
        if ready.hour < hour:
            return ready.replace(hour=hour, minute=0, second=0)
    return (ready + timedelta(days=1)).replace(hour=11, minute=0, second=0)


def _delivered(rng: Random, shipped: datetime) -> datetime:
    day = shipped + timedelta(days=rng.choices((1, 2, 3), (55, 33, 12))[0])
    return day.replace(hour=rng.randint(9, 19), minute=rng.choice((0, 20, 40)), second=0)


def _quarter(moment: datetime, minutes: int = 15) -> datetime:
    """Return the next full quarter of an hour, or so many minutes."""
    over = timedelta(minutes=moment.minute % minutes, seconds=moment.second, microseconds=moment.microsecond)
    return moment + (timedelta(minutes=minutes) - over if over else timedelta())
