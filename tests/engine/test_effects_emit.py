"""Events that steps bring forth: once, of the same order, and never without end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import structlog

from tests.support.effects import SETTINGS, events, said, settle
from tests.support.shop import START, Shop
from worker.domain.matching import CIRCLES, circle
from worker.engine import emitting
from worker.storage.database import Database
from worker.storage.troubles import TroubleKind, troubles


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database, **SETTINGS)


def test_an_emitted_event_starts_other_flows_for_the_same_order(shop: Shop) -> None:
    """Given a flow of an order that emits, when another starts at it, then it has the order, the values, and ends."""
    shop.publish(
        emits="""
            trigger: purchase
            steps:
              - emit: level.up
                with: {level: "{{ order.total / 1000 }}"}
        """,
        hears="trigger: {event: level.up}\nwhen: event.level >= 400\nexit: [{event: refund}]\nsteps: [{wait: 9 days}]",
    )
    shop.buy("A1", 450_000)
    settle(shop)
    (row,) = events(shop, "level.up")
    assert (row.source, row.external_id, row.order_number, row.payload["data"]) == (
        "phin",
        "journey:1:emit-1:0",
        "A1",
        {"level": 450},
    )
    assert [(one.flow, one.order_number) for one in shop.journeys()] == [("emits", "A1"), ("hears", "A1")]
    shop.send("refund", order={"number": "A2"})
    assert shop.journeys()[1].state == "waiting"
    shop.send("refund", order={"number": "A1"})
    assert shop.journeys()[1].state == "exited"


def test_an_emitted_event_is_of_the_journeys_request(shop: Shop) -> None:
    """Given a flow of a request that emits, when another starts at it, then its journey has the request."""
    shop.publish(
        emits="trigger: {event: support.requested}\nsteps: [{emit: ping}]",
        hears="trigger: {event: ping}\nsteps: [{wait: 1 day}]",
    )
    shop.send("support.requested", data={"request": "R1"})
    settle(shop)
    assert [(one.flow, one.request) for one in shop.journeys()] == [("emits", "R1"), ("hears", "R1")]


def test_emitted_once_though_the_work_is_told_twice(shop: Shop) -> None:
    """Given a journey that emits after a wait, when it is taken on twice, then there is one event."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 hour}, {emit: ping}]")
    shop.send("signup")
    shop.now = shop.journeys()[0].due_at
    shop.reread(1)
    shop.reread(1)
    assert len(events(shop, "ping")) == 1


@pytest.mark.parametrize("pause", ["", "{wait: 30 days}, "], ids=["at once", "with waits"])
def test_flows_that_start_each_other_for_ever_are_stopped_and_named(shop: Shop, pause: str) -> None:
    """Given two flows, each started by what the other emits, when one begins, then they stop, and it is told why."""
    shop.publish(
        a=f"trigger: [signup, {{event: pong}}]\nsteps: [{pause}{{emit: ping}}]",
        b=f"trigger: {{event: ping}}\nsteps: [{pause}{{emit: pong}}]",
    )
    with structlog.testing.capture_logs() as logs:
        shop.send("signup")
        for _ in range(20):
            settle(shop)
            shop.wait("30 days")
    assert [row.flow for row in shop.journeys()] == ["a", "b"] * CIRCLES
    assert said(shop)[-1] == {"flow": "a", "version": 1, "reason": "circle: a → b → a"}
    assert [line["circle"] for line in logs if "circle" in line] == ["a → b → a"]
    with shop.database.reading() as connection:
        (told,) = troubles(connection, START)
        assert troubles(connection, told.at + timedelta(seconds=1)) == []
    assert (told.kind, told.what, told.flow, told.customer) == (TroubleKind.CIRCLE, "a → b → a", "a", "c1")


def test_a_flow_may_climb_by_its_own_events(shop: Shop) -> None:
    """Given a flow that emits what starts it while there is a next level, then it climbs to the last."""
    shop.publish(
        up="""
            trigger: [signup, {event: level.up}]
            steps:
              - add: {points: 1}
              - if: customer.points < 3
                then: [{emit: level.up}]
        """
    )
    shop.send("signup")
    settle(shop)
    assert len(shop.journeys()) == 3


def test_flows_that_multiply_each_other_come_to_an_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given flows that all start at what each of them emits, then no more than so many events come of one."""
    monkeypatch.setattr(emitting, "MOST", 12)
    body = "trigger: [signup, {event: ping}]\nsteps: [{emit: ping}]"
    shop.publish(a=body, b=body, c=body, d=body)
    with structlog.testing.capture_logs() as logs:
        shop.send("signup")
        settle(shop)
    assert len(events(shop, "ping")) == 12
    assert any("without end" in str(line["event"]) for line in logs)
    told: list[dict[str, Any]] = [detail for row in shop.journeys() for kind, detail in shop.trace(row.id)]
    assert [one for one in told if str(one.get("reason", "")).startswith("not reported: 12 events came of event:")]


def test_a_new_event_begins_a_new_chain(shop: Shop) -> None:
    """Given two flows that would start each other for ever, when the shop's event comes again, then so do they."""
    shop.publish(
        a="trigger: [signup, {event: pong}]\nsteps: [{emit: ping}]", b="trigger: {event: ping}\nsteps: [{emit: pong}]"
    )
    for _ in range(2):
        shop.send("signup")
        settle(shop)
    assert len(shop.journeys()) == 2 * 2 * CIRCLES


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ((), None),
        (("a", "a"), None),
        (("a", "a", "a"), "a → a"),
        (("x", "a", "b", "c", "a", "b", "c", "a", "b", "c"), "a → b → c → a"),
        (("b", "b", "b"), None),
    ],
)
def test_a_circle_is_named_by_its_last_round(chain: tuple[str, ...], found: str | None) -> None:
    """Given the flows behind an event, when it would enter `a`, then a circle is found from the third round on."""
    assert circle("a", chain) == found
