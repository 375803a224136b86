"""What the functions of the language answer, in the facts at hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from worker.domain.conditions.calls import Bought, Did, InFlow, Mailed, Redeemed, TaskDone
from worker.domain.conditions.names import tracked
from worker.domain.conditions.readings import Value, date_of, time_of
from worker.domain.facts import Facts, Happening, JourneyFacts, Need
from worker.domain.orders import Order
from worker.domain.tasks import TaskState
from worker.domain.zones import zone_of

_DAY = timedelta(days=1)

# What of the past each function looks at; did() says itself which events. A segment may look at all that is not of a
# journey.
LOOKS_AT: dict[str, frozenset[Need]] = {
    "bought": frozenset({Need.ORDERS}),
    "ordered": frozenset({Need.ORDERS}),
    "redeemed": frozenset({Need.COUPONS}),
    "sent": frozenset({Need.MAILS}),
    "opened": frozenset({Need.MAILS}),
    "clicked": frozenset({Need.MAILS}),
    "task_done": frozenset({Need.TASKS}),
    "open_request": frozenset({Need.REQUESTS}),
    "in_stock": frozenset({Need.STOCK}),
    "in_flow": frozenset({Need.FLOWS}),
    "in_segment": frozenset({Need.ORDERS, Need.EVENTS, Need.FLOWS, Need.REQUESTS, Need.STOCK}),
}


def days_since(moment: Value, facts: Facts) -> float | None:
    """Return whole periods of 24 hours since a time, cut toward zero; days of the calendar since a date.

    A date is counted from the customer's today. Anything else is missing.
    """
    if isinstance(moment, str):
        moment = date_of(moment) or time_of(moment)
    if isinstance(moment, datetime):
        passed = facts.now - moment
        return float(passed // _DAY if passed >= timedelta(0) else -(-passed // _DAY))
    if isinstance(moment, date):
        today = facts.now.astimezone(zone_of(facts.customer.timezone, facts.shop.timezone)).date()
        return float((today - moment).days)
    return None


def bought(asked: Bought, facts: Facts) -> bool:
    """Whether enough counted orders hold the SKU or category; one without a time is in no window."""
    since = None if asked.within is None else facts.now - asked.within
    found = sum(
        1
        for order in facts.history.orders
        if (since is None or (order.placed_at is not None and order.placed_at >= since))
        and any(asked.what in (line.sku, line.category) for line in order.lines)
    )
    return found >= asked.at_least


def did(asked: Did, facts: Facts) -> bool:
    """Whether enough events of the type happened; since the journey began, only those after the one that began it.

    An event that carries an order (or request) number counts for the journeys of that order (or request) only,
    where they have one.
    """
    journey = facts.journey
    if asked.within == "journey" and journey is None:
        return False
    found = sum(1 for happening in facts.history.events if _counts(asked, happening, journey, facts.now))
    return found >= asked.at_least


def mailed(asked: Mailed, facts: Facts) -> bool:
    """Whether a mail of the step was sent, opened or clicked; opens and clicks need the consent to tracking."""
    if facts.journey is None or (asked.what != "sent" and not tracked(facts.customer)):
        return False
    return any(getattr(mail, f"{asked.what}_at") is not None for mail in facts.history.mails if mail.step == asked.step)


def task_done(asked: TaskDone, facts: Facts) -> bool:
    """Whether the journey's task of the step was done."""
    done = (task for task in facts.history.tasks if task.step == asked.step and task.state is TaskState.DONE)
    return facts.journey is not None and any(done)


def open_request(facts: Facts) -> bool:
    """Whether the customer has a support request that is not closed."""
    return bool(facts.history.requests)


def in_stock(what: Value, facts: Facts) -> bool:
    """Whether the shop has the article, or all of a list; what it never told of is there, and so is what is missing."""
    articles = what if isinstance(what, tuple) else (what,)
    return not any(isinstance(one, str) and one in facts.history.out_of_stock for one in articles)


def ordered(facts: Facts) -> bool:
    """Whether a counted order was placed since the journey began, its own not counted."""
    journey = facts.journey
    return journey is not None and any(_later(order, journey) for order in facts.history.orders)


def redeemed(asked: Redeemed, facts: Facts) -> bool:
    """Whether a coupon of the name was redeemed since the journey began, by another order than its own.

    Whoever bought: the coupon is the customer's to whom it was given.
    """
    journey = facts.journey
    return journey is not None and any(
        coupon.name == asked.coupon
        and coupon.redeemed_at is not None
        and coupon.redeemed_at >= journey.since
        and (journey.order_number is None or coupon.order_number != journey.order_number)
        for coupon in facts.history.coupons
    )


def in_flow(asked: InFlow, facts: Facts) -> bool:
    """Whether the customer is under way in the flow, with the same order where both have one."""
    if facts.journey is not None:
        mine = facts.journey.order_number
    else:
        mine = facts.order.number if facts.order is not None else None
    return any(
        under_way.flow == asked.flow and (mine is None or under_way.order_number in (None, mine))
        for under_way in facts.history.flows
    )


def _later(order: Order, journey: JourneyFacts) -> bool:
    return order.number != journey.order_number and order.placed_at is not None and order.placed_at >= journey.since


def _counts(asked: Did, happening: Happening, journey: JourneyFacts | None, now: datetime) -> bool:
    if happening.type != asked.event:
        return False
    if asked.within is None:
        return True
    if asked.within != "journey":
        return happening.at >= now - asked.within
    assert journey is not None, "did() asks for the journey first"
    return (
        happening.at > journey.since
        and _of_its_own(happening.order_number, journey.order_number)
        and _of_its_own(happening.request, journey.request)
    )


def _of_its_own(told: str | None, own: str | None) -> bool:
    return told is None or own is None or told == own
