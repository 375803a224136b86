"""What customers say of their orders: marks of five, most of them good, and a word with the low ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from demo.case import Case, Window
from demo.events import Event, Handling, Happening, event
from demo.orders import Order
from demo.people import Person

SHARE = 0.12  # of the orders that have arrived
LOW = 0.01  # of the orders
MARKS = {5: 56, 4: 32, 3: 12}
COMMENTS = {
    "vi": ("Cà phê lần này rang hơi cháy, uống bị gắt.", "Giao chậm hai ngày so với hẹn, gọi tổng đài không ai nghe."),
    "en": ("This bag tasted burnt.", "It came two days late, and nobody answered the phone."),
}


def surveys(
    seed: int, case: Case, window: Window, people: Sequence[Person], orders: Sequence[Order]
) -> Iterator[Happening | Handling]:
    """Yield the answers to the review invitation, and what the staff do about the low marks."""
    rng = Random(f"{seed}:surveys")
    by_id = {person.id: person for person in people}
    arrived = [order for order in orders if order.delivered_at is not None and order.damaged_at is None]
    rng.shuffle(arrived)
    low = round(LOW * case.orders)
    for place, order in enumerate(arrived[: low + round(SHARE * len(arrived))]):
        assert order.delivered_at is not None
        person = by_id[order.customer]
        bad = place < low
        # who is unhappy says so soon; the others when they are asked
        day = order.delivered_at + timedelta(days=rng.uniform(0.5, 2) if bad else rng.uniform(8.2, 10))
        at = day.replace(hour=rng.choice((10, 12, 19, 20)), minute=rng.choice((0, 20, 40)), second=0, microsecond=0)
        if not order.delivered_at < at < window.end - timedelta(days=2):
            continue
        mark = rng.choice((1, 2)) if bad else rng.choices(list(MARKS), list(MARKS.values()))[0]
        comment = rng.choice(COMMENTS[person.language]) if bad else None
        yield Happening(at, (_answer(order, person, mark, comment, at),))
        if bad:
            called = (at + timedelta(days=1)).replace(hour=10, minute=40)
            yield Handling(called, order.number, "Đã gọi xin lỗi, gửi tặng một gói mới.")


def _answer(order: Order, person: Person, mark: int, comment: str | None, at: datetime) -> Event:
    data: dict[str, object] = {"survey": "review", "score": mark}
    if comment is not None:
        data["comment"] = comment
    return event("survey.answered", order.number, at, person, order={"number": order.number}, data=data)
