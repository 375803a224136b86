"""Customers under way moved to another version: where each lands, when it goes on, what stays. On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.shop import LAN, START, Shop
from worker.domain.errors import PhinError
from worker.engine.migrating import Migrating, Plan
from worker.storage.database import Database
from worker.storage.tables import flow_version, task

FIRST = """
    trigger: signup
    steps:
      - send: hello
      - wait: 7 days
      - send: review
      - wait: 3 days
        name: late
      - send: reminder
"""

SECOND_HELLO = """
    trigger: signup
    steps:
      - wait: 7 days
      - send: hello
      - send: review
"""


def migrate(shop: Shop, **given: str) -> tuple[Plan, int]:
    migrating = Migrating(shop.database, shop.settings, "f", given)
    plan = migrating.plan(shop.now)
    return plan, sum(migrating.run(plan, lambda: shop.now))


def stands(shop: Shop) -> list[tuple[int, str | None, float | None]]:
    """Return of each journey its version, its step, and in how many days after the start it is due."""
    with shop.database.reading() as connection:
        rows = connection.execute(select(flow_version.c.id, flow_version.c.number))
        numbers = {row.id: row.number for row in rows}
    return [
        (numbers[one.version_id], one.step, one.due_at and (one.due_at - START) / timedelta(days=1))
        for one in shop.journeys()
    ]


@pytest.fixture
def shop(database: Database) -> Shop:
    found = Shop(database)
    found.publish(f=FIRST)
    found.send("signup")
    return found


def test_whoever_waits_keeps_the_time_and_goes_on_in_the_new_version(shop: Shop) -> None:
    """Given a wait that is the same, when another step follows, then it ends when it would have, and that comes."""
    shop.publish(f=FIRST.replace("- send: review", "- send: thanks\n      - send: review"))
    plan, moved = migrate(shop)
    assert (moved, plan.moving, [one.over for one in plan.groups]) == (1, 1, [0])
    assert stands(shop) == [(2, "wait-1", 7.0)]
    shop.wait("7 days")
    assert [step for _, step in shop.mails()] == ["hello", "thanks", "review"]


def test_a_counted_name_is_no_identity(shop: Shop) -> None:
    """Given a wait put before the one that somebody stands at, then they land at theirs, not at the new one."""
    shop.publish(f=FIRST.replace("- send: hello", "- wait: 1 hour\n      - send: hello"))
    migrate(shop)
    assert stands(shop) == [(2, "wait-2", 7.0)]


def test_a_wait_that_is_another_is_reckoned_anew_from_its_beginning(shop: Shop) -> None:
    """Given two days of seven waited, when the wait is five days, then three are left."""
    shop.wait("2 days")
    shop.publish(f=FIRST.replace("7 days", "5 days"))
    migrate(shop)
    assert stands(shop) == [(2, "wait-1", 5.0)]
    shop.publish(f=FIRST.replace("7 days", "6 days"))  # and once more, from the same beginning
    migrate(shop)
    assert stands(shop) == [(3, "wait-1", 6.0)]


def test_who_has_waited_long_enough_goes_on_at_once_and_that_is_told(shop: Shop) -> None:
    """Given three days waited, when the wait is two days, then the plan says that they go on at once, and they do."""
    shop.wait("3 days")
    shop.publish(f=FIRST.replace("7 days", "2 days"))
    plan, _ = migrate(shop)
    assert [one.over for one in plan.groups] == [1]
    shop.step()
    assert [step for _, step in shop.mails()] == ["hello", "review"]


def test_a_plan_changes_nothing(shop: Shop) -> None:
    """Given a new version, when only the plan is asked for, then all stays as it is."""
    shop.publish(f=FIRST.replace("7 days", "2 days"))
    before = shop.journeys()
    Migrating(shop.database, shop.settings, "f", {}).plan(shop.now)
    assert shop.journeys() == before


def test_who_stands_at_a_step_that_is_gone_stays_unless_it_is_told_where_to(shop: Shop) -> None:
    """Given a step that is gone, then they stay and it is told; with a map they land, and the wait begins anew."""
    shop.wait("7 days")
    shop.publish(f=FIRST.replace("name: late", "name: later"))
    plan, moved = migrate(shop)
    assert (moved, [one.stays is None for one in plan.groups]) == (0, [False])
    assert stands(shop) == [(1, "late", 10.0)]
    _, moved = migrate(shop, late="later")
    assert (moved, stands(shop)) == (1, [(2, "later", 10.0)])


@pytest.mark.parametrize(("old", "new"), [("lat", "wait-1"), ("late", "review"), ("late", "nowhere")])
def test_a_map_that_cannot_be_is_refused(shop: Shop, old: str, new: str) -> None:
    """Given a map from a step that never was, or to what is no wait, then an error says so."""
    shop.publish(f=FIRST.replace("7 days", "2 days"))
    with pytest.raises(PhinError, match=old if old == "lat" else new):
        migrate(shop, **{old: new})


def test_no_mail_comes_twice_and_what_is_queued_stays(shop: Shop) -> None:
    """Given a mail that was written before the wait, when its step now comes after it, then it is not written twice."""
    shop.publish(f=SECOND_HELLO)
    queued = [row.id for row in shop.messages()]
    migrate(shop)
    assert [row.id for row in shop.messages()] == queued
    shop.wait("7 days")
    assert [step for _, step in shop.mails()] == ["hello", "review"]


def test_an_until_that_is_another_is_looked_at_at_once(shop: Shop) -> None:
    """Given a wait whose new condition holds already, then the journey goes on."""
    shop.publish(f=FIRST.replace("- wait: 7 days", "- wait: 7 days\n        until: customer.orders_count == 0"))
    migrate(shop)
    shop.step()
    assert [step for _, step in shop.mails()] == ["hello", "review"]


def test_each_journey_remembers_it(shop: Shop) -> None:
    """Given a journey that was moved, then its trace says from which version to which."""
    shop.publish(f=FIRST.replace("7 days", "5 days"))
    migrate(shop)
    kind, detail = shop.trace(shop.journeys()[0].id)[-1]
    assert (kind, detail["from"], detail["to"], detail["reason"]) == ("migrated", 1, 2, "v1 → v2")


def test_who_waits_for_a_task_goes_on_when_it_is_closed(database: Database) -> None:
    """Given a journey held by its task, then it lands at that task; where it holds nobody any more, it stays."""
    held = "trigger: signup\nsteps:\n  - task: Call\n    name: call\n    hold: true\n  - send: {mail}\n"
    shop = Shop(database)
    shop.publish(f=held.format(mail="one"))
    shop.send("signup")
    shop.publish(f=held.format(mail="two").replace("    hold: true\n", ""))
    assert migrate(shop)[1] == 0
    shop.publish(f=held.format(mail="three"))
    assert migrate(shop)[1] == 1
    assert stands(shop) == [(3, "call", None)]
    with database.reading() as connection:
        assert connection.execute(select(task.c.step)).scalars().all() == ["call"]


def test_many_are_moved_in_batches_and_a_second_time_nobody_is_left(database: Database, monkeypatch: Any) -> None:
    """Given more than a batch, when it ends after the first, then a second run moves the others, each once."""
    monkeypatch.setattr("worker.engine.migrating.BATCH", 3)
    shop = Shop(database)
    shop.publish(f=FIRST)
    for number in range(7):
        shop.send("signup", {**LAN, "id": f"c{number}", "email": f"c{number}@example.com"})
    shop.publish(f=FIRST.replace("7 days", "5 days"))
    migrating = Migrating(database, shop.settings, "f", {})
    next(iter(migrating.run(migrating.plan(shop.now), lambda: shop.now)))
    assert sorted(version for version, _, _ in stands(shop)) == [1, 1, 1, 1, 2, 2, 2]
    plan, moved = migrate(shop)
    assert (plan.here, moved) == (3, 4)
    assert migrate(shop)[0].groups == ()


def test_ended_journeys_are_left_alone(shop: Shop) -> None:
    """Given a journey that ended between the plan and the move, then it is not touched."""
    shop.publish(f=FIRST.replace("- send: review", "- send: thanks\n      - send: review"))
    migrating = Migrating(shop.database, shop.settings, "f", {})
    plan = migrating.plan(shop.now)
    shop.wait("30 days")
    assert sum(migrating.run(plan, lambda: shop.now)) == 0
    assert stands(shop)[0][0] == 1
