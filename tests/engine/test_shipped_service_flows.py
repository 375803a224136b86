"""The flows that Phin ships for service: incidents, requests, low marks, played over days on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.shipped import close, codes, given_tasks, on, own, publish, stage, steps, tags
from tests.support.shop import Shop
from worker.domain.tasks import Outcome
from worker.storage.database import Database


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database, **own())


def test_an_incident_is_told_settled_and_told_again(shop: Shop) -> None:
    """Given an incident, then the customer hears of it, staff get a task, and its end is told once it is done."""
    publish(shop, "delivery-incident", "order-delivered", "post-purchase")
    shop.buy("A1")
    stage(shop, "order.shipped")
    stage(shop, "order.incident", reason="Gói hàng bị móp")
    stage(shop, "order.incident", reason="Gói hàng bị móp")
    (row,) = given_tasks(shop)
    assert (row.step, row.role, row.due_at) == ("settle", "care", shop.now + timedelta(days=1))
    assert row.title["vi"] == "Giải quyết sự cố của đơn A1"
    assert "Gói hàng bị móp" in row.note["en"]
    on(shop, "2 days")
    stage(shop, "order.delivered")  # the damaged parcel
    on(shop, "30 days")
    assert steps(shop) == ["delivery-incident"]
    close(shop)
    on(shop, "30 days")
    assert steps(shop) == ["delivery-incident", "incident-solved"]
    (code,) = codes(shop)
    assert (code.name, code.amount, code.code.split("-")[0]) == ("apology", 50_000, "XINLOI")
    assert tags(shop) == {"had-incident"}


def test_a_new_incident_of_the_order_is_a_case_of_its_own(shop: Shop) -> None:
    """Given an incident that was settled, when the order has another, then it is told, given out and made good anew."""
    publish(shop, "delivery-incident")
    shop.buy("A1", 500_000)
    for _ in range(2):
        stage(shop, "order.incident")
        close(shop)
        on(shop, "3 days")
    assert steps(shop) == ["delivery-incident", "incident-solved"] * 2
    assert [code.amount for code in codes(shop)] == [100_000, 100_000]


def test_another_order_of_the_customer_goes_its_way(shop: Shop) -> None:
    """Given an incident of one order, when another is delivered, then that is told and thanked for."""
    publish(shop, "delivery-incident", "order-delivered", "post-purchase")
    shop.buy("A1")
    shop.buy("A2")
    stage(shop, "order.incident", "A1")
    stage(shop, "order.delivered", "A2")
    on(shop, "2 days")
    assert steps(shop) == ["delivery-incident", "order-delivered", "thank-you"]


@pytest.mark.parametrize("kind", ["order.cancelled", "refund"])
def test_an_incident_that_ends_in_money_closes_its_task(shop: Shop, kind: str) -> None:
    """Given an incident, when the order is called off or refunded, then the task closes, and that mail is the last."""
    publish(shop, "delivery-incident", "order-cancelled", "order-refunded")
    shop.buy("A1")
    stage(shop, "order.incident")
    stage(shop, kind)
    on(shop, "3 days")
    (row,) = given_tasks(shop)
    assert (row.state, row.outcome) == ("done", "by itself")
    assert steps(shop)[1:] == ["order-cancelled" if kind == "order.cancelled" else "order-refunded"]
    assert codes(shop) == []


@pytest.mark.parametrize("outcome", [Outcome.NOT_REACHED, Outcome.NOT_NEEDED])
def test_what_was_given_up_is_not_told_as_settled(shop: Shop, outcome: Outcome) -> None:
    """Given an incident whose task is closed without having been done, then nobody is told that all is well."""
    publish(shop, "delivery-incident")
    shop.buy("A1")
    stage(shop, "order.incident")
    close(shop, outcome)
    on(shop, "3 days")
    assert steps(shop) == ["delivery-incident"]


def _ask(shop: Shop, request: str = "R1", *, about: str | None = None, **data: Any) -> None:
    order = {} if about is None else {"order": {"number": about}}
    shop.send("support.requested", data={"request": request, "subject": "Giao nhầm", "channel": "web"} | data, **order)


def test_a_request_is_received_given_out_and_asked_about_the_day_after(shop: Shop) -> None:
    """Given a request that the shop closes after two days, then its task closes, and the question comes at ten."""
    publish(shop, "support-request")
    _ask(shop)
    (row,) = given_tasks(shop)
    assert (row.step, row.role, row.due_at) == ("answer", "care", shop.now + timedelta(hours=48))
    assert row.title["vi"] == "Yêu cầu R1: trả lời Lan"
    on(shop, "2 days")
    shop.send("support.closed", data={"request": "R1", "outcome": "solved"})
    on(shop, "10 days")
    assert given_tasks(shop)[0].outcome == "by itself"
    assert shop.mails() == [("01 Mar 14:00", "support-received"), ("04 Mar 10:00", "support-satisfaction")]


def test_a_request_that_staff_answer_is_asked_about_too(shop: Shop) -> None:
    """Given a request whose task staff have done, then the question comes the day after; while it is open, never."""
    publish(shop, "support-request")
    _ask(shop)
    on(shop, "20 days")
    assert steps(shop) == ["support-received"]
    close(shop)
    on(shop, "3 days")
    assert shop.mails()[1] == ("22 Mar 10:00", "support-satisfaction")


def test_nobody_is_asked_while_another_request_waits(shop: Shop) -> None:
    """Given two requests, when one is closed, then its question is left out, and the other's comes in its time."""
    publish(shop, "support-request")
    _ask(shop, "R1")
    _ask(shop, "R2")
    shop.send("support.closed", data={"request": "R1"})
    on(shop, "3 days")
    shop.send("support.closed", data={"request": "R2"})
    on(shop, "3 days")
    asked = [row.journey_id for row in shop.messages() if row.step == "support-satisfaction"]
    assert asked == [next(row.id for row in shop.journeys() if row.request == "R2")]


