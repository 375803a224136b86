"""To which mail a purchase is credited: once, by coupon, click or open, whatever came first."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as listening
from sqlalchemy import insert, select, update

from tests.support.shop import LAN, YES, Shop
from tests.support.visitor import PHONE
from worker.delivery import hits as recording
from worker.delivery.hits import Hits
from worker.domain.attribution import USUAL, CreditedBy, Touch, credited
from worker.domain.hits import HitKind
from worker.storage import attribution, revenue
from worker.storage.database import Database
from worker.storage.hits import NewHit
from worker.storage.tables import coupon, credit, message

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
BAO = {"id": "c2", "email": "bao@example.com", "consent": YES}
FLOW = "trigger: signup\nsteps: [{send: welcome}]"
OTHER = "trigger: signup\nsteps: [{send: welcome-offer}]"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _sent(shop: Shop) -> list[int]:
    """Have what is queued be sent now; returns the numbers of all mails."""
    values = {"state": "sent", "sent_at": shop.now, "settled_at": shop.now}
    with shop.database.writing() as connection:
        connection.execute(update(message).where(message.c.state == "queued").values(**values))
    return [row.id for row in shop.messages()]


def _hit(shop: Shop, mail: int, kind: HitKind, *, agent: str = PHONE, classed: bool = True) -> list[int]:
    """Have the mail be looked at now; returns the hits, to be classed."""
    key = f"{mail}-{kind}-{shop.now}-{agent[-5:]}"
    link = 1 if kind is HitKind.CLICK else None
    opens, clicks = recording.record(shop.database, [NewHit(key, mail, kind, shop.now, link, user_agent=agent)])
    numbers = [*opens.hits, *clicks.hits]
    if classed:
        _class(shop, numbers)
    return numbers


def _class(shop: Shop, numbers: list[int]) -> None:
    Hits(shop.database).run(numbers, shop.now + timedelta(minutes=1))


def _credits(shop: Shop) -> dict[str, tuple[str, str | None, str]]:
    with shop.database.reading() as connection:
        rows = connection.execute(select(credit).order_by(credit.c.order_number)).all()
    return {row.order_number: (row.flow, row.step, row.by) for row in rows}


def _two_flows(shop: Shop) -> tuple[int, int]:
    """Have two flows write to Lan; returns their mails."""
    shop.publish(a=FLOW, b=OTHER)
    shop.send("signup")
    one, two = _sent(shop)
    shop.wait("1 hour")
    return one, two


def test_the_last_click_has_the_purchase(shop: Shop) -> None:
    """Given clicks in two mails and a later open of the first, when the customer buys, then the last clicked has it."""
    one, two = _two_flows(shop)
    _hit(shop, one, HitKind.CLICK)
    shop.wait("1 hour")
    _hit(shop, two, HitKind.CLICK)
    shop.wait("1 hour")
    _hit(shop, one, HitKind.OPEN)
    shop.wait("1 hour")
    shop.buy("A1")
    assert _credits(shop) == {"A1": ("b", "welcome-offer", "click")}


def test_without_a_click_the_last_open_has_it_a_proxys_too(shop: Shop) -> None:
    """Given opens only, one by the proxy that fetches pictures for its user, then the last one has the purchase."""
    one, two = _two_flows(shop)
    _hit(shop, two, HitKind.OPEN)
    shop.wait("1 hour")
    _hit(shop, one, HitKind.OPEN, agent=GMAIL)
    shop.buy("A1")
    assert _credits(shop) == {"A1": ("a", "welcome", "open")}


@pytest.mark.parametrize(
    ("kind", "span", "counts"),
    [
        (HitKind.CLICK, "7 days", True),
        (HitKind.CLICK, "169 hours", False),
        (HitKind.OPEN, "24 hours", True),
        (HitKind.OPEN, "25 hours", False),
    ],
)
def test_each_counts_within_its_window(shop: Shop, kind: HitKind, span: str, counts: bool) -> None:
    """Given a click or an open, when the purchase comes at the end of its window or after, then it counts, or not."""
    one, _ = _two_flows(shop)
    _hit(shop, one, kind)
    shop.wait(span)
    shop.buy("A1")
    opened = kind is HitKind.CLICK and counts  # who clicked has opened
    assert _credits(shop) == ({"A1": ("a", "welcome", "click" if opened else "open")} if counts else {})


def test_the_windows_are_settings(database: Database) -> None:
    """Given a click window of an hour, when the purchase comes later, then it is credited to nothing."""
    shop = Shop(database, attribution={"click_within": "1 hour", "open_within": "1 hour"})
    one, _ = _two_flows(shop)
    _hit(shop, one, HitKind.CLICK)
    shop.wait("2 hours")
    shop.buy("A1")
    assert _credits(shop) == {}


def test_machines_and_others_earn_nothing(shop: Shop) -> None:
    """Given a privacy proxy's open and another customer's click, when Lan buys, then nothing is credited."""
    one, two = _two_flows(shop)
    shop.send("signup", BAO)
    _sent(shop)
    _hit(shop, one, HitKind.OPEN, agent="Mozilla/5.0")
    bao = [row.id for row in shop.messages() if row.id not in (one, two)]
    _hit(shop, bao[0], HitKind.CLICK)
    shop.buy("A1")
    assert _credits(shop) == {}


@pytest.mark.parametrize("transactional", [False, True])
def test_a_mail_that_follows_from_an_order_earns_nothing_unless_asked(database: Database, transactional: bool) -> None:
    """Given a click in an order's confirmation, when the customer buys again, then the setting says what it earns."""
    shop = Shop(database, attribution={"transactional": transactional})
    shop.publish(c="trigger: purchase\nkind: transactional\nsteps: [{send: order-confirmation}]")
    shop.buy("A1")
    (mail,) = _sent(shop)
    shop.wait("1 hour")
    _hit(shop, mail, HitKind.CLICK)
    shop.buy("A2")
    assert _credits(shop) == ({"A2": ("c", "order-confirmation", "click")} if transactional else {})


