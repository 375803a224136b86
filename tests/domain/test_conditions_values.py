"""Conditions on values: what holds for a customer, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.condition_facts import DAY, FACTS, LAN, NOW, order
from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.values import Reading, needs
from worker.domain.customers import Consent, ConsentState, Customer
from worker.domain.facts import EventsOf, Facts, Happening, History, JourneyFacts, Need, UnderWay
from worker.language.expressions.expressions import parse_expression, parse_text

STRANGER = Facts(NOW, FACTS.shop, Customer(2))


def holds(text: str, facts: Facts = FACTS, **segments: str) -> bool:
    reading = Reading({name: parse_expression(condition) for name, condition in segments.items()})
    return reading.holds(parse_expression(text), facts)


def value(text: str, facts: Facts = FACTS) -> object:
    return Reading().value(parse_expression(text).tree, facts)


@pytest.mark.parametrize(
    "text",
    [
        'order.total >= 300_000 and "arabica" in order.categories',
        "order.total == 450_000 and order.total != 450_001",
        "400_000 < order.total <= 450_000",
        '"AR-250" in order.skus and "RO-1" not in order.skus',
        '"Lan" in customer.name and "lan" not in customer.name',
        'customer.address.city == "Đà Nẵng"',
        'customer.tier in ["gold", "platinum"] and customer.tier not in ["silver"]',
        "customer.points / 2 == 600 and customer.points // 500 == 2 and customer.points % 500 == 200",
        "-7 // 2 == -4 and -7 % 2 == 1",
        "customer.average_order == 450_000.25",
        '"Z" < "a" and "a" < "â"',
        '"tea" in customer.likes and "coffee-club" in customer.tags',
        'event.channel == "web" and event.gift == false and event.deep.n == 3 and event.type == "purchase"',
        "customer.consent and customer.tracking",
        "customer.phone is none and customer.name is defined and order.coupon is not defined",
        'today == "2027-03-01" and now >= "2027-03-01" and now < "2027-03-02"',
        'now == "2027-03-01T14:00:00+07:00"',
        'customer.wedding > today and customer.wedding == "2027-03-31"',
        "customer.seen < now and days_since(customer.seen) == 2",
        "days_since(customer.last_order_at) == 2 and days_until(customer.wedding) == 30",
        'days_until("2027-03-08") == 7 and days_since("2027-02-28") == 1',
        'journey.flow == "post-purchase" and shop.currency == "VND"',
        "(order.total > 1) == customer.consent",
    ],
)
def test_it_holds(text: str) -> None:
    """Given Lan with her second order, then the condition holds, and its opposite does not."""
    assert holds(text)
    assert not holds(f"not ({text})")


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize(
    "missing",
    [
        'customer.tier {} "gold"',
        '"gold" {} customer.tier',
        "customer.birthday {} today",
        "order.total {} 1",
        "customer.average_order {} 1",
        "customer.points + 1 {} 1",
        "1 / 0 {} 1",
        "days_since(customer.last_order_at) {} 1",
        "customer.tier {} customer.tier",
        'event.channel {} "web"',
        "customer.orders_count {} none",
    ],
)
def test_a_comparison_with_a_missing_value_is_false(missing: str, operator: str) -> None:
    """Given a customer of whom nothing is known, then no comparison holds, and `not` of each does."""
    text = missing.format(operator)
    assert not holds(text, STRANGER)
    assert holds(f"not {text}", STRANGER)


def test_membership_of_what_is_missing_is_false_both_ways() -> None:
    """Given no tier, then it is neither in a list nor not in it."""
    for text in ('customer.tier in ["gold"]', 'customer.tier not in ["gold"]', '"a" in customer.name'):
        assert not holds(text, STRANGER)
    assert not holds('"a" not in customer.name', STRANGER)


def test_lists_of_the_house_are_empty_never_missing() -> None:
    """Given no order and no tags, then nothing is in the lists, and they are there."""
    for name in ("customer.tags", "order.categories", "order.skus"):
        assert holds(f'"a" not in {name} and {name} is defined and not {name}', STRANGER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("customer.tags", True),
        ("customer.name", True),
        ("customer.points", True),
        ("customer.phone", False),
        ("event.gift", False),
        ("customer.points - 1200", False),
        ('customer.name == "" or ""', False),
        ("customer.birthday", True),
        ("now", True),
        ("event.deep", False),
    ],
)
def test_a_value_alone_holds_if_it_is_there_and_not_empty_zero_or_false(text: str, expected: bool) -> None:
    """Given a value without a comparison, then it is asked whether there is anything."""
    assert holds(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        'customer.points == "1200"',
        'customer.points != "1200"',
        "customer.consent == 1",
        "customer.consent < true",
        "customer.birthday < now",
        'customer.tags == "coffee-club"',
        "3 in customer.name",
        "3 not in customer.name",
        '"a" in customer.points',
        '"a" not in customer.points',
        "customer.tags in customer.tags",
        'customer.name + "a" == customer.name',
        'today == "2027-03-01T00:00:00Z"',
    ],
)
def test_values_of_two_types_never_compare(text: str) -> None:
    """Given sides of different types, then the comparison is false, `!=` too."""
    assert not holds(text)


def test_today_is_the_customers_day() -> None:
    """Given 17:30 UTC, then it is tomorrow in Saigon and today in Los Angeles; an unknown zone is the shop's."""
    evening = replace(FACTS, now=datetime(2027, 2, 28, 17, 30, tzinfo=UTC))
    there = replace(evening, customer=replace(LAN, timezone="America/Los_Angeles"))
    nowhere = replace(evening, customer=replace(LAN, timezone="Mars/Olympus"))
    assert value("today", evening) == value("today", nowhere) == date(2027, 3, 1)
    assert value("today", there) == date(2027, 2, 28)
    assert value('days_since("2027-02-27")', evening) == 2
    assert value('days_since("2027-02-27")', there) == 1
    assert holds('now >= "2027-03-01"', there), "a written date beside a time is the shop's midnight"


