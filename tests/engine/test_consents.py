"""Words about consent as they reach the house: by events, by the link in a mail, late, dated ahead, all at once."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.shop import LAN, START, YES, Shop
from worker.delivery.unsubscribing import Refusal, unsubscribe
from worker.domain.customers import Purpose
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import address, customer, event


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _marketing(shop: Shop) -> str:
    with shop.database.reading() as connection:
        return str(connection.execute(select(address.c.marketing)).scalar_one())


def _at(shop: Shop, **ahead: int) -> str:
    return (shop.now + timedelta(**ahead)).isoformat()


def test_a_refusal_after_a_consent_that_is_dated_ahead(shop: Shop) -> None:
    """Given a shop whose zone is wrong by seven hours, when a refusal comes an hour after the yes, then it holds."""
    shop.send("signup", LAN | {"consent": YES}, time=_at(shop, hours=7))
    shop.now += timedelta(hours=1)
    shop.send("unsubscribed")
    assert _marketing(shop) == "unsubscribed"


def test_a_refusal_after_a_consent_whose_at_is_ahead(shop: Shop) -> None:
    """Given a yes anew whose own date lies ahead, when a refusal comes after it, then it holds."""
    shop.send("subscribed", LAN | {"consent": YES | {"at": _at(shop, hours=20)}})
    shop.now += timedelta(hours=1)
    shop.send("unsubscribed")
    assert _marketing(shop) == "unsubscribed"


def test_a_profile_after_one_that_is_dated_ahead(shop: Shop) -> None:
    """Given a name in an event dated ahead, when the next event brings another, then the other one holds."""
    shop.send("signup", LAN | {"name": "Lan"}, time=_at(shop, hours=20))
    shop.now += timedelta(hours=1)
    shop.send("signup", LAN | {"name": "Nguyễn Lan"})
    with shop.database.reading() as connection:
        assert connection.execute(select(customer.c.name)).scalar_one() == "Nguyễn Lan"


def test_an_event_without_an_effect_on_consent_says_so(shop: Shop) -> None:
    """Given a refusal, when a purchase repeats yes, then its row says that another word stands."""
    shop.send("unsubscribed")
    shop.buy("A1")
    with shop.database.reading() as connection:
        notes = connection.execute(select(event.c.reason).order_by(event.c.id)).scalars().all()
    assert notes[0] is None
    assert notes[1] is not None
    assert "consent to marketing unchanged" in notes[1]


def test_a_refusal_is_not_overwritten_by_a_first_yes_in_flight(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a first yes that is being written, when a refusal comes meanwhile, then the refusal holds."""
    shop = Shop(postgres_database)
    shop.send("signup", {"id": "c1", "email": "lan@example.com"})
    _, yes = shop.receive({"id": "y", "type": "signup", "time": _at(shop), "customer": {"id": "c1", "consent": YES}})
    holding, looked, go = consent.hold, threading.Event(), threading.Event()

    def slowly(*given: Any) -> Any:
        found = holding(*given)
        if threading.current_thread().name == "slow":
            looked.set()
            go.wait(10)
        return found

    monkeypatch.setattr(consent, "hold", slowly)
    slow = threading.Thread(target=lambda: shop.process(yes), name="slow")
    slow.start()
    assert looked.wait(10)
    shop.now += timedelta(seconds=1)
    refusing = threading.Thread(target=lambda: shop.send("unsubscribed", {"email": "lan@example.com"}))
    refusing.start()
    refusing.join(0.2)  # enough for it to look, if nothing kept it
    go.set()
    slow.join(10)
    refusing.join(10)
    assert _marketing(shop) == "unsubscribed"


# hours: a purchase's yes, a no, a yes said anew, and our own link used
WORDS = st.fixed_dictionaries(
    {},
    optional={name: st.integers(1, 9) for name in ("purchase", "unsubscribed", "subscribed", "link")},
).filter(lambda said: len(set(said.values())) == len(said))


def _tell(shop: Shop, kind: str, hours: int, person: dict[str, Any], mail: int) -> None:
    at = START + timedelta(hours=hours)
    if kind == "link":
        work = unsubscribe(shop.database, Refusal(mail, at, "page"), shop.now)
    else:
        told: dict[str, Any] = {"id": f"{kind}-{person['id']}", "type": kind, "time": at.isoformat()}
        if kind == "purchase":
            told["order"] = {"number": person["id"], "total": 1, "lines": []}
            person = person | {"consent": YES}
        _, work = shop.receive(told | {"customer": person})
    shop.process(work)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=WORDS)
def test_consent_is_the_same_however_words_arrive(sqlite_database: Database, said: dict[str, int]) -> None:
    """Given words by purchase, refusal, `subscribed` and link, when they arrive in any order, then one consent."""
    shop, outcomes = Shop(sqlite_database), set()
    shop.publish(hello="kind: transactional\ntrigger: signup\nsteps: [{send: welcome}]")
    for order in permutations(said):
        name, shop.now = uuid4().hex, START
        person = {"id": name, "email": f"{name}@example.com"}
        shop.send("signup", person, id=name)
        mail = shop.messages()[-1]
        shop.now = START + timedelta(hours=10)
        for kind in order:
            _tell(shop, kind, said[kind], person, mail.id)
        with shop.database.reading() as connection:
            outcomes.add(consent.known(connection, person["email"], Purpose.MARKETING).state)
    assert len(outcomes) == 1