def test_a_click_that_is_classed_after_the_purchase_counts_as_before(shop: Shop) -> None:
    """Given a click that nobody has classed yet, when the purchase is processed first, then it is credited later."""
    one, _ = _two_flows(shop)
    numbers = _hit(shop, one, HitKind.CLICK, classed=False)
    shop.wait("1 minute")
    shop.buy("A1")
    assert _credits(shop) == {}
    _class(shop, numbers)
    assert _credits(shop) == {"A1": ("a", "welcome", "click")}


def test_a_later_click_takes_nothing(shop: Shop) -> None:
    """Given a purchase credited to a mail, when the customer clicks in another one afterwards, then it stays."""
    one, two = _two_flows(shop)
    _hit(shop, one, HitKind.CLICK)
    shop.wait("1 hour")
    shop.buy("A1")
    shop.wait("1 hour")
    _hit(shop, two, HitKind.CLICK)
    assert _credits(shop) == {"A1": ("a", "welcome", "click")}


def test_the_mail_of_the_redeemed_coupon_has_it_before_any_click(shop: Shop) -> None:
    """Given one flow's code and a click in another's mail, when the code is redeemed, then its flow has it."""
    one, two = _two_flows(shop)
    travels = {row.id: row.journey_id for row in shop.messages()}
    with shop.database.writing() as connection:
        values = {"name": "hello", "code": "HELLO-1", "made_at": shop.now, "given_at": shop.now, "step": "coupon"}
        connection.execute(insert(coupon).values(journey_id=travels[one], turn=0, **values))
    _hit(shop, two, HitKind.CLICK)
    shop.wait("30 days")
    line = {"sku": "AR-250", "name": "Arabica", "category": "arabica", "quantity": 1, "price": 100}
    shop.send("purchase", order={"number": "A1", "total": 100, "coupon": "hello-1", "lines": [line]})
    shop.send("purchase", order={"number": "A2", "total": 100, "coupon": "hello-1", "lines": [line]})
    assert _credits(shop) == {"A1": ("a", "welcome", "coupon")}  # the first order redeemed it, the second did not


def test_said_again_nothing_changes_and_found_anew_it_is_the_same(shop: Shop) -> None:
    """Given credited purchases, when all are credited anew, in whatever slices, then nothing is another than before."""
    one, two = _two_flows(shop)
    _hit(shop, one, HitKind.CLICK)
    shop.buy("A1")
    shop.wait("1 hour")
    _hit(shop, two, HitKind.CLICK)
    shop.buy("A2")
    before = _credits(shop)
    assert len(before) == 2
    with shop.database.writing() as connection:
        numbers, upto = attribution.slices(connection, None) or ([], 0)
        assert sorted(numbers) == ["A1", "A2"]
        assert attribution.credit_orders(connection, numbers, USUAL) == {}
        assert attribution.slices(connection, None, upto) is None
    assert _credits(shop) == before


