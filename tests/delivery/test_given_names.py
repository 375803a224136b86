"""Customers and staff are greeted by their given names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worker.delivery.given_names import given_name
from worker.delivery.values import template_values
from worker.domain.customers import Customer
from worker.domain.facts import Facts, ShopFacts


@pytest.mark.parametrize(
    ("name", "language", "greeted"),
    [
        ("Nguyễn Thị Mai", "vi", "Mai"),
        ("  Trần   Quang Huy ", "vi", "Huy"),
        ("Nguyễn Thị Mai", "en", "Mai"),
        ("TRAN Quang Huy", "en", "Huy"),
        ("Ann Baker", "en", "Ann"),
        ("Mai", "vi", "Mai"),
        ("Mai", "en", "Mai"),
        ("  ", "vi", None),
        (None, "en", None),
    ],
)
def test_a_whole_name_holds_the_given_one(name: str | None, language: str, greeted: str | None) -> None:
    """Given a whole name, then the name to greet by is its last word in Vietnamese, and its first elsewhere."""
    assert given_name(name, language) == greeted


@pytest.mark.parametrize(
    ("of_customer", "of_shop", "greeted"),
    [
        ({"name": "Nguyễn Thị Mai"}, "vi", "Mai"),
        ({"name": "Nguyễn Thị Mai", "first_name": "Mai Mai"}, "vi", "Mai Mai"),
        ({"name": "Ann Baker", "language": "en"}, "vi", "Ann"),
        ({}, "vi", None),
    ],
)
def test_templates_greet_by_it(of_customer: dict[str, Any], of_shop: str, greeted: str | None) -> None:
    """Given a customer, then templates see the shop's own word for their given name, else that of the whole name."""
    shop = ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", of_shop, "VND")
    facts = Facts(datetime(2027, 3, 1, tzinfo=UTC), shop, Customer(1, **of_customer))
    seen = template_values(facts, {}, {}, ZoneInfo("UTC"))["customer"]
    assert (seen["first_name"], seen["name"]) == (greeted, of_customer.get("name"))
