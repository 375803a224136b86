"""A batch of journeys comes to the same as one journey after the other, whatever they do to their customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as on_event
from sqlalchemy import select

from tests.support.effects import SETTINGS
from tests.support.postgres import PostgresServer
from tests.support.shop import Shop
from worker.domain.advancing import Advance
from worker.domain.work import Work
from worker.storage import journeys as stored
from worker.storage.database import Database
from worker.storage.memory import MemoryDatabase
from worker.storage.tables import address, coupon, customer, event, journey, message, task, trace

WAITS = "trigger: signup\n%ssteps:\n  - wait: 1 day\n"
FLOWS = {
    "plain": WAITS % "" + "  - send: welcome\n  - wait: 2 days\n  - send: news\n",
    "leaves": WAITS % "exit: {when: customer.points < 1}\n" + "  - send: late\n",
    "adds": WAITS % "" + "  - add: {points: 1}\n  - if: customer.points > 1\n    then: [{tag: many}]\n",
    "adds_more": WAITS % "" + "  - add: {points: 2}\n",
    "waits_for_it": "trigger: signup\nsteps: [{wait: 30 days, until: customer.points >= 3}, {send: enough}]\n",
    "stops": WAITS % "" + "  - send: last\n  - suppress: enough\n  - send: never\n",
    "gives": WAITS % "" + "  - coupon: thanks\n    percent: 10%\n    expires: 30 days\n  - send: gift\n",
    "tells": WAITS % "" + "  - emit: ping\n  - send: told\n",
    "hears": "trigger: {event: ping}\nsteps: [{send: heard}]\n",
    "gives_out": WAITS % "" + "  - task: Call {{ customer.name }}\n  - wait: 1 day\n",
    "forks": WAITS % ""
    + '  - if: customer.name == "Lan"\n    then: [{send: to-lan}, {send: again}]\n    else: [{exit: not Lan}]\n',
}
TABLES = (customer, address, event, journey, trace, message, task)
NAMES = ("Lan", "Hoa", "Mai")
BY_CHANCE = {
    "id",
    "made_at",
    "code",
    "look_again",
}  # of a coupon, whose code is drawn; ids of what is written by others


def played(shop: Shop, *, together: bool) -> dict[str, list[Any]]:
    """Have everybody enter and go on for a week, what is due at once or one by one; return all rows."""
    shop.publish(**FLOWS)
    for name in NAMES:
        shop.send("signup", {"id": name, "email": f"{name}@example.com".lower(), "name": name})
    for _ in range(7):
        shop.now += timedelta(days=1)
        due = shop.due().journeys
        work = shop.reread(*due) if together else sum((shop.reread(number) for number in due), Work())
        shop.process(work)
        shop.reread(*work.journeys)
    with shop.database.reading() as connection:
        found = {
            table.name: [_plain(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in TABLES
        }
        found["coupon"] = [_plain(row) for row in connection.execute(select(coupon).order_by(coupon.c.journey_id))]
    return found


def _plain(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "look_again"}


def same(alone: dict[str, list[Any]], together: dict[str, list[Any]]) -> None:
    """Hold that both kept the same, but for codes that are drawn by chance."""
    for kept in (alone, together):
        for one in kept["coupon"]:
            one.pop("code")
        kept["trace"] = [one for one in kept["trace"] if one["kind"] != "coupon"]
        kept["message"].sort(key=lambda one: str(one["key"]))
        for one in kept["message"]:  # what is skipped at once has its number before the others of its batch
            one.pop("id")
    for table, rows in alone.items():
        assert together[table] == rows, table
    assert {row["step"] for row in alone["message"]} >= {"welcome", "news", "enough", "last", "never", "gift", "told"}
    assert {row["state"] for row in alone["journey"]} == {"done", "exited"}
    assert {row["reason"] for row in alone["journey"]} >= {"not Lan"}


def test_in_memory() -> None:
    """Given many flows that send, write, leave, stop and give, then due journeys come to the same at once and alone."""
    results = []
    for together in (False, True):
        database = MemoryDatabase()
        results.append(played(Shop(database, **SETTINGS), together=together))
        database.close()
    same(*results)


def test_on_postgresql(postgres_server: PostgresServer, _postgres_template: str) -> None:
    """Given the same on PostgreSQL, then it is the same."""
    results = []
    for together in (False, True):
        name = postgres_server.create_database(_postgres_template)
        shop = Shop(Database(postgres_server.url(name)), **SETTINGS)
        results.append(played(shop, together=together))
        shop.database.close()
        postgres_server.drop_database(name)
    same(*results)


def test_fifty_journeys_are_moved_by_as_many_statements_as_ten(postgres_database: Database) -> None:
    """Given more journeys that send a mail, then they take no more statements."""
    shop = Shop(postgres_database)
    shop.publish(plain=FLOWS["plain"])
    counts = []
    for start, many in ((0, 10), (100, 50)):
        for number in range(start, start + many):
            shop.send("signup", {"id": f"c{number}", "email": f"c{number}@example.com"})
        shop.now += timedelta(days=1)
        due = shop.due().journeys
        assert len(due) == many
        said: list[str] = []
        note = _noting(said)
        on_event.listen(postgres_database.engine, "before_cursor_execute", note)
        work = shop.reread(*due)
        on_event.remove(postgres_database.engine, "before_cursor_execute", note)
        assert len(work.messages) == many
        counts.append(len(said))
    assert counts[0] == counts[1] < 15


def _noting(said: list[str]) -> Callable[..., None]:
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    return note


def test_a_journey_that_has_ended_is_not_moved(database: Database) -> None:
    """Given a journey that ended since it was looked at, when it is to be moved with others, then none of them is."""
    shop = Shop(database)
    shop.publish(plain=FLOWS["plain"])
    for name in ("a", "b"):
        shop.send("signup", {"id": name})
    with database.reading() as connection:
        first, second = stored.by_id(connection, [1, 2]).values()
    with database.writing() as connection:
        stored.fail(connection, second.id, "it ended", shop.now)
    goes_on = Advance(first.state, "somewhere", shop.now)
    with pytest.raises(RuntimeError, match="ended by someone else"), database.writing() as connection:
        stored.move_all(connection, [(first, goes_on), (second, goes_on)], shop.now)
    assert [row.step for row in shop.journeys()] == [first.step, second.step]
