"""Templates greet customers as texts of flows do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worker.delivery.values import template_values
from worker.domain.conditions.values import Reading
from worker.domain.customers import Customer
from worker.domain.facts import Facts, ShopFacts
from worker.language.expressions.expressions import parse_text


@pytest.mark.parametrize(
    ("of_customer", "of_shop", "greeted"),
    [
        ({"name": "Nguyễn Thị Mai"}, "vi", "Mai"),
        ({"name": "Nguyễn Thị Mai", "first_name": "Mai Mai"}, "vi", "Mai Mai"),
        ({"name": "Ann Baker", "language": "en"}, "vi", "Ann"),
        ({}, "vi", None),
        ({"name": "Nguyễn Thị Mai <mai@example.com>"}, "vi", None),
    ],
)
def test_templates_greet_by_it(of_customer: dict[str, Any], of_shop: str, greeted: str | None) -> None:
    """Given a customer, then templates and texts of flows have the shop's own word for their given name, else that in
    the whole name."""
    shop = ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", of_shop, "VND")
    facts = Facts(datetime(2027, 3, 1, tzinfo=UTC), shop, Customer(1, **of_customer))
    seen = template_values(facts, {}, {}, ZoneInfo("UTC"))["customer"]
    assert (seen["first_name"], seen["name"]) == (greeted, of_customer.get("name") if greeted else None)
    assert Reading().text(parse_text("{{ customer.first_name }}"), facts) == (greeted or "")
