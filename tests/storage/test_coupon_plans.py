"""What is asked of coupons while journeys run is a search by index on both databases, however many there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from tests.support.ledger import add_customer
from tests.support.plans import count_rows, plan, statements_of
from tests.support.shop import START
from worker.domain.journeys import Journey, JourneyState
from worker.storage import coupons, pools
from worker.storage.coupons import Terms
from worker.storage.database import Database
from worker.storage.tables import coupon, flow_version, journey

MANY = 4_000
JOURNEY = Journey(1, "f", 1, 1, "k", JourneyState.WAITING, START)


@pytest.fixture
def full(database: Database) -> Database:
    """A database with many codes: in pools, given, redeemed."""
    with database.writing() as connection:
        add_customer(connection)
        version = {"flow": "f", "number": 1, "meaning": "", "source": "", "published_at": START}
        connection.execute(flow_version.insert(), version)
        under_way = {"flow": "f", "version_id": 1, "customer_id": 1, "once_key": "k", "state": "waiting"}
        connection.execute(journey.insert(), under_way | {"entered_at": START})
        row = {"made_at": START, "loaded": True}
        waiting = [{**row, "name": f"pool{i % 4}", "code": f"W-{i}"} for i in range(MANY)]
        used = [{**row, "name": "pool1", "code": f"U-{i}", "redeemed_at": START} for i in range(MANY)]
        given = [
            {**row, "name": "pool1", "code": f"G-{i}", "loaded": i % 2 == 0, "given_at": START} for i in range(MANY)
        ]
        connection.execute(coupon.insert(), waiting)
        connection.execute(coupon.insert(), used)
        connection.execute(coupon.insert(), given)
        connection.execute(coupon.update().where(coupon.c.code == "G-7").values(customer_id=1))
    count_rows(database)
    return database


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: coupons.draw(connection, "pool1", JOURNEY, "s", Terms(), START),
        lambda connection: coupons.of_step(connection, JOURNEY, "s"),
        lambda connection: coupons.of_customers(connection, [1]),
        lambda connection: coupons.by_code(connection, ["W-7", "G-7"]),
        lambda connection: coupons.redeem(connection, 7, "A1", START),
        lambda connection: coupons.was_loaded(connection, "nothing"),
        lambda connection: pools.left(connection, "nothing", START, 50),
    ],
)
def test_coupons_are_found_by_index(full: Database, ask: Callable[[Connection], object]) -> None:
    """Given many coupons, then none of these reads them all."""
    for statement, parameters in statements_of(full, ask):
        lines = plan(full, statement, parameters)
        assert not [line for line in lines if "SCAN coupon" in line or "Seq Scan on coupon" in line], lines
