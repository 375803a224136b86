"""`GET /v1/backlog`: what is due and not done yet, and when the next thing falls due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from tests.support.ledger import queue
from tests.support.shop import START, Shop
from tests.support.web import KEY, client, post, purchase, web_house
from worker.engine.finding import Finding
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook
from worker.storage.tables import message

pytestmark = pytest.mark.anyio

WAITING = """
trigger: signup
steps:
  - wait: 2 days
  - send: welcome
"""


async def ask(web: httpx.AsyncClient, key: str | None = KEY) -> httpx.Response:
    return await web.get("/v1/backlog", headers={} if key is None else {"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("key", [None, "wrong"])
async def test_only_a_key_opens_it(sqlite_database: Database, tmp_path: Path, key: str | None) -> None:
    """Given no key or a wrong one, then the answer is 401 and says how to send it."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await ask(web, key)
    assert answer.status_code == 401
    assert "Bearer KEY" in answer.json()["error"]


async def test_what_came_in_is_due_until_it_is_done(database: Database, tmp_path: Path) -> None:
    """Given events that nobody has processed, then they are due; given none, then nothing is, and nothing follows."""
    house = web_house(database, tmp_path)
    async with client(house) as web:
        idle = (await ask(web)).json()
        await post(web, [purchase(1), purchase(2)])
        busy = (await ask(web)).json()
    assert (idle["idle"], idle["in_hand"], idle["next_at"]) == (True, 0, None)
    assert not any(idle["due"].values())
    assert (busy["idle"], busy["due"]["events"]) == (False, 2)


async def test_it_tells_when_the_next_thing_falls_due(database: Database, tmp_path: Path) -> None:
    """Given a journey that waits two days and a mail held until tomorrow, then tomorrow is next.

    While something is due, nothing is said of later; once the mail is out of the way, the journey is next.
    """
    shop = Shop(database)
    shop.publish(waiting=WAITING)
    shop.send("signup")
    tomorrow = START + timedelta(days=1)
    with database.writing() as connection:
        queue(connection, "held")
        connection.execute(update(message).values(not_before=tomorrow, flow="waiting"))
    house = web_house(database, tmp_path)
    async with client(house) as web:
        first = (await ask(web)).json()
        house.clock.set(tomorrow)
        second = (await ask(web)).json()
        with database.writing() as connection:
            connection.execute(update(message).values(state="sent"))
        third = (await ask(web)).json()
        house.clock.set(START + timedelta(days=2))
        fourth = (await ask(web)).json()
    assert (first["idle"], datetime.fromisoformat(first["next_at"])) == (True, tomorrow)
    assert (second["due"]["messages"], second["idle"], second["next_at"]) == (1, False, None)
    assert (third["idle"], datetime.fromisoformat(third["next_at"])) == (True, START + timedelta(days=2))
    assert (fourth["due"]["journeys"], fourth["idle"]) == (1, False)


OFFER = """
trigger: {schedule: "0 9 5 * *"}
steps:
  - wait: 60 days
"""


async def test_a_turn_of_the_clock_is_due_until_it_is_worked_through(database: Database, tmp_path: Path) -> None:
    """Given an offer on the 5th, then that morning is next; it is due when it has come, and not once it is done."""
    shop = Shop(database)
    shop.publish(offer=OFFER)
    shop.send("signup")
    the_fifth = datetime(2027, 3, 5, 2, 0, tzinfo=UTC)
    house = web_house(database, tmp_path)
    async with client(house) as web:
        before = (await ask(web)).json()
        now = house.clock.set(the_fifth + timedelta(minutes=1))
        come = (await ask(web)).json()
        Finding(database, FlowBook(), shop.settings).run(now)
        entered = (await ask(web)).json()
        shop.now = now
        shop.step()
        done = (await ask(web)).json()
    assert (before["due"]["turns"], datetime.fromisoformat(before["next_at"])) == (0, the_fifth)
    assert (come["due"]["turns"], come["idle"]) == (1, False)
    assert (entered["due"]["turns"], entered["due"]["journeys"]) == (0, 1)
    assert done["idle"]
    assert datetime.fromisoformat(done["next_at"]) == the_fifth.replace(month=4)
