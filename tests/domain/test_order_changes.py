"""What events tell of an order, in any order they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.order_changes import OrderChange, order_change
from worker.domain.orders import Order, Told

AT = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
LINES = [{"sku": "AR-250", "category": "arabica", "quantity": 2, "price": "225000"}]


class Books:
    """What is known of one order, told by event after event."""

    def __init__(self) -> None:
        self.order: Order | None = None
        self.told = Told()

    def tell(
        self, event: str, hours: int = 0, data: dict[str, Any] | None = None, customer: int = 1, **said: Any
    ) -> OrderChange:
        """Tell of an event so many hours after the beginning."""
        at = AT + timedelta(hours=hours)
        said = {"number": "A1", **said}
        change = order_change(self.order, self.told, customer, event, said, data or {}, at, "VND")
        self.order, self.told = replace(change.order, id=7), change.told
        return change


@pytest.fixture
def books() -> Books:
    """Nothing is known yet."""
    return Books()


def _placed(books: Books) -> None:
    books.tell("purchase", total="450000")


def test_a_purchase_places_and_counts_the_order(books: Books) -> None:
    """Given a purchase with lines and no total, when it is taken over, then the total is the lines' sum."""
    order = books.tell("purchase", lines=LINES).order
    assert (order.total, order.currency, order.status, order.counted) == (Decimal(450000), "VND", "placed", True)
    assert order.placed_at == AT
    assert order.categories == ("arabica",)


def test_status_moves_on_and_an_older_word_does_not_turn_it_back(books: Books) -> None:
    """Given a delivered order, when word of its packing comes late, then it stays delivered and the word is kept."""
    _placed(books)
    books.tell("order.delivered", 48)
    late = books.tell("order.packing", 1)
    assert (late.order.status, late.status) == ("delivered", "packing")


def test_a_status_of_the_moment_of_the_purchase_is_not_lost_to_it(books: Books) -> None:
    """Given word of packing that bears the purchase's own time, when the purchase comes late, then it is packing."""
    books.tell("order.packing")
    _placed(books)
    assert books.order is not None
    assert books.order.status == "packing"


def test_a_status_known_before_the_purchase_waits_for_it(books: Books) -> None:
    """Given word of shipping before the purchase, when the purchase comes, then it counts and stays shipped."""
    assert not books.tell("order.shipped", 5).order.counted
    order = books.tell("purchase", 0, total="450000", lines=LINES).order
    assert (order.status, order.counted, order.total, order.placed_at) == ("shipped", True, Decimal(450000), AT)


def test_refunds_take_out_their_amount_and_the_whole_takes_out_the_order(books: Books) -> None:
    """Given an order of 450,000, when 100,000 and then the rest are given back, then it counts, then no more."""
    _placed(books)
    partly = books.tell("refund", 1, {"amount": 100000})
    assert (partly.order.refunded, partly.order.counted, partly.order.status) == (Decimal(100000), True, "placed")
    assert partly.status is None
    wholly = books.tell("refund", 2, {"amount": 350000})
    assert (wholly.order.counted, wholly.order.status, wholly.status) == (False, "refunded", "refunded")


def test_a_part_given_back_before_the_purchase_is_a_part(books: Books) -> None:
    """Given a refund of 100,000 that arrives first, when the purchase of 450,000 comes, then 350,000 are left."""
    early = books.tell("refund", 1, {"amount": 100000}).order
    assert (early.refunded, early.status) == (Decimal(0), "unknown")
    order = books.tell("purchase", total="450000").order
    assert (order.counted, order.total - order.refunded, order.status) == (True, Decimal(350000), "placed")


def test_a_refund_says_refunded_only_where_the_amounts_do(books: Books) -> None:
    """Given a part given back by an event that calls the order refunded, then the order still counts."""
    _placed(books)
    assert books.tell("refund", 1, {"amount": 1}, status="refunded").order.counted
    assert books.tell("refund", 2, {"amount": 1}, status="partly refunded").order.status == "partly refunded"


def test_more_than_the_total_given_back_is_the_total(books: Books) -> None:
    """Given 500,000 given back of 450,000, then it is the whole; when the order grows, then it is a part again."""
    _placed(books)
    order = books.tell("refund", 1, {"amount": 500000}).order
    assert (order.refunded, order.counted) == (Decimal(450000), False)
    order = books.tell("purchase", 2, total="600000").order
    assert (order.refunded, order.counted, order.status) == (Decimal(500000), True, "placed")


@pytest.mark.parametrize("event", ["refund", "order.cancelled"])
def test_a_full_refund_and_a_cancellation_are_final(books: Books, event: str) -> None:
    """Given an order that was refunded or cancelled, when its way goes on, then it stays so and does not count."""
    _placed(books)
    final = books.tell(event, 1).order
    assert not final.counted
    for later in ("order.incident", "order.delivered", "purchase"):
        order = books.tell(later, 5, total="450000").order
        assert (order.status, order.status_at, order.counted) == (final.status, final.status_at, False)


def test_a_shops_own_word_for_a_cancellation_cancels(books: Books) -> None:
    """Given `order.cancelled` with a status of the shop's own, then the order is cancelled, and the word is kept."""
    _placed(books)
    change = books.tell("order.cancelled", 1, status="called off by phone")
    assert (change.order.status, change.order.counted, change.status) == ("cancelled", False, "called off by phone")


def test_an_order_is_whose_purchase_came_first(books: Books) -> None:
    """Given an order that one customer's event names first, then it is theirs until another has placed it."""
    assert books.tell("order.shipped", 5, customer=2).order.customer_id == 2
    assert books.tell("purchase", 1, customer=1, total="1").order.customer_id == 1
    assert books.tell("purchase", 2, customer=3, total="1").order.customer_id == 1
    assert books.tell("order.delivered", 9, customer=2).order.customer_id == 1


TALES = st.lists(
    st.one_of(
        st.builds(
            lambda total, lines, status: ("purchase", {}, {"total": total, "lines": lines, "status": status}),
            st.none() | st.integers(0, 5).map(lambda n: str(n * 100)),
            st.none() | st.just(LINES) | st.just([]),
            st.none() | st.just("paid"),
        ),
        st.sampled_from([("order.packing", {}, {}), ("order.shipped", {}, {}), ("order.delivered", {}, {})]),
        st.sampled_from([("order.incident", {}, {"coupon": "TET"}), ("order.cancelled", {}, {})]),
        st.sampled_from([("refund", {}, {}), ("refund", {"amount": 100}, {}), ("refund", {"amount": 250.5}, {})]),
        st.builds(lambda total: ("order.changed", {}, {"total": total, "status": "refunded"}), st.just("300")),
    ),
    min_size=1,
    max_size=7,
)


@given(TALES, st.data())
def test_the_order_in_which_events_come_does_not_matter(tale: list[Any], data: st.DataObject) -> None:
    """Given anything that may happen to an order, when it is told in any order, then the order is the same."""
    hours = dict(enumerate(tale))
    ends = []
    for order_of_arrival in (list(hours), data.draw(st.permutations(list(hours)))):
        books = Books()
        for hour in order_of_arrival:
            event, more, said = hours[hour]
            books.tell(event, hour, more, customer=hour + 1 if event == "purchase" else 99, **said)
        ends.append((books.order, books.told))
    assert ends[0] == ends[1]
    order = ends[0][0]
    assert order is not None
    assert not order.counted or Decimal(0) <= order.refunded < order.total or order.refunded == 0
