"""Segments kept: who comes in and goes out, by what changed and by time, and the flows that this starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.support.segments import Keeper
from tests.support.shop import LAN, YES, Shop
from worker.domain.conditions.values import Reading
from worker.domain.facts import Need
from worker.engine import segments as engine
from worker.engine.segments import Segments
from worker.engine.surroundings import Surroundings
from worker.storage import customers, facts, membership, segments
from worker.storage.database import Database
from worker.storage.flows import set_paused
from worker.storage.tables import customer

MAI = {"id": "c2", "email": "mai@example.com", "name": "Mai", "consent": YES}
FLOW = """
    trigger: {segment: NAME}
    steps: [{wait: 1 day}]
"""
REGULARS = "regulars: customer.orders_count >= 2\n"
LAPSED = "lapsed: days_since(customer.last_order_at) > 60\n"


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


@pytest.fixture
def keeper(shop: Shop) -> Keeper:
    return Keeper(shop)


def test_tags_of_an_event_put_customers_into_segments(shop: Shop, keeper: Keeper) -> None:
    """Given a segment by a tag, when events bring the tag, leave it out, and take it away, then it is followed."""
    keeper.publish("club: '\"coffee-club\" in customer.tags'\n")
    shop.buy("A1", customer={**LAN, "tags": ["coffee-club", "arabica"]})
    shop.buy("A2", customer=MAI)
    keeper.keep()
    assert keeper.members("club") == {"c1"}
    shop.buy("A3")
    keeper.keep()
    assert keeper.members("club") == {"c1"}
    shop.buy("A4", customer={**LAN, "tags": ["arabica"]})
    keeper.keep()
    assert keeper.members("club") == set()


def test_who_comes_in_by_an_order_enters_once(shop: Shop, keeper: Keeper) -> None:
    """Given a flow for regulars, when Lan orders a second time, then she enters it, and Mai with one order does not."""
    keeper.publish(REGULARS)
    shop.publish(thanks=FLOW.replace("NAME", "regulars"))
    shop.buy("A1")
    shop.buy("A2", customer=MAI)
    assert (keeper.keep(), keeper.members("regulars")) == (0, set())
    shop.buy("A3")
    assert (keeper.keep(), keeper.members("regulars")) == (1, {"c1"})
    shop.buy("A4")
    assert (keeper.keep(), keeper.marks()) == (0, 0)
    (journey,) = shop.journeys()
    ((_, told), *_) = shop.trace(journey.id)
    assert (journey.once_key, told["trigger"]) == ("ever", "segment regulars")


def test_who_comes_in_by_time_alone_enters_at_the_next_pass(shop: Shop, keeper: Keeper) -> None:
    """Given a flow for the lapsed, when 61 days pass after an order, then the hour's pass finds the customer, once."""
    keeper.publish(LAPSED)
    shop.publish(back=FLOW.replace("NAME", "lapsed"))
    shop.buy("A1")
    keeper.keep()
    shop.wait("60 days")
    assert (keeper.keep(), keeper.members("lapsed")) == (0, set())
    shop.wait("1 day")
    assert (keeper.keep(), keeper.members("lapsed")) == (1, {"c1"})
    assert keeper.keep() == 0


def test_a_pass_comes_once_an_hour_and_only_to_what_time_moves(shop: Shop, keeper: Keeper) -> None:
    """Given segments that were looked through, then nothing is to do until an hour later, and only for what moves."""
    keeper.publish(REGULARS + LAPSED)
    shop.now += timedelta(minutes=59)
    assert keeper.segments.turn(shop.now)[1] is False
    shop.now += timedelta(minutes=1)
    assert keeper.segments.turn(shop.now)[1] is True
    with shop.database.reading() as connection:
        passing = {row.name: row.pass_at for row in segments.all_segments(connection)}
    assert passing == {"regulars": None, "lapsed": shop.now}


def test_who_is_in_already_does_not_enter(shop: Shop, keeper: Keeper) -> None:
    """Given regulars when the segment is new, when the flow goes live or the segment is edited, then none enters."""
    for number in ("A1", "A2"):
        shop.buy(number)
        shop.buy(f"B{number}", customer=MAI)
    shop.buy("A3")
    shop.publish(thanks=FLOW.replace("NAME", "regulars"))
    assert keeper.publish("regulars: customer.orders_count >= 3\n") and keeper.members("regulars") == {"c1"}
    keeper.publish(REGULARS)
    assert keeper.members("regulars") == {"c1", "c2"}
    assert shop.journeys() == []
    shop.buy("C1", customer=LAN | {"id": "c3", "email": "c@example.com"})
    shop.buy("C2", customer=LAN | {"id": "c3", "email": "c@example.com"})
    assert keeper.keep() == 1