@pytest.mark.parametrize(("hours", "days"), [(0, 0), (23, 0), (24, 1), (47, 1), (-1, 0), (-24, -1), (-47, -1)])
def test_days_of_a_time_are_whole_periods_of_24_hours(hours: int, days: int) -> None:
    """Given a time some hours ago, then days are cut toward zero, before and after now alike."""
    event = Happening("purchase", NOW - timedelta(hours=hours))
    facts = replace(FACTS, event=event)
    assert value("days_since(event.at)", facts) == days
    assert value("days_until(event.at)", facts) == -days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('bought("arabica")', True),
        ('bought("AR-250", at_least=2)', True),
        ('bought("arabica", at_least=3)', False),
        ('bought("arabica", within="89 days", at_least=2)', False),
        ('bought("arabica", within="90 days", at_least=2)', True),
        ('bought("Arabica")', False),
        ('did("product.viewed", at_least=2)', True),
        ('did("product.viewed", within="2 days", at_least=2)', False),
        ('did("product.viewed", within="journey", at_least=2)', False),
        ('did("product.viewed", within="journey")', True),
        ('did("purchase", within="journey")', False),
        ('did("order.incident")', True),
        ('did("order.incident", within="journey")', False),
        ('sent("thank-you")', True),
        ('sent("review-invite")', False),
        ('opened("thank-you")', True),
        ('clicked("thank-you")', False),
        ("ordered()", False),
        ('in_flow("post-purchase")', True),
        ('in_flow("welcome")', True),
        ('in_flow("delivery-incident")', False),
        ('in_flow("win-back")', False),
    ],
)
def test_functions_look_at_the_past(text: str, expected: bool) -> None:
    """Given Lan's history, then a function answers from it: counted orders, her order's events, the journey's mails."""
    assert holds(text) is expected


def test_what_came_between_the_trigger_and_its_processing_counts() -> None:
    """Given a journey whose event was processed late, then an order placed since the event counts as since it began."""
    late = JourneyFacts("post-purchase", NOW, "A2", None, NOW - 2 * DAY)
    facts = replace(FACTS, journey=late, history=History(orders=(order("A3", NOW - DAY),)))
    assert holds("ordered()", facts)
    assert not holds("ordered()", replace(facts, journey=replace(late, began_at=None)))


def test_opens_and_clicks_need_the_consent_to_tracking() -> None:
    """Given a customer who did not agree to tracking, then opened is false whatever was recorded; sent is not."""
    quiet = replace(FACTS, customer=replace(LAN, consent=Consent(ConsentState.SUBSCRIBED)))
    assert holds('sent("thank-you") and not opened("thank-you")', quiet)


