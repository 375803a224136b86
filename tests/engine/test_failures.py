"""What fails harms only itself, is tried again, and is given up visibly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event as on_event
from sqlalchemy import insert, select, update

from tests.support.shop import Shop
from worker.domain.matching import match
from worker.engine import advancing, entering, processing, stepping
from worker.engine.advancing import go_on
from worker.engine.failing import TRIES
from worker.storage import journeys
from worker.storage.database import Database
from worker.storage.tables import customer, event, event_trace, flow_version, trace

WAIT = "trigger: signup\nsteps: [{wait: 7 days, until: did('product.viewed')}, {send: welcome}]"
CONFIRM = "kind: transactional\ntrigger: purchase\nsteps: [{send: order-confirmation}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _fail(*_: object) -> Any:
    raise RuntimeError("this cannot be done")


def _fails_for(flow: str) -> Any:
    def some(connection: Any, around: Any, version: Any, *rest: Any) -> Any:
        return _fail() if version.flow.name == flow else go_on(connection, around, version, *rest)

    return some


def test_a_failure_does_not_shorten_a_wait(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a journey that waits for a week, when a look at it fails, then it looks again, and waits out its week."""
    shop.publish(f=WAIT)
    shop.send("signup")
    (before,) = shop.journeys()
    with monkeypatch.context() as broken:
        broken.setattr(stepping, "go_on_together", _fail)
        shop.reread(before.id)
        (row,) = shop.journeys()
        assert (row.due_at, row.attempts) == (before.due_at, 1)
        shop.reread(before.id)  # a job that comes before its next try is none
        assert shop.journeys()[0].attempts == 1
    shop.wait("2 minutes")
    (row,) = shop.journeys()
    assert (row.state, row.due_at, row.attempts, row.reason) == ("waiting", before.due_at, 0, None)
    assert shop.messages() == []
    shop.wait("7 days")
    assert [step for _, step in shop.mails()] == ["welcome"]


def test_a_journey_that_failed_says_so_in_its_trace(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a journey that cannot go on, when it was tried often enough, then its trace says why it failed."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {send: welcome}]")
    shop.send("signup")
    shop.now += timedelta(days=1)
    monkeypatch.setattr(stepping, "go_on_together", _fail)
    for _ in range(TRIES):
        assert shop.journeys()[0].state == "waiting"
        shop.step()
        shop.now += timedelta(minutes=2)
    (row,) = shop.journeys()
    assert row.state == "failed"
    assert shop.trace(row.id)[-1] == ("failed", {"reason": "RuntimeError: this cannot be done"})