def test_a_customer_who_looked_at_nothing_costs_no_statement(shop: Shop) -> None:
    """Given a customer who never opened a mail, when they buy, then nobody asks for hits."""
    _two_flows(shop)
    asked: list[str] = []

    def note(_a: Any, _b: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    engine = shop.database.engine
    listening.listen(engine, "before_cursor_execute", note)
    try:
        shop.buy("A1")
    finally:
        listening.remove(engine, "before_cursor_execute", note)
    assert not [one for one in asked if "FROM hit" in one or "credit" in one]


_AT = datetime.fromisoformat("2027-03-10T12:00:00+00:00")
_TOUCHES = st.lists(
    st.builds(
        Touch,
        st.sampled_from(CreditedBy),
        st.timedeltas(timedelta(days=-10), timedelta(days=1)).map(lambda back: _AT + back),
        st.integers(1, 5),
        st.just(1),
    ),
    max_size=6,
)


@given(_TOUCHES)
def test_nothing_weaker_or_older_has_a_purchase(touches: list[Touch]) -> None:
    """Given any touches, then what a purchase is credited to counts, and none that counts is stronger or later."""
    found = credited(_AT, touches, USUAL)
    reach = {CreditedBy.CLICK: USUAL.click, CreditedBy.OPEN: USUAL.open}
    counting = [
        one for one in touches if one.by is CreditedBy.COUPON or (one.at <= _AT and one.at >= _AT - reach[one.by])
    ]
    assert (found is None) == (not counting)
    if found is not None:
        assert found in counting
        order = list(CreditedBy)
        for other in counting:
            assert order.index(found.by) <= order.index(other.by)
            assert found.by is not other.by or found.at >= other.at


def test_revenue_of_mails_flows_and_ways_follows_refunds_and_adds_up(shop: Shop) -> None:
    """Given purchases credited to mails on two ways of a flow, when one is refunded in part and one is cancelled, then
    mails, ways and flows are worth what is left, and together no more than was sold."""
    shop.publish(
        a="""
        trigger: signup
        steps:
          - if: customer.name == "Lan"
            then: [{send: welcome}]
            else: [{send: welcome-offer}]
        """,
        b="trigger: signup\nsteps: [{send: thank-you}]",
    )
    people = [LAN, BAO | {"name": "Bảo"}, BAO | {"id": "c3", "email": "chi@example.com", "name": "Chi"}]
    for one in people:
        shop.send("signup", one)
    mails = {row.customer_id: row.id for row in shop.messages() if row.flow == "a"}
    _sent(shop)
    shop.wait("1 hour")
    for number, (one, mail) in enumerate(zip(people, mails.values(), strict=True), 1):
        _hit(shop, mail, HitKind.CLICK)
        shop.buy(f"A{number}", 100_000 * number, customer=one)
    shop.send("refund", people[1], order={"number": "A2"}, data={"amount": 50_000})
    shop.send("order.cancelled", people[2], order={"number": "A3"})
    with shop.database.reading() as connection:
        flows = revenue.by_flow(connection)
        steps = revenue.by_step(connection, "a")
        ways = revenue.by_way(connection, "a")
        latest = revenue.latest(connection, 5)
        later = revenue.by_flow(connection, shop.now + timedelta(days=1))
    assert {name: (one.orders, one.amounts) for name, one in flows.items()} == {"a": (2, {"VND": Decimal(250_000)})}
    assert {name: one.amounts["VND"] for name, one in steps.items()} == {
        "welcome": Decimal(100_000),
        "welcome-offer": Decimal(150_000),
    }
    assert sorted((way, one.orders, one.amounts["VND"]) for (_, way), one in ways.items()) == [
        ("else", 1, Decimal(150_000)),
        ("then", 1, Decimal(100_000)),
    ]
    assert [(one.order_number, one.counted) for one in latest] == [("A1", True), ("A2", True), ("A3", False)]
    assert later == {}
