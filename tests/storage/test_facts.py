"""The past that is loaded is as much as the asking expressions look at, and no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from tests.support.shop import START, Shop
from worker.domain.conditions.asking import did
from worker.domain.conditions.calls import Did
from worker.domain.facts import EventsOf, Facts, Need, Needs, ShopFacts
from worker.domain.journeys import Journey, JourneyState
from worker.storage import customers, facts
from worker.storage.database import Database
from worker.storage.facts import Asking
from worker.storage.tables import event

SHOP = ShopFacts("Phin", "Asia/Ho_Chi_Minh", "vi", "VND")
TYPES = st.sampled_from(["product.viewed", "cart.updated"])
ASKED = st.builds(
    Did,
    TYPES,
    st.none() | st.just("journey") | st.integers(1, 8).map(lambda days: timedelta(days=days)),
    st.integers(1, 4),
)
HAPPENED = st.tuples(TYPES, st.integers(0, 10), st.sampled_from([None, "A1", "A2"]))


def _put(database: Database, told: list[tuple[str, int, str | None]]) -> None:
    with database.writing() as connection:
        connection.execute(delete(event).where(event.c.source == "past"))
        rows: list[dict[str, Any]] = [
            {"source": "past", "external_id": str(i), "type": kind, "occurred_at": START - timedelta(days=days)}
            | {"received_at": START, "content_hash": "", "payload": {"data": {"sku": "AR-250"}}, "customer_id": 1}
            | {"state": "processed", "order_number": number}
            for i, (kind, days, number) in enumerate(told)
        ]
        if rows:
            connection.execute(event.insert(), rows)


def _load(database: Database, needs: Needs, began: datetime | None) -> Facts:
    with database.reading() as connection:
        person = customers.by_external_id(connection, "c1")
        assert person is not None
        of = None
        if began is not None:
            of = Journey(1, "f", 1, person.id, "ever", JourneyState.WAITING, began, order_number="A1")
        return facts.load(connection, Asking(person, needs, journey=of), SHOP, START)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(HAPPENED, max_size=12),
    asked=st.lists(ASKED, min_size=1, max_size=3),
    began=st.none() | st.integers(0, 10),
)
def test_what_is_loaded_answers_as_the_whole_past_would(
    database: Database, told: list[tuple[str, int, str | None]], asked: list[Did], began: int | None
) -> None:
    """Given some past, when did() is asked of what was loaded for it, then it says what it says of everything."""
    shop = Shop(database)
    with database.reading() as connection:
        known = customers.by_external_id(connection, "c1")
    if known is None:
        shop.send("signup", {"id": "c1"})
    _put(database, told)
    since = None if began is None else START - timedelta(days=began)
    needs = Needs(EventsOf(one.event, one.within, one.at_least) for one in asked)
    some, everything = _load(database, needs, since), _load(database, Needs({Need.EVENTS}), since)
    assert [did(one, some) for one in asked] == [did(one, everything) for one in asked]
    assert all(happening in everything.history.events for happening in some.history.events)


def test_of_a_long_past_only_what_counts_is_loaded(database: Database) -> None:
    """Given a hundred views over a hundred days, when three in a week are asked for, then three are loaded."""
    Shop(database).send("signup", {"id": "c1"})
    _put(database, [("product.viewed", days, None) for days in range(100)])
    loaded = _load(database, Needs({EventsOf("product.viewed", timedelta(days=7), 3)}), None)
    assert [happening.at for happening in loaded.history.events] == [START - timedelta(days=d) for d in (2, 1, 0)]
    assert _load(database, Needs({EventsOf("cart.updated")}), None).history.events == ()
    assert _load(database, Needs(), None).history.events == ()
