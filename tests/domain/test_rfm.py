"""RFM: the scores at their limits, and the class that follows from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.condition_facts import DAY, FACTS, LAN, NOW
from worker.domain.conditions.values import Reading
from worker.domain.customers import CustomerFacts
from worker.domain.rfm import RfmLimits, Scores, rfm_class, scores
from worker.language.expressions.expressions import parse_expression

LIMITS = RfmLimits()


def bought(orders: int, average: int, days: int | None) -> CustomerFacts:
    last = None if days is None else NOW - days * DAY
    return CustomerFacts(orders, Decimal(orders * average), last, last)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (bought(1, 149_999, 121), Scores(1, 1, 1)),
        (bought(2, 150_000, 120), Scores(2, 2, 2)),
        (bought(3, 300_000, 90), Scores(3, 3, 3)),
        (bought(5, 500_000, 60), Scores(4, 4, 4)),
        (bought(8, 800_000, 30), Scores(5, 5, 5)),
        (bought(4, 1_000, None), Scores(1, 3, 1)),
    ],
)
def test_each_limit_belongs_to_the_better_score(facts: CustomerFacts, found: Scores) -> None:
    """Given a customer right at the limits, then the scores are the better ones; an order without a time is old."""
    assert scores(facts, NOW, LIMITS) == found


def test_a_day_is_over_after_24_hours() -> None:
    """Given an order 30 days and 23 hours ago, then it is 30 days ago; an hour later it is 31."""
    order = CustomerFacts(1, Decimal(1), None, NOW - timedelta(days=30, hours=23))
    now = scores(order, NOW, LIMITS), scores(order, NOW + timedelta(hours=1), LIMITS)
    assert [found and found.recency for found in now] == [5, 4]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (CustomerFacts(), "none"),
        (bought(20, 900_000, 121), "lapsed"),
        (bought(20, 900_000, 91), "at-risk"),
        (bought(1, 100_000, 91), "at-risk"),
        (bought(5, 500_000, 60), "champion"),
        (bought(5, 499_999, 60), "loyal"),
        (bought(8, 900_000, 61), "loyal"),
        (bought(3, 1_000, 90), "loyal"),
        (bought(1, 900_000, 60), "new"),
        (bought(1, 900_000, 61), "potential"),
        (bought(2, 900_000, 1), "potential"),
    ],
)
def test_the_first_rule_that_fits_gives_the_class(facts: CustomerFacts, name: str) -> None:
    """Given scores, then the class is the first of the list that fits."""
    assert rfm_class(facts, NOW, LIMITS).value == name


def test_a_condition_reads_the_class_with_the_limits_of_the_shop() -> None:
    """Given a shop that calls two orders often, then Lan, who has two, is loyal there and potential elsewhere."""
    often = replace(FACTS, shop=replace(FACTS.shop, rfm=RfmLimits(frequency=(1, 2, 9, 99))))
    expression = parse_expression('customer.rfm == "loyal"')
    assert (Reading().holds(expression, often), Reading().holds(expression, FACTS)) == (True, False)
    assert rfm_class(LAN.facts, NOW, LIMITS).value == "potential"
