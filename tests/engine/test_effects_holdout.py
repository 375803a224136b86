"""Customers whom a flow sets aside: always the same, they get nothing and take the key."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.effects import SETTINGS, person, said, settle
from tests.support.finding import ClockShop
from tests.support.segments import Keeper
from tests.support.shop import LAN, YES, Shop
from worker.domain.chance import BY_HASH
from worker.domain.lift import Arm, Lift
from worker.edges.cli.report import report
from worker.storage import outcomes
from worker.storage.database import Database
from worker.storage.reports import flow_figures

WELCOME = "holdout: 50%\ntrigger: signup\nonce: ever\nexit: [{event: refund}]\nsteps: [{send: welcome}, {wait: 1 day}]"


def _people(shop: Shop, count: int) -> None:
    for number in range(count):
        shop.send("signup", {"id": f"c{number}", "email": f"c{number}@example.com", "consent": YES})


def test_a_share_is_set_aside_and_gets_nothing(database: Database) -> None:
    """Given a holdout, when customers enter by an event, then those it falls to have a journey that never moves."""
    shop = Shop(database, **SETTINGS)
    shop.publish(f=WELCOME)
    _people(shop, 30)
    shop.wait("3 days")
    falls = {row.customer_id: BY_HASH.sets_aside("f", row.customer_id, 0.5) for row in shop.journeys()}
    assert 5 < sum(falls.values()) < 25
    assert {row.customer_id: row.state == "control" for row in shop.journeys()} == falls
    assert {row.customer_id for row in shop.messages()} == {one for one, aside in falls.items() if not aside}
    first = next(row for row in shop.journeys() if row.state == "control")
    assert [kind for kind, _ in shop.trace(first.id)] == ["entered"]
    assert shop.trace(first.id)[0][1]["control"] is True
    line = next(one for one in said(shop) if one.get("journey") == first.id)
    assert line == {"flow": "f", "version": 1, "journey": first.id, "control": True}


def test_who_is_set_aside_has_entered(database: Database) -> None:
    """Given a customer set aside, when the event comes again or one of its exits, then the journey stays and is one."""
    shop = Shop(database, **SETTINGS)
    shop.publish(f=WELCOME.replace("50%", "99%"), asks='trigger: {event: ping}\nwhen: in_flow("f")\nsteps: [{send: x}]')
    for kind in ("signup", "signup", "refund", "ping"):
        shop.send(kind, LAN, order={"number": "A1"})
    assert [(row.flow, row.state) for row in shop.journeys()] == [("f", "control")]
    assert [line["reason"] for line in said(shop) if "reason" in line] == ["once", "when"]


@pytest.mark.parametrize("kind", ["segment", "clock"])
def test_those_whom_the_database_enters(database: Database, kind: str) -> None:
    """Given a holdout, when customers come by a segment or a turn, then the same are set aside as by an event."""
    shop = ClockShop(database, **SETTINGS)
    keeper = Keeper(shop)
    keeper.publish('new: "true"\n' if kind == "clock" else "new: customer.points > 5\n")
    trigger = "{segment: new}" if kind == "segment" else "{date: 2027-03-02}"
    shop.publish(f=f"holdout: 30%\ntrigger: {trigger}\nsteps: [{{send: welcome}}, {{wait: 1 day}}]")
    for number in range(30):
        shop.send("cart.updated", {"id": f"c{number}", "points": 9, "email": f"c{number}@example.com"})
    keeper.keep()
    shop.tick("2027-03-02 09:00")
    settle(shop)
    falls = {row.customer_id: BY_HASH.sets_aside("f", row.customer_id, 0.3) for row in shop.journeys()}
    assert len(falls) == 30
    assert {row.customer_id: row.state == "control" for row in shop.journeys()} == falls
    assert all(shop.trace(row.id)[0][1].get("control", False) is falls[row.customer_id] for row in shop.journeys())
    assert {row.customer_id for row in shop.messages()} == {one for one, aside in falls.items() if not aside}


GOAL = "goal: {event: purchase, within: 7 days, when: order.total >= 100_000}"


def _lift(shop: Shop) -> Lift | None:
    with shop.database.reading() as connection:
        return outcomes.lifts(connection).get("f")


def _who(shop: Shop, number: int, control: bool) -> dict[str, Any]:
    """Make customers until one falls to this arm; returns them as events name them."""
    while True:
        number += 1
        customer = {"id": f"x{number}", "email": f"x{number}@example.com", "consent": YES}
        shop.send("product.viewed", customer)
        if BY_HASH.sets_aside("f", person(shop, f"x{number}").id, 0.5) is control:
            return customer


def test_both_arms_are_followed_alike(database: Database) -> None:
    """Given one of each arm who buy in time, one of each who buy too late, then each arm has one of two who did."""
    shop = Shop(database, **SETTINGS)
    shop.publish(f=f"holdout: 50%\n{GOAL}\ntrigger: signup\nonce: ever\nsteps: [{{wait: 3 days}}, {{send: welcome}}]")
    people = [_who(shop, 100 * n, control) for n, control in enumerate((True, False, True, False))]
    for one in people:
        shop.send("signup", one)
    shop.wait("9 days")
    for number, one in enumerate(people[:2]):
        shop.buy(f"S{number}", 50_000, one)  # too small to count
        shop.buy(f"A{number}", 300_000, one)
        shop.buy(f"B{number}", 900_000, one)  # a customer counts once
    shop.wait("25 hours")
    for number, one in enumerate(people[2:]):
        shop.buy(f"C{number}", 300_000, one)
    arm = Arm(2, 1, {"VND": Decimal(300_000)})
    assert _lift(shop) == Lift(arm, arm, timedelta(days=10))
    control = next(row for row in shop.journeys() if row.state == "control")
    assert [(kind, detail.get("order")) for kind, detail in shop.trace(control.id)] == [
        ("entered", None),
        ("goal", "A0"),
    ]
    with shop.database.reading() as connection:
        assert flow_figures(connection)["f"].goals == 0  # credited is what came after a mail that was sent


def test_the_time_counts_from_the_first_entry_in_both_arms(database: Database) -> None:
    """Given events that start one arm over and enter the other anew, when both buy late, then neither counts."""
    shop = Shop(database, **SETTINGS)
    shop.publish(
        f=f"holdout: 50%\nagain: restart\n{GOAL}\ntrigger: {{event: ping}}\nsteps: [{{wait: 3 days}}, {{send: x}}]"
    )
    people = [_who(shop, 0, True), _who(shop, 100, False)]
    for _ in range(3):
        for one in people:
            shop.send("ping", one)
        shop.wait("2 days")
    assert sorted((row.state, row.turn) for row in shop.journeys()) == [
        *[("control", 0)] * 3,
        ("waiting", 2),
    ]
    shop.wait("5 days")
    for number, one in enumerate(people):
        shop.buy(f"A{number}", 300_000, one)
    assert _lift(shop) == Lift(Arm(1, 0), Arm(1, 0), timedelta(days=10))


def test_another_share_is_another_comparison(database: Database) -> None:
    """Given a holdout that is changed, when the lift is asked for, then only those who entered since are in it."""
    shop = Shop(database, **SETTINGS)
    body = f"{GOAL}\ntrigger: signup\nonce: ever\nsteps: [{{send: welcome}}]"
    shop.publish(f=f"holdout: 50%\n{body}")
    _people(shop, 4)
    shop.publish(f=f"holdout: 20%\n{body}")
    assert _lift(shop) is None
    shop.send("signup", LAN | {"id": "new", "email": "new@example.com"})
    found = _lift(shop)
    assert found is not None
    assert found.treated.customers + found.control.customers == 1
    shop.publish(f=body)
    assert _lift(shop) is None


def test_both_arms_have_revenue_with_refunds_taken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str, sqlite_database: Database
) -> None:
    """Given orders of both arms that reached the goal, when one of each is refunded in part and one cancelled, then
    `phin report FLOW --json` has each arm's revenue without these, and still the customers who reached it."""
    shop = Shop(sqlite_database, **SETTINGS)
    shop.publish(f=f"holdout: 50%\n{GOAL}\ntrigger: signup\nonce: ever\nsteps: [{{send: welcome}}, {{wait: 3 days}}]")
    people = [_who(shop, 100 * number, control) for number, control in enumerate((True, False) * 3)]
    for number, one in enumerate(people):
        shop.send("signup", one)
        shop.buy(f"A{number}", 300_000 + 1_000 * number, one)
    shop.send("refund", people[0], order={"number": "A0"}, data={"amount": 100_000})
    shop.send("refund", people[1], order={"number": "A1"}, data={"amount": 50_000})
    shop.send("order.cancelled", people[2], order={"number": "A2"})
    shop.send("refund", people[3], order={"number": "A3"})
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    monkeypatch.setenv("PHIN_DATABASE_URL", sqlite_url)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: T}\n")
    lift = json.loads(CliRunner().invoke(report, ["f", "--json"], catch_exceptions=False).output)["lift"]
    arms = {arm: (lift[arm]["customers"], lift[arm]["reached"]) for arm in ("treated", "control")}
    assert arms == {"treated": (3, 3), "control": (3, 3)}
    assert Decimal(lift["control"]["revenue"]["VND"]) == 200_000 + 304_000
    assert Decimal(lift["treated"]["revenue"]["VND"]) == 251_000 + 305_000