def test_an_order_is_kept_whatever_becomes_of_a_journey(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a journey that cannot be read, when its customer orders, then the order is confirmed, and it is put off."""
    shop.publish(bad="trigger: signup\nsteps: [{wait: 1 day}, {send: welcome}]", confirm=CONFIRM)
    shop.send("signup")
    monkeypatch.setattr(processing, "go_on", _fails_for("bad"))
    work = shop.buy("A1")
    assert len(work.messages) == 1
    assert [(row.flow, row.state, row.attempts) for row in shop.journeys()] == [
        ("bad", "waiting", 1),
        ("confirm", "done", 0),
    ]
    shop.wait("2 days")
    assert [step for _, step in shop.mails()] == ["order-confirmation", "welcome"]


def test_an_order_is_kept_whatever_becomes_of_a_flow(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a flow that cannot be decided, when an order comes, then the other is entered, and the trace says so."""
    shop.publish(bad=CONFIRM, confirm=CONFIRM)

    def broken(flow: Any, *rest: Any) -> Any:
        return _fail() if flow.name == "bad" else match(flow, *rest)

    monkeypatch.setattr(entering, "match", broken)
    shop.buy("A1")
    assert [row.flow for row in shop.journeys()] == ["confirm"]
    with shop.database.reading() as connection:
        said = connection.execute(select(event_trace.c.flows)).scalar_one()
        assert connection.execute(select(customer.c.orders_count)).scalar_one() == 1
    assert {line["flow"]: line.get("reason") for line in said} == {"bad": "failed", "confirm": None}
    assert "this cannot be done" in said[0]["error"]


def test_a_statement_that_fails_harms_only_its_flow(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a flow of which the database refuses a row, when an order comes, then all others see to it as ever."""
    shop.publish(bad=CONFIRM, confirm=CONFIRM)
    offer = entering._offer

    def refused(connection: Any, around: Any, version: Any, *rest: Any) -> Any:
        if version.flow.name == "bad":
            connection.execute(insert(flow_version), {"flow": "bad", "number": None})
        return offer(connection, around, version, *rest)

    monkeypatch.setattr(entering, "_offer", refused)
    work = shop.buy("A1")
    assert len(work.messages) == 1
    assert [row.flow for row in shop.journeys()] == ["confirm"]
    with shop.database.reading() as connection:
        assert connection.execute(select(event.c.state, event.c.attempts)).one() == ("processed", 0)
        said = connection.execute(select(event_trace.c.flows)).scalar_one()
    assert {line["flow"]: line.get("reason") for line in said} == {"bad": "failed", "confirm": None}
    assert "IntegrityError" in said[0]["error"] or "Violation" in said[0]["error"]


@pytest.mark.parametrize("what", ["advance", "perform"], ids=["deciding", "acting"])
def test_a_first_step_that_fails_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Given a flow whose first step fails, when an order comes, then it has entered, and goes on a minute later."""
    shop.publish(confirm=CONFIRM)
    with monkeypatch.context() as broken:
        broken.setattr(advancing, what, _fail)
        shop.buy("A1")
    assert [(row.state, row.step, row.attempts) for row in shop.journeys()] == [("waiting", None, 1)]
    with shop.database.reading() as connection:
        assert connection.execute(select(trace.c.kind)).scalars().all() == ["entered"]
        (said,) = connection.execute(select(event_trace.c.flows)).scalar_one()
    assert said["journey"] == shop.journeys()[0].id
    shop.wait("2 minutes")
    assert [row.state for row in shop.journeys()] == ["done"]
    assert [step for _, step in shop.mails()] == ["order-confirmation"]


def test_a_flow_that_cannot_even_be_entered_harms_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a flow of which no journey can be written, when an order comes, then the others enter, and it is told."""
    enter = journeys.enter

    def refused(connection: Any, new: Any, *rest: Any) -> Any:
        return _fail() if new.flow == "bad" else enter(connection, new, *rest)

    shop.publish(bad=CONFIRM, confirm=CONFIRM)
    monkeypatch.setattr(journeys, "enter", refused)
    shop.buy("A1")
    assert [(row.flow, row.state) for row in shop.journeys()] == [("confirm", "done")]
    with shop.database.reading() as connection:
        assert connection.execute(select(event.c.state, event.c.attempts)).one() == ("processed", 0)
        said = connection.execute(select(event_trace.c.flows)).scalar_one()
    assert {line["flow"]: line.get("error") for line in said} == {
        "bad": "RuntimeError: this cannot be done",
        "confirm": None,
    }


def test_a_deadlock_is_no_try(postgres_database: Database) -> None:
    """Given transactions that the database gives up, when they are done again at once, then nothing failed."""
    shop = Shop(postgres_database)
    shop.publish(f=WAIT)
    given_up: list[str] = []

    def give_up(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        for name in ("INSERT INTO customer", "UPDATE journey"):
            if name in statement and given_up.count(name) < 3:
                given_up.append(name)
                raise psycopg.errors.DeadlockDetected("deadlock detected")

    on_event.listen(postgres_database.engine, "before_cursor_execute", give_up)
    shop.send("signup")
    shop.wait("8 days")
    on_event.remove(postgres_database.engine, "before_cursor_execute", give_up)
    assert given_up == ["INSERT INTO customer"] * 3 + ["UPDATE journey"] * 3
    assert [step for _, step in shop.mails()] == ["welcome"]
    with postgres_database.reading() as connection:
        assert connection.execute(select(event.c.attempts)).scalar_one() == 0


def test_journeys_of_an_unreadable_version_do_not_stand_in_the_way(shop: Shop) -> None:
    """Given due journeys whose version cannot be read, when the sweep looks at few at a time, then others get on."""
    shop.publish(bad="trigger: signup\nsteps: [{wait: 1 day}, {send: welcome}]")
    for i in range(3):
        shop.send("signup", {"id": f"b{i}"})
    shop.publish(bad="trigger: {event: refund}\nsteps: [{send: welcome}]", good=WAIT)
    with shop.database.writing() as connection:
        old = flow_version.c.number == 1, flow_version.c.flow == "bad"
        connection.execute(update(flow_version).where(*old).values(source="flow: bad\nsteps: of another Phin"))
    shop.send("signup", {"id": "g"})
    later = Shop(shop.database)
    later.now = shop.now + timedelta(days=8)
    for _ in range(2):
        later.reread(*later.due(3).journeys)
    assert [row.step for row in later.messages()] == ["welcome"]
    waiting = [row for row in later.journeys() if row.flow == "bad"]
    assert {(row.state, row.attempts) for row in waiting} == {("waiting", 0)}
    assert "cannot be read" in waiting[0].reason
    later.now += timedelta(hours=2)
    assert len(later.due().journeys) == 3
