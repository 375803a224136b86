"""Why nobody entered a flow: what it said of many events, and whom a trigger of the clock leaves out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shop import Shop
from worker.domain.refusals import Failed, Side, gather
from worker.domain.settings import Settings
from worker.edges.entry_lines import tell_entries
from worker.engine.refusing import Entries, entries
from worker.engine.surroundings import Surroundings
from worker.language.expressions.expressions import parse_expression
from worker.storage.database import Database

BIG = """
trigger: purchase
when: order.total >= 300_000 and "arabica" in order.categories
steps: [{exit: done}]
"""
REGULARS = """
trigger: {date: customer.birthday, every: year}
when: customer.orders_count >= 2 and customer.consent
steps: [{exit: done}]
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def asked(shop: Shop, flow: str, days: int = 30) -> tuple[Entries, list[str]]:
    """Return what is known of a flow's entries, and the lines that tell it."""
    around = Surroundings.of(Settings(), shop.flowbook.segments)
    with shop.database.reading() as connection:
        version = shop.flowbook.follow(connection).running[flow]
        since = shop.now - timedelta(days=days)
        found = entries(connection, around, version.flow, {}, since, shop.now)
    lines = tell_entries(found, version.flow, "", since, Settings().shop)
    return found, ["".join(text for text, _ in line) for line in lines]


def test_it_tells_how_many_failed_which_part_and_how_near_they_came(shop: Shop) -> None:
    """Given purchases of too little, when it is asked why nobody entered, then each part is told that did not hold,
    with how many failed it and the value that came nearest."""
    shop.publish(thanks=BIG)
    for number, total in enumerate((120_000, 280_000, 250_000)):
        line = {"sku": "RO", "name": "Robusta", "category": "robusta", "quantity": 1, "price": total}
        shop.send("purchase", order={"number": f"A{number}", "total": total, "lines": [line]})
    shop.buy("A9", 290_000)

    found, lines = asked(shop, "thanks")

    (events,) = found.of_events
    assert (events.reported, events.refused.entered) == (4, 0)
    small = next(part for part in events.refused.failed if part.text == "order.total >= 300_000")
    assert (small.times, small.side, small.extreme) == (4, "highest", 290_000)
    arabica = next(part for part in events.refused.failed if "arabica" in part.text)
    assert arabica.seen[0] == ("robusta", 3)
    assert any("nobody entered" in line for line in lines)
    assert any("4 failed" in line and "the highest was 290,000" in line for line in lines)


def test_it_tells_who_entered_and_who_had_before(shop: Shop) -> None:
    """Given one order told twice and one too small, when it is asked, then each is counted for what became of it."""
    shop.publish(thanks=BIG.replace(' and "arabica" in order.categories', ""))
    shop.buy("A1", 450_000)
    shop.send("purchase", order={"number": "A1", "total": 450_000})
    shop.buy("A2", 100_000)

    found, _ = asked(shop, "thanks")

    (events,) = found.of_events
    assert found.entered == events.refused.entered == 1
    assert dict(events.refused.reasons) == {"once": 1}
    assert [(part.text, part.times) for part in events.refused.failed] == [("order.total >= 300_000", 1)]


def test_it_tells_that_nothing_was_reported(shop: Shop) -> None:
    """Given a flow whose event never came, when it is asked, then that is what it says."""
    shop.publish(thanks=BIG)
    _, lines = asked(shop, "thanks")
    assert any("no purchase was reported" in line for line in lines)


def test_it_counts_whom_a_date_leaves_out(shop: Shop) -> None:
    """Given customers without birthdays, orders or consent, when a flow of birthdays is asked, then each part tells
    how many it leaves out, and the nearest of them."""
    shop.publish(wishes=REGULARS)
    for number, orders in enumerate((0, 0, 1)):
        person = {"id": f"c{number}", "email": f"c{number}@example.com"}
        if number:
            person["birthday"] = "1990-03-08"
        shop.send("signup", customer=person)
        for order in range(orders):
            shop.buy(f"B{number}{order}", customer=person)

    found, lines = asked(shop, "wishes")

    (clock,) = found.of_clock
    assert (clock.shortfall.customers, clock.shortfall.undated, clock.shortfall.held) == (3, 1, 0)
    told = {part.text: part for part in clock.shortfall.failed}
    assert (told["customer.orders_count >= 2"].times, told["customer.orders_count >= 2"].extreme) == (3, 1)
    assert told["customer.consent"].times == 3
    assert any("0 of 3 customers may enter" in line for line in lines)


@given(st.lists(st.integers(0, 999_999), min_size=1), st.sampled_from([">=", ">", "<=", "<"]), st.booleans())
def test_the_nearest_value_is_the_nearest(totals: list[int], operator: str, turned: bool) -> None:
    """Given any values that failed a comparison, written either way round, when they are gathered, then the extreme
    is the one that came nearest to the limit."""
    away = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}[operator]
    text = f"5 {away} order.total" if turned else f"order.total {operator} 5"
    said = [
        {"reason": "when", "seen": [{"text": text, "seen": {"order.total": total}, "holds": False}]} for total in totals
    ]
    nearest = max(totals) if ">" in operator else min(totals)
    side: Side = "highest" if ">" in operator else "lowest"
    assert gather(parse_expression(text), said).failed == (Failed(text, len(totals), side, nearest),)


def test_what_was_not_known_is_told_apart() -> None:
    """Given a part that failed since the value was missing, when it is gathered, then that is said, and no value."""
    seen = [{"text": "customer.points >= 5", "seen": {"customer.points": None}, "holds": False}]
    found = gather(parse_expression("customer.points >= 5"), [{"reason": "when", "seen": seen}] * 3)
    assert found.failed == (Failed("customer.points >= 5", 3, missing=3),)


def test_times_are_compared_as_times() -> None:
    """Given a comparison of dates, when it is gathered, then the extreme is the latest date."""
    when = parse_expression("customer.birthday >= '2000-01-01'")
    days = ("1990-05-06", "1999-12-31", "1970-01-01")
    said = [
        {"reason": "when", "seen": [{"text": when.text, "seen": {"customer.birthday": day}, "holds": False}]}
        for day in days
    ]
    assert gather(when, said).failed[0].extreme == "1999-12-31"


def test_a_moment_long_ago_is_left_out(shop: Shop) -> None:
    """Given a refusal of forty days ago, when the last thirty days are asked for, then it is not counted."""
    shop.publish(thanks=BIG)
    shop.buy("A1", 100_000)
    shop.wait("40 days")
    found, _ = asked(shop, "thanks")
    assert found.of_events[0].reported == 0