def test_there_is_no_journey_before_entry() -> None:
    """Given the moment of entry, then what asks about the journey is false, and in_flow goes by the event's order."""
    entry = replace(FACTS, journey=None)
    for text in ('sent("thank-you")', 'opened("thank-you")', "ordered()", 'did("purchase", within="journey")'):
        assert not holds(text, entry)
    assert not holds('in_flow("delivery-incident")', entry)
    assert holds('in_flow("delivery-incident")', replace(entry, order=None))


def test_a_segment_is_read_for_the_customer_alone() -> None:
    """Given segments, then they know no order and no journey, may name each other, and one that names itself ends."""
    assert holds('in_segment("loyal")', loyal="customer.orders_count >= 2")
    assert not holds('in_segment("big")', big="order.total > 1")
    assert holds('in_segment("a")', a='in_segment("b")', b="customer.consent")
    assert not holds('in_segment("a")', a='in_segment("b") or in_segment("a")', b='in_segment("a")')
    assert holds('in_segment("a")', a='not in_segment("a")')
    assert not holds('in_segment("gone")')


def test_numbers_beyond_the_range_are_missing() -> None:
    """Given a field with a number that no double keeps well, then it is missing in every way."""
    for odd in (10**30, 1e-30, 10**400, Decimal("1e999")):
        facts = replace(FACTS, customer=replace(LAN, fields={"points": odd}))
        assert not holds("customer.points is defined or customer.points or customer.points != 1", facts)


def test_a_name_with_an_unknown_beginning_is_an_error() -> None:
    """Given an expression that was never checked, then a wrong name or function says so."""
    with pytest.raises(ExpressionError, match=r"'basket\.total' is not known"):
        holds("basket.total > 1")
    with pytest.raises(ExpressionError, match=r"did you mean 'bought\(\)'"):
        holds('bough("a")')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Gọi {{ customer.name }} về đơn {{ order.number }}", "Gọi Nguyễn Thị Lan về đơn A2"),
        ("{{ order.total }} {{ order.total / 8 }} {{ 0.1 + 0.2 }} {{ -0.0 }}", "450000 56250 0.3 0"),
        ("[{{ customer.phone }}]", "[]"),
        ("{{ today }} {{ now }} {{ customer.birthday }}", "2027-03-01 2027-03-01 14:00 1990-03-05"),
        ("{{ order.skus }} {{ customer.consent }}", "AR-250, FILTER true"),
        ('{{ days_since(customer.last_order_at) }} {{ bought("arabica") }}', "2 true"),
        ("{{ 1 / 1_000_000_000 }} {{ order.total * 1_000_000_000_000 }}", "0.000000001 450000000000000000"),
        ("as it is", "as it is"),
    ],
)
def test_values_are_put_into_a_text(text: str, expected: str) -> None:
    """Given a text with values, then they stand in it without needless digits, and what is missing is empty."""
    assert Reading().text(parse_text(text), FACTS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order.total > 1", set()),
        ('bought("a") or ordered()', {Need.ORDERS}),
        ('not did("a")', {EventsOf("a")}),
        ('did("a", within="2 days", at_least=3)', {EventsOf("a", timedelta(days=2), 3)}),
        ('did("a", within="journey") or did("b")', {EventsOf("a", "journey"), EventsOf("b")}),
        ('opened("a") and clicked("b") and sent("c")', {Need.MAILS}),
        ('in_flow("a") == true', {Need.FLOWS}),
        ('in_segment("a")', {Need.ORDERS, Need.EVENTS, Need.FLOWS, Need.REQUESTS, Need.STOCK}),
        ("in_stock(order.skus)", {Need.STOCK}),
    ],
)
def test_an_expression_tells_what_of_the_past_it_needs(text: str, expected: set[Need | EventsOf]) -> None:
    """Given an expression, then only what its functions look at is to be loaded."""
    assert needs(parse_expression(text).tree) == expected


def test_a_known_segment_needs_what_its_condition_needs() -> None:
    """Given the segments, then in_segment needs no more than they do, and a circle comes to an end."""
    segments = {"a": parse_expression('in_segment("b") or in_segment("a")'), "b": parse_expression('bought("x")')}
    assert needs(parse_expression('in_segment("a")').tree, segments) == {Need.ORDERS}


def test_what_was_not_loaded_is_empty() -> None:
    """Given facts without history, then functions are false and nothing fails."""
    bare = replace(FACTS, history=History(flows=(UnderWay("welcome"),)))
    assert not holds('bought("arabica") or did("purchase") or sent("thank-you") or ordered()', bare)
    assert holds('in_flow("welcome")', bare)
