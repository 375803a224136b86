"""`GET /v1/coupons/CODE`: what a checkout learns of a code; and the first page's word on pools that run dry."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select

from tests.edges.test_web_home import words
from tests.edges.test_web_signin import sign_in
from tests.support.shop import START, Shop
from tests.support.web import KEY, client, web_house
from worker.domain.staff import Person, Staff
from worker.edges.web.openapi_coupons import COUPON
from worker.storage import pools
from worker.storage.coupons import Terms
from worker.storage.database import Database
from worker.storage.tables import coupon

pytestmark = pytest.mark.anyio

GIVING = "trigger: signup\nsteps: [{coupon: hello, percent: 10%, expires: 7 days}]"


async def ask(web: httpx.AsyncClient, code: str, key: str | None = KEY) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return await web.get(f"/v1/coupons/{quote(code, safe='')}", headers=headers)


def made(shop: Shop) -> Any:
    """Have a customer sign up, and return the coupon."""
    shop.publish(giving=GIVING)
    shop.send("signup")
    with shop.database.reading() as connection:
        return connection.execute(select(coupon)).one()


async def test_only_a_key_opens_it(sqlite_database: Database, tmp_path: Path) -> None:
    """Given no key, then the answer is 401, whether there is such a code or not."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await ask(web, "NONE", key=None)
    assert answer.status_code == 401


async def test_a_code_of_a_customer_is_told(database: Database, tmp_path: Path) -> None:
    """Given a code that was made, typed in small letters, then the checkout learns its terms, and that it is good."""
    shop = Shop(database)
    row = made(shop)
    house = web_house(database, tmp_path)
    house.clock.set(shop.now + timedelta(days=1))
    async with client(house) as web:
        answer = await ask(web, row.code.lower())
        unknown = [await ask(web, code) for code in ("NONE", "a/b", "\0", "é" * 300)]
    assert answer.status_code == 200
    assert answer.json() == {
        "code": row.code,
        "coupon": "hello",
        "valid": True,
        "percent": 10.0,
        "amount": None,
        "currency": None,
        "expires_at": "2027-03-08T16:59:59+00:00",
        "customer": "c1",
        "redeemed_at": None,
        "order": None,
    }
    assert set(answer.json()) == set(COUPON["required"]) == set(COUPON["properties"])
    assert [one.status_code for one in unknown] == [404] * 4
    assert unknown[0].json() == {"error": "no coupon has this code"}


async def test_a_code_is_good_until_it_is_over_or_redeemed(database: Database, tmp_path: Path) -> None:
    """Given a code whose time is over, or one that an order carried, then it is not good any more."""
    shop = Shop(database)
    row = made(shop)
    house = web_house(database, tmp_path)
    async with client(house) as web:
        seen = []
        for at in (row.expires_at - timedelta(seconds=1), row.expires_at):
            house.clock.set(at)
            seen.append((await ask(web, row.code)).json()["valid"])
        shop.send("purchase", order={"number": "A1", "total": 1, "coupon": row.code})
        house.clock.set(shop.now)
        redeemed = (await ask(web, row.code)).json()
    assert seen == [True, False]
    assert (redeemed["valid"], redeemed["order"], redeemed["redeemed_at"]) == (False, "A1", START.isoformat())


@pytest.mark.parametrize(
    ("left", "language", "said"),
    [
        (0, "en", "hello no code left Journeys wait for a code, and try again every hour. Load more:"),
        (1, "en", "hello 1 code left Once it is empty, journeys wait. Load more:"),
        (2, "vi", "hello còn 2 mã Khi hết mã, các hành trình sẽ phải đợi. Nạp thêm mã:"),
        (50, "en", None),
    ],
)
async def test_the_first_page_tells_of_a_pool_that_runs_dry(
    sqlite_database: Database, tmp_path: Path, left: int, language: str, said: str | None
) -> None:
    """Given a pool that a flow draws from with few codes left, then the first page says so, and what to do."""
    house = web_house(sqlite_database, tmp_path)
    house.staff = lambda: Staff(people={"hoa": Person("hoa", "Hoa", "hoa@thecoffee.example", "en")})
    shop = Shop(sqlite_database)
    shop.publish(giving=GIVING)
    with sqlite_database.writing() as connection:
        pools.load(connection, "hello", [f"C-{number}" for number in range(left)], Terms(), shop.now)
        pools.load(connection, "hello", ["OLD"], Terms(expires_at=shop.now), shop.now)
        pools.load(connection, "of_no_flow", ["X"], Terms(), shop.now)
    async with client(house) as web:
        await sign_in(web, house)
        answer = await web.get(f"/?lang={language}")
    if said is None:
        assert "phin coupons load" not in words(answer)
    else:
        assert f"{said} phin coupons load hello FILE" in words(answer)
