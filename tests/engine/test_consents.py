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
from worker.domain.event_check import EventRules
from worker.domain.work import Work
from worker.engine.intake import take_in
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.events import OWN_SOURCE
from worker.storage.tables import address, customer, event, message


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


def _known(shop: Shop) -> list[str]:
    with shop.database.reading() as connection:
        return [consent.known(connection, "lan@example.com", one).state.value for one in Purpose]


def _lines(shop: Shop) -> list[tuple[str, str]]:
    with shop.database.reading() as connection:
        return [(one.purpose, one.line.state) for one in consent.lines(connection, "lan@example.com")]


def _says(shop: Shop, kind: str = "signup", **words: Any) -> Work:
    shop.now += timedelta(hours=1)
    return shop.send(kind, LAN | {"consent": words}, id=uuid4().hex)


def test_a_yes_to_tracking_waits_only_beside_one_to_marketing(database: Database) -> None:
    """Given double opt-in, when tracking alone is agreed to, then that counts as said: nobody would ever be asked."""
    shop = Shop(database, policy={"double_opt_in": True})
    _says(shop, marketing=False, tracking=True)
    assert _known(shop) == ["unsubscribed", "subscribed"]
    assert ("tracking", "pending") not in _lines(shop)


def test_a_yes_to_tracking_of_a_confirmed_customer_counts(database: Database) -> None:
    """Given marketing that was confirmed, when tracking is agreed to later, then it counts as said, with its event."""
    shop = Shop(database, policy={"double_opt_in": True})
    _says(shop, marketing=True, confirmed=True)
    _says(shop, "profile_updated", tracking=True)
    assert _known(shop) == ["subscribed", "subscribed"]
    with database.reading() as connection:
        assert consent.lines(connection, "lan@example.com")[-1].told.proof == {"event": 2}


def test_a_yes_to_both_waits_as_one(database: Database) -> None:
    """Given a yes to both, then both wait, also where the second comes later; what a record repeats stays open after
    the page was answered without it, and a yes said anew counts."""
    shop = Shop(database, policy={"double_opt_in": True})
    _says(shop, marketing=True)
    _says(shop, tracking=True)
    assert (_known(shop), _lines(shop)) == (["unknown"] * 2, [("marketing", "pending"), ("tracking", "pending")])
    _says(shop, marketing=True, confirmed=True)
    _says(shop, marketing=True, tracking=True)
    assert _known(shop) == ["subscribed", "unknown"]
    _says(shop, "subscribed", tracking=True)
    assert _known(shop) == ["subscribed", "subscribed"]


def _confirming(database: Database, **more: Any) -> Shop:
    return Shop(database, policy={"refusal_confirmed": True, **more})


@pytest.mark.parametrize("way", ["unsubscribed", "signup", "purchase", "staff"])
def test_a_refusal_is_confirmed_by_one_mail_whatever_its_way(database: Database, way: str) -> None:
    """Given a yes, when the shop reports a no twice, as an event or of its record, or staff do, then one mail says so,
    to the very address; another yes and no bring another."""
    shop = _confirming(database)
    words: list[Work] = []
    for round_ in (1, 2):
        shop.send("subscribed", LAN)
        for _ in range(2):
            if way == "staff":
                shop.now += timedelta(hours=1)
                item = {"id": str(uuid4()), "type": "unsubscribed", "time": shop.now.isoformat()}
                said = {"marketing": False, "source": "staff: mai"}
                rules = EventRules.of(shop.settings)
                _, work = take_in(database, [item | {"customer": LAN | {"consent": said}}], OWN_SOURCE, rules, shop.now)
                words.append(shop.process(work))
            else:
                order = {"order": {"number": f"A{shop.now:%d%H}", "total": 1}} if way == "purchase" else {}
                shop.now += timedelta(hours=1)
                words.append(shop.send(way, LAN | {"consent": {"marketing": False}}, **order))
        assert [len(one.messages) for one in words] == [1, 0] * round_
        shop.now += timedelta(hours=1)
    with database.reading() as connection:
        rows = connection.execute(select(message)).all()
    assert {(row.template, row.kind, row.email, row.state) for row in rows} == {
        ("refusal-confirmed", "transactional", "lan@example.com", "queued")
    }
    assert len(rows) == 2 and all(row.key.startswith("refusal:") for row in rows)


def test_what_ends_nothing_or_lies_in_the_past_is_not_confirmed(database: Database) -> None:
    """Given a box that was left unticked, a past that is loaded, a link's own refusal as its event comes in, or a shop
    that confirms none, then no mail says anything."""
    shop = _confirming(database)
    shop.send("signup", LAN | {"consent": {"marketing": False}})
    old = {"id": "c2", "email": "old@example.com"}
    shop.send("signup", old | {"consent": YES}, history=True)
    shop.send("unsubscribed", old, history=True)
    assert shop.messages() == []
    shop.publish(hello="kind: transactional\ntrigger: signup\nsteps: [{send: welcome}]")
    shop.send("signup", {"id": "c3", "email": "mai@example.com", "consent": YES})
    (mail,) = shop.messages()
    shop.process(unsubscribe(database, Refusal(mail.id, shop.now, "page"), shop.now, confirmed=True))
    assert [one.template for one in shop.messages()] == ["welcome", "refusal-confirmed"]
    silent = Shop(database)
    silent.now = shop.now + timedelta(hours=1)
    silent.send("subscribed", LAN, id="s1")
    silent.now += timedelta(hours=1)
    silent.send("unsubscribed", LAN, id="s2")
    assert len(silent.messages()) == 2


def test_an_unticked_box_refuses_where_advertising_would_go_or_a_yes_waits(database: Database) -> None:
    """Given advertising that goes to whoever did not refuse, or a yes that waits, then a no ends something."""
    shop = _confirming(database, marketing_consent="opt-out", double_opt_in=True)
    assert (
        len(shop.send("signup", {"id": "c2", "email": "mai@example.com", "consent": {"marketing": False}}).messages)
        == 1
    )
    shop = _confirming(database, double_opt_in=True)
    _says(shop, marketing=True)
    assert len(_says(shop, marketing=False).messages) == 1


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
