"""Which mail an event is credited to as its flow's success, and that no success is counted twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event as listening
from sqlalchemy import select, update

from tests.support.shop import LAN, START, YES, Shop
from worker.storage.database import Database
from worker.storage.reports import flow_figures
from worker.storage.tables import goal, journey, message

GOAL = """
    trigger: purchase
    goal: {event: purchase, within: 14 days}
    steps: [{send: thank-you}, {wait: 3 days}, {send: welcome}]
"""
SIGNUP = "trigger: signup\ngoal: {event: purchase, within: 14 days}\nsteps: [{send: welcome}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _sent(shop: Shop, **also: Any) -> None:
    """Have what is queued be sent now."""
    values = {"state": "sent", "sent_at": shop.now, "settled_at": shop.now} | also
    with shop.database.writing() as connection:
        connection.execute(update(message).where(message.c.state == "queued").values(**values))


def _goals(shop: Shop) -> list[tuple[str, str | None, str | None, str, Decimal | None]]:
    """Return flow, the journey's own order, the order that was the success, the mail's step, and the revenue."""
    statement = (
        select(
            goal.c.flow,
            journey.c.order_number.label("own"),
            goal.c.order_number.label("success"),
            message.c.step,
            goal.c.amount,
        )
        .select_from(goal.join(journey).join(message, message.c.id == goal.c.message_id))
        .order_by(goal.c.journey_id)
    )
    with shop.database.reading() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def _ago(shop: Shop, hours: int) -> str:
    return (shop.now - timedelta(hours=hours)).isoformat()


def test_one_purchase_is_one_success_of_a_flow(shop: Shop) -> None:
    """Given two orders with their mails, when a third comes, then it is the success of the latest mail's journey."""
    shop.publish(g=GOAL)
    for number in ("A1", "A2"):
        shop.buy(number)
        _sent(shop)
        shop.now += timedelta(days=1)
    shop.buy("A3", 1_000_000)
    assert [(own, success) for _, own, success, _, _ in _goals(shop)] == [("A1", "A2"), ("A2", "A3")]
    with shop.database.reading() as connection:
        figures = flow_figures(connection)["g"]
    assert (figures.goals, figures.goal_revenue) == (2, {"VND": Decimal(1_450_000)})


def test_a_further_purchase_is_not_passed_on_to_an_older_journey(shop: Shop) -> None:
    """Given two journeys of one flow, when the later one has its success, then the next order is nobody's."""
    shop.publish(g=SIGNUP)
    shop.send("signup")
    _sent(shop)
    shop.now += timedelta(hours=1)
    shop.send("signup")
    _sent(shop)
    shop.now += timedelta(days=1)
    shop.buy("A1")
    shop.buy("A2")
    assert [success for _, _, success, _, _ in _goals(shop)] == ["A1"]
    assert [row.state for row in shop.journeys()] == ["done", "done"]


def test_one_order_is_one_success_though_it_is_reported_twice(shop: Shop) -> None:
    """Given an order that two events tell of, when another journey could be credited, then it counts once."""
    shop.publish(g=SIGNUP)
    shop.send("signup")
    _sent(shop)
    shop.now += timedelta(days=1)
    shop.buy("A1")
    shop.send("signup")
    _sent(shop)
    shop.now += timedelta(days=1)
    shop.buy("A1")
    assert len(_goals(shop)) == 1


def test_each_flow_has_its_own_success(shop: Shop) -> None:
    """Given two flows with a goal, when one order comes, then it is a success of each."""
    shop.publish(one=SIGNUP, two=SIGNUP)
    shop.send("signup")
    _sent(shop)
    shop.now += timedelta(days=1)
    shop.buy("A1")
    assert [flow for flow, *_ in _goals(shop)] == ["one", "two"]