@pytest.mark.parametrize(("once", "entries"), [("", 1), ("once: per event", 2)])
def test_who_leaves_and_comes_again_enters_as_once_allows(shop: Shop, keeper: Keeper, once: str, entries: int) -> None:
    """Given a lapsed customer who buys and lapses again, then the flow is entered again only where it says so."""
    keeper.publish(LAPSED)
    shop.publish(back=f"trigger: {{segment: lapsed}}\n{once}\nsteps: [{{wait: 1 day}}]\n")
    for number in ("A1", "A2"):
        shop.buy(number)
        keeper.keep()
        assert keeper.members("lapsed") == set()
        shop.wait("61 days")
        keeper.keep()
        assert keeper.members("lapsed") == {"c1"}
    assert len(shop.journeys()) == entries


def test_the_flows_when_is_asked_too(shop: Shop, keeper: Keeper) -> None:
    """Given a flow for regulars in Vietnamese, then of two who come in only the one who reads it enters."""
    keeper.publish(REGULARS)
    shop.publish(thanks=FLOW.replace("NAME", "regulars") + '    when: customer.language == "vi"\n')
    for number in ("1", "2"):
        shop.buy(f"A{number}", customer=LAN | {"language": "vi"})
        shop.buy(f"B{number}", customer=MAI | {"language": "en"})
    assert (keeper.keep(), keeper.members("regulars")) == (1, {"c1", "c2"})


def test_history_starts_nothing(shop: Shop, keeper: Keeper) -> None:
    """Given orders of the past that are imported, then who belongs by them is a member and enters no flow."""
    keeper.publish(REGULARS + LAPSED)
    shop.publish(thanks=FLOW.replace("NAME", "regulars"), back=FLOW.replace("NAME", "lapsed"))
    long_ago = (shop.now - timedelta(days=90)).isoformat()
    for number in ("A1", "A2"):
        shop.buy(number, history=True, time=long_ago)
    assert keeper.marks() > 0
    shop.now += timedelta(hours=2)  # a pass is due, too
    assert keeper.keep() == 0
    assert keeper.members("regulars") == keeper.members("lapsed") == {"c1"}


def test_a_paused_flow_is_not_entered_later(shop: Shop, keeper: Keeper) -> None:
    """Given a flow that is paused while somebody comes in, when it goes on, then they do not enter afterwards."""
    keeper.publish(REGULARS)
    shop.publish(thanks=FLOW.replace("NAME", "regulars"))
    with shop.database.writing() as connection:
        set_paused(connection, "thanks", True, shop.now)
    shop.buy("A1")
    shop.buy("A2")
    assert keeper.keep() == 0
    with shop.database.writing() as connection:
        set_paused(connection, "thanks", False, shop.now)
    assert (keeper.keep(), keeper.members("regulars")) == (0, {"c1"})


def test_a_word_about_consent_reaches_all_who_have_the_address(shop: Shop, keeper: Keeper) -> None:
    """Given two customers with one address, when one unsubscribes, then both leave the segment of those who agreed."""
    keeper.publish("reachable: customer.consent\n")
    shop.send("signup")
    shop.send("signup", customer=LAN | {"id": "c9", "consent": None})
    keeper.keep()
    assert keeper.members("reachable") == {"c1", "c9"}
    shop.send("unsubscribed", customer={"id": "c1"})
    keeper.keep()
    assert keeper.members("reachable") == set()


def test_a_guest_who_turns_out_to_be_a_customer_is_in_no_segment(shop: Shop, keeper: Keeper) -> None:
    """Given a guest with orders, when the shop says who that is, then only the customer is a member."""
    keeper.publish(REGULARS)
    guest = {"email": "lan@example.com"}
    shop.buy("A1", customer=guest)
    shop.buy("A2", customer=guest)
    keeper.keep()
    assert keeper.members("regulars") == {None}
    shop.send("signup", customer={"id": "c1", "email": "other@example.com"})
    shop.send("signup", customer={"id": "c1", "email": "lan@example.com"})
    keeper.keep()
    assert keeper.members("regulars") == {"c1"}


def test_a_segment_that_is_gone_lets_its_members_go_and_can_still_be_read(shop: Shop, keeper: Keeper) -> None:
    """Given a journey that asks for a segment, when that is deleted, then nobody is kept in it, and the journey goes on
    as its version says."""
    keeper.publish(REGULARS)
    shop.publish(
        welcome='trigger: signup\nsteps:\n  - wait: 9 days\n    until: in_segment("regulars")\n  - exit: quick\n'
    )
    shop.send("signup")
    shop.buy("A1")
    keeper.keep()
    keeper.publish("other: customer.consent\n")
    shop.buy("A2")
    assert (keeper.keep(), keeper.members("regulars")) == (0, set())
    assert [journey.state for journey in shop.journeys()] == ["exited"]


def test_a_flow_may_ask_for_a_segment_at_its_door(shop: Shop, keeper: Keeper) -> None:
    """Given a flow for purchases of regulars, then the second order, by which Lan becomes one, enters."""
    keeper.publish(REGULARS + 'best: in_segment("regulars") and customer.total_spent > 800_000\n')
    shop.publish(thanks='trigger: purchase\nwhen: in_segment("best")\nsteps: [{wait: 1 day}]\n')
    for number in ("A1", "A2"):
        shop.buy(number)
    assert [journey.order_number for journey in shop.journeys()] == ["A2"]


