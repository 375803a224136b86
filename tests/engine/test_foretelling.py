"""What is foretold of customers: for all at night, at once after an order, read by conditions, and by triggers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select

from tests.support.finding import ClockShop
from tests.support.shop import LAN, Shop
from worker.domain.repurchase import Model, predict
from worker.edges.nightly import is_due
from worker.engine.fitting import fit_anew
from worker.engine.foretelling import foretell_all
from worker.storage import predictions
from worker.storage.database import Database
from worker.storage.tables import customer, journey

MODEL = Model(1.2, 40.0, 0.8, 4.0)


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def people(shop: Shop, count: int) -> None:
    """Write buyers straight into the table, as years of orders would have left them."""
    dice = random.Random(5)
    rows = []
    for number in range(count):
        age, orders = dice.randrange(30, 700), dice.choice([1, 1, 1, 2, 3, 5])
        recency = dice.randrange(1, age) if orders > 1 else 0
        first = shop.now - timedelta(days=age)
        rows.append(
            {
                "external_id": f"p{number}",
                "created_at": first,
                "updated_at": first,
                "orders_count": orders,
                "first_order_at": first,
                "last_order_at": first + timedelta(days=recency),
            }
        )
    with shop.database.writing() as connection:
        connection.execute(insert(customer), rows)


def test_all_buyers_are_foretold_by_what_was_fitted(shop: Shop) -> None:
    """Given a shop with buyers, and customers who never bought, when the model is fitted and everyone foretold, then
    each buyer has what the model says, nobody else has anything, and done again nothing changes."""
    people(shop, 2_500)
    shop.send("signup")
    fitted = fit_anew(shop.database, shop.now)
    assert fitted.model is not None and fitted.buyers == 2_500
    seen: list[int] = []
    assert foretell_all(shop.database, (), shop.now, seen.append).changed == 2_500
    assert seen[-1] == 2_500 and len(seen) > 1
    with shop.database.reading() as connection:
        for one in predictions.buyers(connection, 0, 50):
            assert one.first is not None and one.last is not None
            said = predict(fitted.model, one.orders, one.first, one.last, shop.now)
            assert one.alive == pytest.approx(said.alive)
            assert one.next_order_at == said.next_order_at
        unsaid = select(func.count()).where(customer.c.orders_count == 0, customer.c.alive.is_not(None))
        assert connection.execute(unsaid).scalar_one() == 0
    assert foretell_all(shop.database, (), shop.now).changed == 0


def test_too_few_buyers_are_not_foretold(shop: Shop) -> None:
    """Given a new shop, when it is tried, then nobody is foretold, and a later order changes nothing of that."""
    people(shop, 20)
    assert fit_anew(shop.database, shop.now).model is None
    assert foretell_all(shop.database, (), shop.now).changed == 0
    shop.buy("A1")
    with shop.database.reading() as connection:
        assert connection.execute(select(func.count(customer.c.alive))).scalar_one() == 0


def test_an_order_foretells_its_customer_anew(shop: Shop) -> None:
    """Given a model, when a customer orders twice, then they are foretold at once; a condition sees it, and once the
    order is refunded there is nothing to foretell by."""
    with shop.database.writing() as connection:
        predictions.keep(connection, MODEL, 500, shop.now)
    shop.publish(keen="trigger: purchase\nwhen: customer.alive >= 0.5\nsteps: [{exit: done}]")
    shop.buy("A1")
    shop.wait("30 days")
    first = shop.now - timedelta(days=30)
    shop.buy("A2")
    with shop.database.reading() as connection:
        row = connection.execute(select(customer.c.alive, customer.c.predicted_next_order_at)).one()
    said = predict(MODEL, 2, first, shop.now, shop.now)
    assert (row.alive, row.predicted_next_order_at) == (pytest.approx(said.alive), said.next_order_at)
    assert len(shop.journeys()) == 2
    for number in ("A1", "A2"):
        shop.send("order.cancelled", order={"number": number})
    with shop.database.reading() as connection:
        assert tuple(connection.execute(select(customer.c.alive, customer.c.predicted_next_order_at)).one()) == (
            None,
            None,
        )


def test_a_flow_is_timed_by_the_foretold_order(database: Database) -> None:
    """Given a flow three days before the foretold next order, when that day comes, then the customer enters, once."""
    shop = ClockShop(database)
    with shop.database.writing() as connection:
        predictions.keep(connection, MODEL, 500, shop.now)
    shop.publish(
        again='trigger: {date: customer.predicted_next_order_at, offset: -3 days, at: "09:00"}\nsteps: [{exit: told}]'
    )
    shop.tick()
    shop.buy("A1", customer=LAN)
    with shop.database.reading() as connection:
        foretold = connection.execute(select(customer.c.predicted_next_order_at)).scalar_one()
    assert foretold is not None
    entered: list[datetime] = []
    while shop.now < foretold + timedelta(days=2):
        shop.now += timedelta(hours=6)
        shop.tick()
        with shop.database.reading() as connection:
            entered = list(connection.execute(select(journey.c.turn_at)).scalars())
    (moment,) = entered
    local = foretold.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date() - timedelta(days=3)
    assert moment.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date() == local


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2027-03-01T12:00", True),
        ("2027-03-01T03:10", "2027-03-01T12:00", False),
        ("2027-02-28T12:00", "2027-03-01T02:59", False),
        ("2027-02-28T12:00", "2027-03-01T03:00", True),
        ("2027-02-27T02:00", "2027-03-01T02:00", True),
    ],
)
def test_it_is_done_once_a_night(last: str | None, now: str, due: bool) -> None:
    """Given when it was last done, when the clock asks, then it is due from three in the morning on, once a day."""

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert is_due(None if last is None else at(last), at(now), ZoneInfo("UTC")) is due
