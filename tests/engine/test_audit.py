"""The audit log: what staff and operators do is a line of the transaction in which they do it, and stays one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from tests.support.shop import START
from tests.support.staffed import StaffedShop
from worker.domain.tasks import Outcome
from worker.engine.publishing import roll_back
from worker.storage import audit
from worker.storage.audit import Actor, Deed, Way
from worker.storage.database import Database
from worker.storage.tables import audit as audit_table

CALL = """
    kind: transactional
    trigger: purchase
    steps:
      - task: Call {{ customer.name }}
        name: call
        assign: care
        due: 2 days
"""


def lines(database: Database) -> list[Deed]:
    """Return the whole log."""
    with database.reading() as connection:
        return audit.listed(connection)


def test_what_staff_say_of_tasks_is_in_the_log_once(database: Database) -> None:
    """Given a task, when staff act, then each word that changed it is a line without the customer's name."""
    shop = StaffedShop(database)
    shop.publish(call=CALL)
    shop.buy("A1")
    (given,) = shop.all_tasks()
    shop.tasks.take(given.id, "mai", shop.now)
    shop.tasks.take(given.id, "huy", shop.now)  # too late, so it is none
    shop.tasks.snooze(given.id, shop.now + timedelta(days=1), shop.now, "mai")
    shop.tasks.assign(given.id, "huy", "mai", shop.now)
    shop.close(given.id, Outcome.NOT_REACHED, "huy", remark="Lan is abroad")

    deeds = lines(database)
    assert [(one.actor.who, one.action, one.on) for one in deeds[1:]] == [
        ("mai", "task taken", f"task {given.id}"),
        ("mai", "task put off", f"task {given.id}"),
        ("mai", "task assigned", f"task {given.id}"),
        ("huy", "task closed: not reached", f"task {given.id}"),
    ]
    assert deeds[3].detail == {"to": "huy"}
    assert "Lan" not in repr(deeds)


def test_publishing_and_taking_back_are_in_the_log(database: Database) -> None:
    """Given a flow that is published twice, when it is taken back, then the log has three lines of the flow."""
    shop = StaffedShop(database)
    shop.publish(call=CALL)
    shop.publish(call=CALL.replace("2 days", "3 days"))
    roll_back(database, "call", shop.now, by="mai@office")

    assert [(one.action, one.on, one.detail.get("version")) for one in lines(database)] == [
        ("published", "flow call", 1),
        ("published", "flow call", 2),
        ("rolled back", "flow call", 2),
    ]
    assert lines(database)[-1].actor == Actor(Way.COMMAND, "mai@office")


def test_the_log_goes_with_its_transaction_and_is_never_altered(database: Database) -> None:
    """Given a line, when a transaction fails, or somebody would alter or remove lines, then the log stays as it was."""
    actor = Actor(Way.COMMAND, "thu@office")
    with database.writing() as connection:
        audit.write(connection, actor, "paused", "everything", START)
    with pytest.raises(RuntimeError, match="broken off"), database.writing() as connection:
        audit.write(connection, actor, "resumed", "everything", START)
        raise RuntimeError("broken off")
    for change in (update(audit_table).values(who="nobody"), delete(audit_table)):
        with pytest.raises(DBAPIError, match="only ever added to"), database.writing() as connection:
            connection.execute(change)

    (line,) = lines(database)
    assert (line.action, line.actor) == ("paused", actor)


def test_the_log_is_searched(database: Database) -> None:
    """Given many lines, when some are asked for, then the latest of these come, the oldest of them first."""
    with database.writing() as connection:
        for hour in range(6):
            at = START + timedelta(hours=hour)
            actor = Actor(Way.PAGE, "mai" if hour % 2 else "huy_50%")
            audit.write(connection, actor, "task closed: done", f"task {hour}", at)
        connection.execute(insert(audit_table).values(at=START, way="api", who="shop", action="person erased"))
        assert len(connection.execute(select(audit_table.c.id)).all()) == 7

    def asked(**by: object) -> list[str | None]:
        with database.reading() as connection:
            return [one.on for one in audit.listed(connection, **by)]  # type: ignore[arg-type]

    assert asked(who="mai") == ["task 1", "task 3", "task 5"]
    assert asked(who="50%") == ["task 0", "task 2", "task 4"]
    assert asked(since=START + timedelta(hours=4)) == ["task 4", "task 5"]
    assert asked(action="person") == [None]
    assert asked(on="task 3", limit=1) == ["task 3"]
    assert asked(limit=2) == ["task 4", "task 5"]
