"""Conditions on a small shop's customers and journeys, case by case: both readers find the ones that are meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.condition_database import (
    Rows,
    customer_facts,
    found_by_sql,
    journey_facts,
    journeys_by_sql,
    written_world,
)
from worker.domain.conditions.values import Reading
from worker.language.expressions.expressions import parse_expression
from worker.storage.database import Database

SEGMENTS = {
    "two-orders": parse_expression("customer.orders_count >= 2"),
    "coffee": parse_expression('in_segment("two-orders") and bought("arabica")'),
    "circle": parse_expression('in_segment("circle") or customer.consent'),
}
DAY = timedelta(days=1)
NOW = datetime(2027, 3, 1, 7, 0, 0, 1, tzinfo=UTC)
WORLD: Rows = {
    "address": [
        {"email": "lan@example.com", "marketing": "subscribed", "tracking": "subscribed"},
        {"email": "an@example.com", "marketing": "unsubscribed", "tracking": "unknown"},
    ],
    "customer": [
        {
            "id": number,
            "email": email,
            "name": name,
            "birthday": date(1992, 2, 29) if number == 1 else None,
            "timezone": zone,
            "address": {"city": "Đà Nẵng"} if number == 1 else {},
            "fields": fields,
            "tags": tags,
            "created_at": NOW - 9 * DAY,
            "updated_at": NOW,
            "orders_count": count,
            "total_spent": Decimal("900000.5") if count else Decimal(0),
        }
        for number, email, name, zone, fields, tags, count in (
            (1, "lan@example.com", "Lan", None, {"tier": "gold", "khách": True, "n": 10**30}, ["club"], 2),
            (2, "an@example.com", "an", "Pacific/Niue", {"tier": 3, "n": "3", "wedding": "2027-03-02"}, [], 1),
            (3, None, None, "Mars/Olympus", {"tier": None, "n": [1, "a", True], "wedding": "2027-02-30"}, [], 0),
        )
    ],
    "orders": [
        {
            "id": number,
            "number": f"A{number}",
            "customer_id": 1,
            "total": Decimal("450000.25"),
            "currency": "VND",
            "status": "placed",
            "placed_at": placed_at,
            "counted": counted,
        }
        for number, placed_at, counted in ((1, NOW - 2 * DAY, True), (2, NOW - DAY, True), (3, NOW, False))
    ],
    "order_line": [
        {
            "order_id": 1,
            "position": 0,
            "sku": "AR-250",
            "name": "",
            "category": "arabica",
            "quantity": 1,
            "price": Decimal(1),
        },
        {"order_id": 2, "position": 0, "sku": "RO-250", "name": "", "category": "", "quantity": 9, "price": Decimal(1)},
        {
            "order_id": 3,
            "position": 0,
            "sku": "AR-250",
            "name": "",
            "category": "arabica",
            "quantity": 1,
            "price": Decimal(1),
        },
    ],
    "event": [
        {
            "id": number,
            "source": "shop",
            "external_id": str(number),
            "type": kind,
            "occurred_at": at,
            "received_at": NOW,
            "content_hash": "",
            "payload": {"data": {"channel": "web"}},
            "state": state,
            "customer_id": 1,
            "order_number": order,
            "request": request,
        }
        for number, kind, at, state, order, request in (
            (1, "purchase", NOW - 2 * DAY, "processed", "A1", None),
            (2, "product.viewed", NOW - DAY, "processed", None, None),
            (3, "product.viewed", NOW - 3 * DAY, "processed", None, None),
            (4, "refund", NOW - DAY, "processed", "A2", None),
            (5, "support.closed", NOW - DAY, "processed", None, "R2"),
            (6, "signup", NOW - DAY, "refused", None, None),
        )
    ],
    "flow_version": [{"id": 1, "flow": "f", "number": 1, "meaning": "", "source": "", "published_at": NOW}],
    "journey": [
        {
            "id": number,
            "flow": flow,
            "version_id": 1,
            "customer_id": customer_id,
            "once_key": str(number),
            "state": state,
            "entered_at": NOW - DAY / 2,  # processed late
            "event_id": event_id,
            "order_number": order,
            "request": request,
        }
        for number, flow, customer_id, state, event_id, order, request in (
            (1, "post-purchase", 1, "waiting", 1, "A1", "R1"),
            (2, "incident", 1, "waiting", None, "A2", None),
            (3, "welcome", 2, "control", None, None, None),
        )
    ],
    "message": [
        {
            "key": f"{journey_id}{step}{state}",
            "customer_id": 1,
            "journey_id": journey_id,
            "step": step,
            "kind": "marketing",
            "template": step,
            "state": state,
            "created_at": NOW,
            "not_before": NOW,
            "sent_at": NOW - DAY if state == "sent" else None,
            "transmitting_at": NOW - DAY,
            "opened_at": NOW,
        }
        for journey_id, step, state in ((1, "hello", "sent"), (1, "invite", "unknown"), (1, "later", "queued"))
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days_since(now) == 0 and days_until(now) == 0", {1, 2, 3}),
        ("customer.consent", {1}),
        ("not customer.tracking", {2, 3}),
        ('customer.tier == "gold"', {1}),
        ('customer.tier != "gold"', set()),
        ('not customer.tier == "gold"', {2, 3}),
        ("customer.tier is none", {3}),
        ("customer.n is defined", {2, 3}),
        ('"a" in customer.n and true in customer.n and 1 in customer.n', {3}),
        ("customer.khách", {1}),
        ("customer.average_order == 450_000.25", {1}),
        ("customer.total_spent / customer.orders_count > 1", {1, 2}),
        ('customer.name < "a"', {1}),
        ('today == "2027-02-28"', {2}),
        ("customer.wedding > today", {2}),
        ("days_until(customer.wedding) == 2", {2}),
        ("days_since(customer.birthday) == 12_784 and days_since(customer.created_at) == 9", {1}),
        ('customer.address.city == "Đà Nẵng" and "club" in customer.tags', {1}),
        ('"club" not in customer.tags', {2, 3}),
        ('bought("arabica") and bought("RO-250", within="1 day")', {1}),
        ('bought("arabica", at_least=2)', set()),
        ('did("product.viewed", within="3 days", at_least=2) and not did("signup")', {1}),
        ('in_flow("incident")', {1}),
        ('in_flow("welcome")', set()),
        ('in_segment("coffee")', {1}),
        ('in_segment("circle")', {1}),
        ('in_segment("gone") or order.total > 1 or sent("hello")', set()),
    ],
)
def test_customers_are_found_by_what_is_known_of_them(database: Database, text: str, expected: set[int]) -> None:
    """Given three customers, then SQL and values find the ones meant."""
    expression = parse_expression(text)
    with written_world(database, WORLD) as connection:
        known = customer_facts(connection, NOW, WORLD)
        assert {key for key, one in known.items() if Reading(SEGMENTS).holds(expression, one)} == expected
        assert found_by_sql(connection, expression.tree, NOW, SEGMENTS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('order.total == 450_000.25 and "arabica" in order.categories', {1}),
        ('order.skus and not order.categories and "arabica" not in order.categories', {2}),
        ("order.number is none and not order.skus and order.skus is defined", {3}),
        ('event.channel == "web" and event.type == "purchase"', {1}),
        ("event.type is none", {2, 3}),
        ('sent("hello") and sent("invite") and opened("hello") and not sent("later")', {1}),
        ('sent("hello") or clicked("hello")', {1}),
        ("ordered()", {1}),
        ('did("product.viewed", within="journey") and not did("purchase", within="journey")', {1}),
        ('did("product.viewed", within="journey", at_least=2)', set()),
        ('did("refund", within="journey")', set()),
        ('did("support.closed", within="journey")', set()),
        ('in_flow("incident")', {2}),
        ('journey.request == "R1" and journey.entered_at < now', {1}),
    ],
)
def test_journeys_are_found_by_what_belongs_to_them(database: Database, text: str, expected: set[int]) -> None:
    """Given three journeys, then SQL and values find the ones meant: by own order, request, event and mails."""
    expression = parse_expression(text)
    with written_world(database, WORLD) as connection:
        known = journey_facts(connection, NOW, WORLD)
        assert {key for key, one in known.items() if Reading(SEGMENTS).holds(expression, one)} == expected
        assert journeys_by_sql(connection, expression.tree, NOW, SEGMENTS) == expected