def test_a_goal_that_is_reported_late_is_credited_to_the_mail_before_it(shop: Shop) -> None:
    """Given an order placed before a journey's second mail, when it is reported later, then the first mail has it."""
    shop.publish(g=GOAL)
    shop.buy("A1")
    _sent(shop)
    shop.wait("3 days")
    _sent(shop)
    shop.now += timedelta(hours=1)
    shop.buy("A2", time=_ago(shop, 2))
    assert _goals(shop) == [("g", "A1", "A2", "thank-you", Decimal(450_000))]


@pytest.mark.parametrize(("days", "reached"), [(14, 1), (15, 0)])
def test_the_window_is_the_versions_own(shop: Shop, days: int, reached: int) -> None:
    """Given a journey with a goal within 14 days, when a newer version takes 60, then its own window counts."""
    shop.publish(g=SIGNUP)
    shop.send("signup")
    _sent(shop)
    shop.publish(g=SIGNUP.replace("14 days", "60 days"))
    shop.now += timedelta(days=days)
    shop.buy("A1")
    assert len(_goals(shop)) == reached


@pytest.mark.parametrize(
    "newer",
    [
        "trigger: purchase\nsteps: [{send: thank-you}]",
        "trigger: purchase\ngoal: {event: survey.answered, within: 1 day}\nsteps: [{send: thank-you}]",
    ],
)
def test_a_goal_of_the_version_that_it_entered_with(shop: Shop, newer: str) -> None:
    """Given a journey with a goal, when the flow's next version drops or changes it, then the journey still has it."""
    shop.publish(g=GOAL)
    shop.buy("A1")
    _sent(shop)
    shop.publish(g=newer)
    shop.buy("A2")
    assert [(own, success) for _, own, success, _, _ in _goals(shop)] == [("A1", "A2")]


def test_a_purchase_while_the_mail_is_handed_over(shop: Shop) -> None:
    """Given a mail that the server has taken and its sender has not yet written down, then it has the success."""
    shop.publish(g=GOAL)
    shop.buy("A1")
    _sent(shop, state="transmitting", transmitting_at=shop.now, sent_at=None, settled_at=None)
    shop.now += timedelta(seconds=20)
    shop.buy("A2")
    assert [success for _, _, success, _, _ in _goals(shop)] == ["A2"]


def test_the_condition_chooses_among_journeys(shop: Shop) -> None:
    """Given an older journey without a condition on the order, when the newer one's is not met, then it has it."""
    shop.publish(g=SIGNUP)
    shop.send("signup")
    _sent(shop)
    shop.publish(g=SIGNUP.replace("14 days}", "14 days, when: order.total >= 1_000_000}"))
    shop.now += timedelta(hours=1)
    shop.send("signup")
    _sent(shop)
    shop.now += timedelta(days=1)
    shop.buy("A1", 450_000)
    with shop.database.reading() as connection:
        (credited,) = connection.execute(select(goal.c.journey_id)).scalars()
    assert credited == shop.journeys()[0].id
    assert [kind for kind, _ in shop.trace(credited)][-1] == "goal"


def test_an_event_that_is_nobodys_goal_costs_no_look(shop: Shop) -> None:
    """Given flows with a goal, when an event comes that is none's, then no statement asks for goals or mails."""
    shop.publish(g=SIGNUP)
    shop.send("signup")
    _sent(shop)
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    listening.listen(shop.database.engine, "before_cursor_execute", note)
    shop.send("product.viewed")
    assert seen
    assert not [statement for statement in seen if "goal_event" in statement]


def test_another_customers_order_brings_no_revenue(shop: Shop) -> None:
    """Given a customer whose event names somebody else's order, then it is a success without revenue."""
    shop.publish(g="trigger: signup\ngoal: {event: survey.answered, within: 1 day}\nsteps: [{send: welcome}]")
    shop.buy("A1", customer={"id": "c2", "email": "minh@example.com", "consent": YES})
    shop.send("signup", LAN)
    _sent(shop)
    shop.now = START + timedelta(hours=1)
    shop.send("survey.answered", LAN, order={"number": "A1"})
    assert _goals(shop) == [("g", None, None, "welcome", None)]
