"""Why a condition held or did not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.condition_facts import FACTS
from worker.domain.conditions.values import Reading
from worker.domain.customers import Consent, ConsentState
from worker.language.expressions.expressions import parse_expression


def explained(text: str) -> list[dict[str, Any]]:
    return Reading().explain(parse_expression(text), FACTS)


@pytest.mark.parametrize(
    ("state", "seen"),
    [(ConsentState.UNKNOWN, None), (ConsentState.UNSUBSCRIBED, False), (ConsentState.SUBSCRIBED, True)],
)
def test_a_consent_never_asked_for_is_not_a_refusal(state: ConsentState, seen: bool | None) -> None:
    """Given an address that never said anything, then its consent is seen as missing, and a refused one as no."""
    customer = replace(FACTS.customer, consent=Consent(marketing=state))
    told = Reading().explain(parse_expression("customer.consent"), replace(FACTS, customer=customer))
    assert told == [{"text": "customer.consent", "seen": {"customer.consent": seen}, "holds": seen is True}]


def test_of_all_that_must_hold_each_is_told_with_what_was_seen() -> None:
    """Given an `and` that holds, then every part is told, as written, with its values."""
    assert explained('order.total >= 300_000 and "arabica" in order.categories') == [
        {"text": "order.total >= 300_000", "seen": {"order.total": 450000}, "holds": True},
        {"text": '"arabica" in order.categories', "seen": {"order.categories": ["arabica"]}, "holds": True},
    ]


def test_of_what_fails_only_the_failing_is_told() -> None:
    """Given an `and` that fails, then the parts that fail are told, not those that hold."""
    assert explained("order.total > 1 and customer.phone and days_since(customer.last_order_at) > 60") == [
        {"text": "customer.phone", "seen": {"customer.phone": None}, "holds": False},
        {
            "text": "days_since(customer.last_order_at) > 60",
            "seen": {"days_since(customer.last_order_at)": 2},
            "holds": False,
        },
    ]


def test_of_alternatives_the_one_that_holds_is_told() -> None:
    """Given an `or`, then what holds is told, or all where none does."""
    assert [part["text"] for part in explained("order.total < 1 or customer.consent")] == ["customer.consent"]
    assert [part["text"] for part in explained("order.total < 1 or customer.phone")] == [
        "order.total < 1",
        "customer.phone",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('not clicked("thank-you")', [('not clicked("thank-you")', {}, True)]),
        ("not order.total > 1", [("not order.total > 1", {"order.total": 450000}, False)]),
        (
            "not (customer.phone or order.total < 1)",
            [("customer.phone", {"customer.phone": None}, False), ("order.total < 1", {"order.total": 450000}, False)],
        ),
        ("not (not customer.phone)", [("(not customer.phone)", {"customer.phone": None}, True)]),
        (
            "customer.total_spent - order.total > 1",
            [
                (
                    "customer.total_spent - order.total > 1",
                    {"customer.total_spent": 900000.5, "order.total": 450000},
                    True,
                ),
            ],
        ),
        ("1 < order.total < 5", [("order.total < 5", {"order.total": 450000}, False)]),
        (
            'today == "2027-03-01" and now > customer.created_at',
            [
                ('today == "2027-03-01"', {"today": "2027-03-01"}, True),
                (
                    "now > customer.created_at",
                    {"now": "2027-03-01T07:00:00+00:00", "customer.created_at": "2026-01-25T07:00:00+00:00"},
                    True,
                ),
            ],
        ),
    ],
)
def test_parts_are_told_as_written(text: str, expected: list[tuple[str, dict[str, Any], bool]]) -> None:
    """Given negations, calculations and times, then each part is told with its own text, values and outcome."""
    found = [(part["text"], part["seen"], part["holds"]) for part in explained(text)]
    assert found == expected
    json.dumps(explained(text))
