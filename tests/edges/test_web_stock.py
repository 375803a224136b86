"""`POST /v1/stock` and `phin stock`: what the shop has, and what flows do by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.shop import Shop
from tests.support.web import KEY, WebHouse, client, web_house
from worker.domain.stock import StockFault, StockWord, read_stock
from worker.edges.cli.commands import Commands
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.engine.stocking import take_stock
from worker.storage import stock
from worker.storage.database import Database
from worker.storage.memory import MemoryDatabase
from worker.storage.migrations import migrate
from worker.storage.tables import journey

pytestmark = pytest.mark.anyio

AT = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
AWAY = "postgresql://phin@127.0.0.1:1/nowhere"


async def tell(house: WebHouse, content: Any, key: str | None = KEY) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with client(house) as web:
        return await web.post(
            "/v1/stock", content=body, headers={"Authorization": f"Bearer {key}"} if key is not None else {}
        )


def out(database: Database) -> frozenset[str]:
    with database.reading() as connection:
        return stock.out_of_stock(connection)


async def test_the_latest_word_holds_in_whatever_order_words_come(database: Database, tmp_path: Path) -> None:
    """Given words of one article and of several, when an older one comes later, then the latest holds."""
    house = web_house(database, tmp_path)
    first = await tell(house, [{"sku": "AR-250", "quantity": 0}, {"sku": "RO-500", "available": False}])
    assert (first.status_code, first.json()) == (200, {"accepted": 2, "changed": 2, "refused": []})
    older = await tell(house, {"sku": "AR-250", "quantity": 9, "time": (AT - timedelta(hours=1)).isoformat()})
    assert older.json()["changed"] == 0
    assert out(database) == {"AR-250", "RO-500"}
    house.clock.move(timedelta(minutes=1))
    assert (await tell(house, {"sku": "AR-250", "quantity": 3})).json()["changed"] == 1
    assert out(database) == {"RO-500"}


async def test_what_cannot_be_taken_is_named_and_harms_no_other(database: Database, tmp_path: Path) -> None:
    """Given good and bad words, then the good ones hold and each bad one is told with its field."""
    house = web_house(database, tmp_path)
    answer = await tell(
        house, [{"sku": "AR-250", "quantity": 0}, {"sku": ""}, {"sku": "X"}, {"sku": "Y", "quantity": -1}, 7]
    )
    assert answer.status_code == 200 and answer.json()["accepted"] == 1
    assert [(one["index"], one["field"]) for one in answer.json()["refused"]] == [
        (1, "sku"),
        (2, ""),
        (3, "quantity"),
        (4, ""),
    ]
    assert out(database) == {"AR-250"}
    assert (await tell(house, [{"sku": "X"}])).status_code == 422
    assert (await tell(house, b"{not json")).status_code == 400
    assert (await tell(house, [{"sku": f"S{n}", "quantity": 1} for n in range(1001)])).status_code == 413
    assert (await tell(house, {"sku": "X", "quantity": 1}, key="not-the-key-of-the-shop")).status_code == 401


async def test_without_the_database_the_shop_is_asked_to_come_again(tmp_path: Path) -> None:
    """Given no database, then the answer says so and when to try again."""
    answer = await tell(web_house(Database(AWAY), tmp_path), {"sku": "X", "quantity": 1})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_who_waits_for_an_article_goes_on_when_it_is_back(database: Database) -> None:
    """Given a journey that waits until an article is there, when it comes in, then the journey looks and goes on."""
    shop = Shop(database)
    shop.publish(
        back="trigger: signup\nsteps:\n  - {wait: 30 days, until: 'in_stock(\"AR-250\")'}\n  - send: welcome",
        other="trigger: signup\nsteps:\n  - {wait: 30 days}\n  - send: thank-you",
    )
    with database.writing() as connection:
        take_stock(connection, shop.flowbook, [StockWord("AR-250", False, shop.now)])
    shop.send("signup")
    assert shop.messages() == []
    shop.wait("1 day")
    with database.writing() as connection:
        changed, work = take_stock(connection, shop.flowbook, [StockWord("AR-250", True, shop.now)])
    waiting = {row.id: row.flow for row in shop.journeys()}
    assert (changed, [waiting[number] for number in work.journeys]) == (1, ["back"])
    with database.reading() as connection:
        assert connection.execute(select(journey.c.look_again).where(journey.c.flow == "back")).scalar_one()
    shop.reread(*work.journeys)
    assert [row.step for row in shop.messages()] == ["welcome"]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.booleans(), st.integers(0, 5)), max_size=8), st.randoms())
def test_words_in_any_order_come_to_the_same(words: list[tuple[str, bool, int]], random: Any) -> None:
    """Given words of different moments, told in any order and portions, then what holds is the latest of each."""
    unique = {(sku, at): StockWord(sku, there, AT + timedelta(minutes=at)) for sku, there, at in words}
    told = list(unique.values())
    latest: dict[str, StockWord] = {}
    for word in sorted(told, key=lambda one: one.at):
        latest[word.sku] = word
    random.shuffle(told)
    database = MemoryDatabase()
    for word in told:
        with database.writing() as connection:
            stock.tell(connection, [word])
    assert out(database) == {sku for sku, word in latest.items() if not word.available}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=4))
def test_nothing_that_is_told_makes_it_stumble(value: Any) -> None:
    """Given anything, then it is a word or a fault with words."""
    for item in (value, {"sku": value, "quantity": 1}, {"sku": "A", "quantity": value}, {"sku": "A", "time": value}):
        read = read_stock(item, AT)
        assert isinstance(read, StockWord) or (isinstance(read, StockFault) and read.error)


def test_the_command_tells_and_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an article told of by hand, then the list has it; what cannot be taken is named."""
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: T}\n")
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    migrate(House(read_home({"PHIN_HOME": str(tmp_path)})).database)
    runner = CliRunner()

    def phin(*arguments: str) -> str:
        return runner.invoke(Commands(), ["stock", *arguments]).output

    assert "No article is out of stock" in phin()
    assert "AR-250 is out of stock now." in phin("tell", "AR-250", "0")
    assert "AR-250 is out of stock, as before." in phin("tell", "AR-250", "out")
    assert "AR-250" in phin() and json.loads(phin("--json"))[0]["available"] is False
    for wrong in ("maybe", "-3", "NaN", "1e99", ""):
        assert f"'{wrong}' is no QUANTITY: that is a number from 0, 'in' or 'out'" in phin("tell", "AR-250", wrong)
    assert "'' with '1' cannot be taken: sku is the article's SKU" in phin("tell", "", "1")
