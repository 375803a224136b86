"""The moments at which time alone moves a condition: between them it stays as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.domain.conditions.values import Reading
from worker.domain.customers import Customer, CustomerFacts
from worker.domain.facts import Facts, Happening, History, ShopFacts, UnderWay
from worker.domain.orders import Order, OrderLine
from worker.language.expressions.expressions import parse_expression
from worker.rehearsal.backtest.moments import Moments
from worker.storage.past import Span

SHOP = ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", "vi", "VND")
NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONDITIONS = (
    "days_since(customer.last_order_at) > 20",
    "days_since(customer.last_order_at) == 7 or 3 >= days_until(customer.birthday_this_year)",
    "not days_until(customer.paid_until) >= -2",
    "days_since(customer.last_order_at) - 5 > days_since(customer.first_order_at) / 3",
    'bought("arabica", within="10 days", at_least=2)',
    'did("product.viewed", within="36 hours")',
    'customer.rfm == "lapsed" or customer.rfm == "at-risk"',
    'now > "2027-03-09" and not in_segment("quiet")',
    "customer.birthday_this_year == today",
    'in_flow("other") and customer.orders_count > 0',
)
SEGMENTS = {"quiet": parse_expression('not did("product.viewed", within="3 days")')}


@pytest.mark.parametrize("condition", CONDITIONS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_condition_moves_at_none_but_its_moments(condition: str, data: st.DataObject) -> None:
    """Given any facts, when the next moment is asked for, then at each hour before it the condition is as now."""
    hours = st.integers(-24 * 140, -1).map(lambda hour: NOW + hour * HOUR)
    placed = sorted(data.draw(st.lists(hours, min_size=1, max_size=4)))
    viewed = sorted(data.draw(st.lists(hours, max_size=4)))
    begins = NOW + data.draw(st.integers(-50, 50)) * HOUR
    journeys = [Span("other", begins, begins + data.draw(st.integers(1, 90)) * HOUR)]
    soon = data.draw(st.integers(-20, 20))
    fields = {
        "birthday_this_year": (date(2027, 3, 1) + timedelta(days=soon)).isoformat(),
        "paid_until": (NOW + soon * timedelta(hours=7)).isoformat(),
    }
    line = (OrderLine("AR-250", "Arabica", "arabica"),)
    orders = tuple(
        Order(n, f"A{n}", 1, Decimal(200_000), "VND", "placed", line, placed_at=at) for n, at in enumerate(placed)
    )
    known = CustomerFacts(len(placed), Decimal(200_000 * len(placed)), placed[0], placed[-1])
    who = Customer(1, fields=fields, facts=known, timezone=data.draw(st.sampled_from([None, "Europe/Paris"])))
    seen = tuple(Happening("product.viewed", at) for at in viewed)
    expression, reading = parse_expression(condition), Reading(SEGMENTS)

    def facts(now: datetime) -> Facts:
        under_way = tuple(UnderWay(one.name) for one in journeys if one.lasts(now))
        return Facts(now, SHOP, who, history=History(orders=orders, events=seen, flows=under_way))

    moment = Moments(reading, facts(NOW), journeys).next_after(expression)
    held = reading.holds(expression, facts(NOW))
    end = NOW + timedelta(days=40) if moment is None else min(moment, NOW + timedelta(days=40))
    at = NOW
    while at + HOUR < end:
        at += HOUR
        assert reading.holds(expression, facts(at)) == held, at
    assert moment is None or moment > NOW