def test_two_requests_about_one_order_are_two(shop: Shop) -> None:
    """Given two requests about an order, when one is closed, then its task alone closes."""
    publish(shop, "support-request")
    shop.buy("A1")
    _ask(shop, "R1", about="A1")
    _ask(shop, "R2", about="A1")
    shop.send("support.closed", data={"request": "R2"}, order={"number": "A1"})
    assert steps(shop) == ["support-received"] * 2
    assert [(row.request, row.state) for row in given_tasks(shop)] == [("R1", "open"), ("R2", "done")]


def test_a_request_asked_again_begins_anew_once_it_was_answered(shop: Shop) -> None:
    """Given a request told of twice, then it has one task; asked again after its answer, it has another."""
    publish(shop, "support-request")
    _ask(shop)
    _ask(shop)
    close(shop)
    on(shop, "3 hours")
    assert (steps(shop), len(given_tasks(shop))) == (["support-received"], 1)
    _ask(shop)
    on(shop, "30 days")
    assert (steps(shop), len(given_tasks(shop))) == (["support-received"] * 2, 2)
    assert [(row.state, row.reason) for row in shop.journeys()] == [("exited", "support.requested"), ("waiting", None)]


@pytest.mark.parametrize(
    ("priority", "step", "hours"),
    [("urgent", "answer-urgent", 24), ("high", "answer-urgent", 24), ("normal", "answer", 48), ("Sao?", "answer", 48)],
)
def test_a_pressing_request_is_due_sooner(shop: Shop, priority: str, step: str, hours: int) -> None:
    """Given how much a request matters, then its task is due within a day or two, and the question follows it."""
    publish(shop, "support-request")
    _ask(shop, priority=priority)
    (row,) = given_tasks(shop)
    assert (row.step, row.due_at - shop.now) == (step, timedelta(hours=hours))
    close(shop)
    on(shop, "3 days")
    assert steps(shop)[1:] == ["support-satisfaction"]


def test_an_answer_that_was_given_up_is_not_asked_about(shop: Shop) -> None:
    """Given a request whose task is closed as not reached, then no question follows."""
    publish(shop, "support-request")
    _ask(shop)
    close(shop, Outcome.NOT_REACHED)
    on(shop, "5 days")
    assert steps(shop) == ["support-received"]


def test_no_stars_are_asked_for_while_a_request_is_open(shop: Shop) -> None:
    """Given an open request of the customer, then the invitation to review is left out."""
    publish(shop, "post-purchase", "support-request")
    shop.buy("A1")
    stage(shop, "order.delivered")
    on(shop, "5 days")
    _ask(shop)
    on(shop, "20 days")
    assert steps(shop) == ["thank-you", "support-received"]


@pytest.mark.parametrize(
    ("answer", "low"),
    [
        ({"score": 2}, True),
        ({"score": 3}, False),
        ({"survey": "csat", "score": 1}, True),
        ({"survey": "csat", "score": 5}, False),
        ({"survey": "nps", "score": 6}, True),
        ({"survey": "nps", "score": 7}, False),
        ({"comment": "hm"}, False),
    ],
)
def test_a_low_mark_brings_an_apology_and_a_call(shop: Shop, answer: dict[str, Any], low: bool) -> None:
    """Given answers to surveys, then a low mark, on its scale, is followed up once in a week, and no other."""
    publish(shop, "detractor-follow-up")
    shop.send("survey.answered", data=answer)
    shop.send("survey.answered", data=answer)
    on(shop, "3 days")
    assert steps(shop) == ["apology"] * low
    assert [(row.step, row.type, row.priority) for row in given_tasks(shop)] == [("apologise", "call", "high")] * low


@pytest.mark.parametrize(("outcome", "left"), [(Outcome.DONE, set()), (Outcome.NOT_REACHED, {"unhappy"})])
def test_a_low_mark_marks_the_customer_until_somebody_has_called(shop: Shop, outcome: Outcome, left: set[str]) -> None:
    """Given a low mark, then the customer is tagged as unhappy until the call was made."""
    publish(shop, "detractor-follow-up")
    shop.send("survey.answered", data={"score": 1})
    assert tags(shop) == {"unhappy"}
    close(shop, outcome)
    assert tags(shop) == left