def test_two_clocks_at_once_enter_each_customer_once(shop: Shop, keeper: Keeper) -> None:
    """Given two clocks that look at the same moment, then each customer comes in once, and enters once."""
    keeper.publish(REGULARS)
    shop.publish(thanks="trigger: {segment: regulars}\nonce: per event\nsteps: [{wait: 1 day}]\n")
    for who in range(20):
        for number in ("A", "B"):
            shop.buy(f"{number}{who}", customer={"id": f"k{who}", "email": f"k{who}@example.com"})
    others = [Segments(shop.database, shop.flowbook, shop.settings) for _ in range(3)]
    with ThreadPoolExecutor(len(others)) as pool:
        began = list(pool.map(lambda one: one.turn(shop.now)[0].journeys, others))
    assert sum(len(journeys) for journeys in began) == len(shop.journeys()) == 20
    assert len(keeper.members("regulars")) == 20


def test_passes_go_on_in_slices(shop: Shop, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more customers than a slice holds, then each turn looks at one slice, and a new keeper goes on there."""
    monkeypatch.setattr(engine, "SLICE", 4)
    for who in range(10):
        shop.send("signup", customer={"id": f"k{who}", "email": f"k{who}@example.com"})
    keeper.keep()
    keeper.publish_only("all: customer.orders_count == 0\n")
    seen = []
    for _ in range(5):
        Keeper(shop).segments.turn(shop.now)
        seen.append(len(keeper.members("all")))
    assert seen == [0, 4, 8, 10, 10]
    with shop.database.reading() as connection:
        (row,) = segments.all_segments(connection)
    assert (row.filled, row.pass_at, row.checked_at) == (True, None, shop.now)


def test_a_segment_that_cannot_be_asked_harms_only_itself(
    shop: Shop, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a segment of which the database fails, then the others are kept, and it is tried again an hour later."""
    shop.buy("A1")
    shop.buy("A2")
    ask = membership.differences

    def failing(connection: Connection, name: str, *rest: Any) -> Any:
        if name == "bad":
            raise ValueError("no")
        return ask(connection, name, *rest)

    monkeypatch.setattr(membership, "differences", failing)
    keeper.publish(REGULARS + "bad: customer.consent\n")
    assert keeper.members("regulars") == {"c1"}
    assert keeper.members("bad") == set()
    monkeypatch.undo()
    keeper.keep()
    assert keeper.members("bad") == set()
    shop.now += timedelta(hours=1)
    keeper.keep()
    assert keeper.members("bad") == {"c1"}


SEGMENTS = """
regulars: customer.orders_count >= 2
lapsed: days_since(customer.last_order_at) > 20
browsers: did("product.viewed", within="14 days", at_least=2) and not did("purchase", within="14 days")
classes: customer.rfm in ["new", "at-risk"]
fans: bought("arabica", within="40 days", at_least=2) or in_segment("regulars") and not in_segment("lapsed")
"""
DEEDS = st.lists(
    st.tuples(st.sampled_from(["buy", "view", "refund", "wait", "keep"]), st.integers(0, 2), st.integers(1, 30)),
    max_size=14,
)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS, edited=st.booleans())
def test_who_is_kept_is_who_belongs(shop: Shop, deeds: list[tuple[str, int, int]], edited: bool) -> None:
    """Given whatever customers do while time passes, then after the hour's pass those are kept for whom it holds."""
    keeper = Keeper(shop)
    keeper.publish(SEGMENTS.replace("> 20", "> 10") if edited else SEGMENTS)
    with shop.database.reading() as connection:
        count = connection.execute(customer.select()).all()
    for at, (deed, who, days) in enumerate(deeds):
        person = {"id": f"k{who}", "email": f"k{who}@example.com"}
        number = f"{shop.now.isoformat()}-{at}-{len(count)}"
        match deed:
            case "buy":
                shop.buy(number, customer=person)
                last = number
            case "view":
                shop.send("product.viewed", customer=person)
            case "refund" if any(done[0] == "buy" for done in deeds[:at]):
                shop.send("refund", customer=person, order={"number": last})
            case "wait":
                shop.now += timedelta(days=days)
            case "keep":
                keeper.keep()
    keeper.publish(SEGMENTS)
    shop.now += timedelta(hours=1)
    keeper.keep()
    assert {name: keeper.members(name) for name in keeper.read(SEGMENTS).segments} == _belonging(shop, keeper)


def _belonging(shop: Shop, keeper: Keeper) -> dict[str, set[str | None]]:
    conditions = {name: one.when for name, one in keeper.read(SEGMENTS).segments.items()}
    reading = Reading(conditions)
    with shop.database.reading() as connection:
        ids = list(connection.execute(customer.select()).scalars())
        people = customers.by_id(connection, ids).values()
        shop_facts = Surroundings.of(shop.settings).shop
        known = [facts.load(connection, facts.Asking(one, frozenset(Need)), shop_facts, shop.now) for one in people]
    return {
        name: {one.customer.external_id for one in known if reading.holds(when, one)}
        for name, when in conditions.items()
    }
