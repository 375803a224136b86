"""Processing and stepping at once: of a journey there is one decision at a time, and none is undone."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.support.shop import Shop
from worker.domain.advancing import Advance
from worker.domain.journeys import JourneyState
from worker.domain.work import Work
from worker.storage import journeys
from worker.storage.database import Database

FORK = """
    trigger: signup
    steps:
      - wait: 3 days
        until: did("product.viewed")
      - if: did("product.viewed")
        then: [{send: thank-you}]
        else: [{send: welcome}]
      - wait: 5 days
"""
END = """
    trigger: signup
    steps:
      - wait: 3 days
        until: did("product.viewed")
      - if: did("product.viewed")
        then: [{wait: 5 days}, {send: thank-you}]
"""


class Held:
    """Holds the first caller of a function where it has just been left, until it is let go."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        result = self._function(*arguments)
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(20)
        return result


@pytest.fixture(params=[FORK, END], ids=["fork", "end"])
def shop(request: pytest.FixtureRequest, postgres_database: Database) -> Shop:
    """A shop with a journey whose wait is over now."""
    shop = Shop(postgres_database)
    shop.publish(f=request.param)
    shop.send("signup")
    shop.now += timedelta(days=3)
    return shop


def _viewed(shop: Shop) -> Work:
    whole = {"id": "v", "type": "product.viewed", "time": shop.now.isoformat(), "customer": {"id": "c1"}}
    return shop.receive(whole)[1]


def _decisions(shop: Shop) -> list[str]:
    return [kind for kind, _ in shop.trace(1)]


def test_stepping_leaves_a_journey_that_processing_looks_at(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a wait that is over and the event that ends it early, when processing looks first, then it decides."""
    viewed = _viewed(shop)
    held = Held(journeys.under_way)
    monkeypatch.setattr(journeys, "under_way", held)
    first = threading.Thread(target=shop.process, args=[viewed])
    first.start()
    assert held.reached.wait(20)
    assert shop.step() == Work()
    held.go.set()
    first.join(20)
    assert _decisions(shop).count("fork") == 1
    assert shop.journeys()[0].state == "waiting"
    assert [step for _, step in shop.mails()] in (["thank-you"], [])


def test_processing_waits_for_a_journey_that_stepping_has(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the same, when stepping has the journey first, then processing sees where it went, and leaves it there."""
    held = Held(journeys.hold)
    monkeypatch.setattr(journeys, "hold", held)
    first = threading.Thread(target=shop.step)
    first.start()
    assert held.reached.wait(20)
    second = threading.Thread(target=shop.process, args=[_viewed(shop)])
    second.start()
    second.join(1)
    held.go.set()
    first.join(20)
    second.join(20)
    assert _decisions(shop).count("fork") == 1
    (row,) = shop.journeys()
    assert (row.state, [step for _, step in shop.mails()]) in (("waiting", ["welcome"]), ("done", []))


def test_a_decision_about_a_journey_that_moved_on_changes_nothing(shop: Shop) -> None:
    """Given a decision on where a journey stood, when it stands elsewhere by now, then it is not written."""
    with shop.database.reading() as connection:
        stale = journeys.by_id(connection, [1])[1]
    shop.step()
    (before,) = shop.journeys()
    with shop.database.writing() as connection:
        again = Advance(JourneyState.WAITING, stale.step, shop.now + timedelta(days=1))
        assert not journeys.move(connection, stale, again, shop.now)
    assert shop.journeys() == [before]
