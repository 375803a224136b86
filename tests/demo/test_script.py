"""The script of the month has the case's figures, whatever the seed and whenever it ends."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.campaign import openings
from demo.case import FOLLOWED, ZONE, Case, Window
from demo.orders import LOYAL_BAGS, Order
from demo.people import Mailbox, Part, people
from demo.script import Script, write_script
from demo.support import Course

SOLVED_WITHIN = timedelta(hours=48)
COUNTED_FOR = timedelta(days=7)  # the goal of flows/arabica-offer.yaml

FIRST_END = datetime(2026, 1, 15, tzinfo=UTC)
ends = st.integers(0, 3 * 365 * 1_440).map(lambda minutes: FIRST_END + timedelta(minutes=minutes))
slow = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(seed=st.integers(0, 10**9), end=ends)
def test_a_month_has_the_figures_of_the_case(seed: int, end: datetime) -> None:
    """Given any seed and end, then there are 1,000 customers, 500 buyers, 200 orders, 10 in packing, one incident …"""
    script = write_script(seed, Case.of(1_000, 30), Window.until(end, 30))
    assert (len(script.people), sum(person.buyer for person in script.people)) == (1_000, 500)
    assert len({order.customer for order in script.history}) == 500
    assert Counter(person.part for person in script.people) == {Part.OUTSIDE: 800, Part.FANCIES: 150, Part.EARLIER: 50}
    assert len(script.orders) == 200
    assert sum(order.packing_at is not None and order.shipped_at is None for order in script.orders) == 10
    assert sum(order.damaged_at is not None for order in script.orders) == 1
    assert (len(script.openings), sum(person.takes_offer for person in script.people)) == (50, 5)
    closed = [one for one in script.requests if one.closed_at and one.closed_at - one.asked_at < SOLVED_WITHIN]
    assert (len(script.requests), len(closed)) == (15, 10)
    assert Counter(one.course for one in script.requests) == {Course.SOON: 5, Course.LATE: 5, Course.OPEN: 5}
    assert {order.customer for order in script.orders} <= {order.customer for order in script.history}


@quick
@given(seed=st.integers(0, 10**9), end=ends, days=st.integers(2, 31), customers=st.sampled_from([40, 60, 150, 333]))
def test_a_script_hangs_together(seed: int, end: datetime, days: int, customers: int) -> None:
    """Given any size, then everything happens within the window, each order in its order, and figures as announced."""
    case, window = Case.of(customers, days), Window.until(end, days)
    script = write_script(seed, case, window)
    assert len(script.people) == case.customers
    assert len({person.email for person in script.people}) == case.customers
    assert len(script.orders) == case.orders
    assert sum(order.shipped_at is None for order in script.orders) == case.packing
    assert len([one for one in script.requests if one.closed_at is not None]) == case.solved
    for order in script.orders:
        way = (order.checkout_at, order.placed_at, order.packing_at, order.shipped_at, order.damaged_at)
        moments = [moment for moment in (*way, order.replaced_at, order.delivered_at) if moment is not None]
        assert moments == sorted(moments)
        assert window.begin < order.placed_at and moments[-1] <= window.end
    assert all(order.placed_at < window.begin for order in script.history)
    events = [event for happening in script.happenings for event in happening.events]
    assert len({event["id"] for event in events}) == len(events)
    assert [one.at for one in script.happenings] == sorted(one.at for one in script.happenings)
    for happening in script.happenings:
        assert window.begin < happening.at <= window.end
        assert all(datetime.fromisoformat(event["time"]) <= happening.at for event in happening.events)
    json.dumps(events)


@quick
@given(seed=st.integers(0, 10**9), end=ends)
def test_the_offer_reaches_whom_it_should(seed: int, end: datetime) -> None:
    """Given any month, then exactly the audience likes or has bought Arabica on the 5th, and agreed to marketing.

    Those who open it may be followed, in mailboxes in which that can be told; those who take it order Arabica after
    opening it and in time to be counted, and nobody else of the audience orders any after it.
    """
    case, window = Case.of(150, 30), Window.until(end, 30)
    script = write_script(seed, case, window)
    assert window.offer_at is not None and window.offer_at.strftime("%d %H:%M") == "05 09:00"
    by_id = {person.id: person for person in script.people}
    bought = {o.customer for o in (*script.history, *_before(script, window.offer_at)) if o.has_arabica}
    reached = {person.id for person in script.people if person.favourite == "arabica"} | bought
    assert reached == {person.id for person in script.people if person.part is not Part.OUTSIDE}
    assert all(by_id[one].marketing for one in reached)
    assert len(reached) == case.audience
    assert len({order.customer for order in script.history if order.has_arabica}) == case.earlier
    for one, moment in script.openings.items():
        assert by_id[one].tracking and by_id[one].mailbox is not Mailbox.APPLE
        assert window.offer_at < moment < window.end
    after = [order for order in script.orders if order.placed_at > window.offer_at]
    takers = [order for order in after if by_id[order.customer].part is not Part.OUTSIDE]
    assert sorted(order.customer for order in takers) == sorted(p.id for p in script.people if p.takes_offer)
    for order in takers:
        assert order.has_arabica
        assert script.openings[order.customer] < order.placed_at < window.offer_at + COUNTED_FOR


@given(end=ends, days=st.integers(28, 31))
def test_a_month_holds_the_offer_once(end: datetime, days: int) -> None:
    """Given any end, then the month is about a month long and holds the 5th at nine once, with time to follow it.

    Where it was only minutes ago there is no such time, and nobody can do anything about that.
    """
    window = Window.until(end, days)
    assert window.end == end
    assert timedelta(days=26) < window.end - window.begin < timedelta(days=33)
    day, turns = window.begin.date(), 0
    while day <= window.end.astimezone(ZONE).date():
        turns += day.day == 5 and window.begin < datetime(day.year, day.month, 5, 9, tzinfo=ZONE) < window.end
        day += timedelta(days=1)
    assert turns == 1
    assert window.offer_at is not None and window.begin < window.offer_at < window.end
    assert window.end - window.offer_at >= FOLLOWED or window.end.astimezone(ZONE).day == 5


def test_the_same_seed_writes_the_same_script() -> None:
    """Given one seed and end twice, then the scripts are one; another seed writes another."""
    window = Window.until(datetime(2026, 11, 21, 3, 4, tzinfo=UTC), 30)
    case = Case.of(60, 30)
    assert write_script(7, case, window) == write_script(7, case, window)
    assert write_script(7, case, window).happenings != write_script(8, case, window).happenings


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_customer_bought_ten_bags_in_three_orders(seed: int) -> None:
    """Given the shop's past, then one customer has bought 10 bags of Arabica in 3 orders, and nothing else."""
    window = Window.until(datetime(2026, 11, 21, tzinfo=UTC), 30)
    script = write_script(seed, Case.of(), window)
    loyal = next(person for person in script.people if person.part is Part.EARLIER and person.buyer)
    theirs = [order for order in script.history if order.customer == loyal.id]
    assert [sum(line.quantity for line in order.lines) for order in theirs] == list(reversed(LOYAL_BAGS))
    assert sum(LOYAL_BAGS) == 10
    assert all(order.has_arabica for order in theirs)


def test_nobody_opens_an_offer_that_is_not_made() -> None:
    """Given three days without a 5th, then there is no offer."""
    window = Window.until(datetime(2026, 11, 21, tzinfo=UTC), 3)
    assert window.offer_at is None
    assert openings(1, window, people(1, Case.of(60, 3), window)) == {}


def _before(script: Script, moment: datetime) -> list[Order]:
    return [order for order in script.orders if order.placed_at < moment]
