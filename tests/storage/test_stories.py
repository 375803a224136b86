"""What `phin why` has to tell: entered or not, and of every event what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.shop import LAN, Shop
from worker.domain.setting_groups import Shop as ShopSettings
from worker.edges.telling import tell
from worker.engine import processing
from worker.engine.failing import TRIES
from worker.storage import customers, stories
from worker.storage.database import Database
from worker.storage.flows import set_paused
from worker.storage.stories import Story
from worker.storage.tables import event_trace

WELCOME = "trigger: signup\nsteps: [{send: welcome}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _story(shop: Shop) -> Story:
    with shop.database.reading() as connection:
        person = customers.by_external_id(connection, "c1")
        assert person is not None
        return stories.story(connection, person, {})


def _told(shop: Shop) -> str:
    lines = tell(_story(shop), ShopSettings(), shop.now)
    return "\n".join("".join(text for text, _ in line) for line in lines)


def _pause(shop: Shop, name: str | None, paused: bool) -> None:
    with shop.database.writing() as connection:
        set_paused(connection, name, paused, shop.now)


@pytest.mark.parametrize("name", ["welcome", None], ids=["the flow", "everything"])
def test_an_event_during_a_pause_is_told_of(shop: Shop, name: str | None) -> None:
    """Given a live flow, when an event comes while it is paused, then afterwards the story says why nobody entered."""
    shop.publish(welcome=WELCOME, draft=f"status: draft\n{WELCOME}", other="trigger: purchase\nsteps: [{send: a}]")
    _pause(shop, name, True)
    shop.send("signup")
    _pause(shop, name, False)
    assert shop.journeys() == []
    with shop.database.reading() as connection:
        said = connection.execute(select(event_trace.c.flows)).scalar_one()
    assert said == [{"flow": "welcome", "version": 1, "reason": "paused"}]
    assert "it was paused" in _told(shop)


def _fail(*_: Any) -> Any:
    raise RuntimeError("cannot be done")


@pytest.mark.parametrize("person", [LAN, {"email": "lan@example.com"}], ids=["by id", "by address"])
def test_an_event_that_could_not_be_processed_is_told_of(
    shop: Shop, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an event that fails each time, when the story is told, then it waits at first, and is set aside."""
    shop.send("signup", LAN)
    whole = {"id": "p", "type": "signup", "time": shop.now.isoformat(), "customer": person}
    work = shop.receive(whole)[1]
    shop.receive(whole | {"id": "q", "customer": {"id": "c2", "email": "lan@example.com"}})
    monkeypatch.setattr(processing, "record", _fail)
    assert [one.state for one in _story(shop).events] == ["processed", "received"]
    for _ in range(TRIES):
        shop.process(work)
        shop.now += timedelta(minutes=2)
    states = [(one.state, one.note) for one in _story(shop).events]
    assert states == [("processed", None), ("refused", "RuntimeError: cannot be done")]
    assert "set aside, it could not be processed: RuntimeError: cannot be done" in _told(shop)
