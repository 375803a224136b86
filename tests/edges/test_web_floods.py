"""Floods: who asks too often waits, nobody else does; nothing that bears a proof is refused for where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from starlette.requests import Request
from starlette.routing import Route

from tests.edges.test_web_signin import sign_in
from tests.support.ledger import add_customer, queue
from tests.support.web import KEY, OTHER_KEY, SIGNING, WebHouse, client, post, purchase, web_house
from worker.delivery.tokens import Tokens, Use
from worker.domain.messages import Kind
from worker.domain.staff import Person, Staff
from worker.edges.web.app import build_app
from worker.edges.web.rate_limit import RateLimit, retry_after
from worker.edges.web.strangers import network_of
from worker.storage.database import Database
from worker.storage.tables import event, message

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
FEW = {"strangers_per_minute": 5, "link_per_minute": 10}
HOA = Person("hoa", "Trần Thị Hoa", "hoa@thecoffee.example", "vi")
ATTACKER, OTHER = "203.0.113.66", "198.51.100.7"


def house_of(database: Database, var: Path, **settings: object) -> WebHouse:
    house = web_house(database, var, flows=var / "flows", templates=var / "templates", limits=FEW, **settings)
    house.staff = lambda: Staff(people={HOA.key: HOA})
    return house


def mail(database: Database) -> int:
    """Return the number of a mail that was sent."""
    with database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email="lan@example.com")
        (number,) = queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
        sent = {"state": "sent", "email": "lan@example.com", "language": "vi"}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
    return number


# The limit itself


def test_a_window_s_worth_comes_at_once_and_then_its_rate() -> None:
    """Given five requests a second, then five pass at once, the sixth is told when to come, and others are not kept."""
    now = [100.0]
    limit = RateLimit(5, clock=lambda: now[0])
    assert [limit.wait("shop") for _ in range(5)] == [0.0] * 5
    assert limit.peek("shop") == limit.wait("shop") == pytest.approx(0.2)
    assert limit.wait("till") == limit.peek("till") == 0.0
    now[0] += 0.2
    assert limit.wait("shop") == 0.0
    now[0] += 3600
    assert [limit.wait("shop") for _ in range(6)].count(0.0) == 5


@given(
    count=st.integers(1, 50),
    window=st.sampled_from([1.0, 60.0]),
    steps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 60)), max_size=30),
)
def test_nobody_gets_more_than_their_share_and_nobody_less(
    count: int, window: float, steps: list[tuple[float, int]]
) -> None:
    """Given requests at any times, then over the whole of it no more pass than a window's worth and the rate since;
    who waits as long as they were told passes; and what was asked is what is told without counting."""
    now, passed, start = 1_000.0, 0, 1_000.0
    limit = RateLimit(count, window, clock=lambda: now)
    for pause, tries in steps:
        now += pause * window
        for _ in range(tries):
            told = limit.peek("one")
            assert limit.wait("one") == pytest.approx(told, abs=1e-6)
            passed += told == 0.0
        assert passed <= count + (now - start) * count / window + 1e-3
    now += limit.peek("one")
    assert limit.wait("one") == 0.0


def test_the_memory_has_an_end_whoever_asks() -> None:
    """Given a million addresses, then no more are remembered than may be; who floods in between is still held."""
    now = [0.0]
    limit = RateLimit(5, 60.0, remembered=1_000, clock=lambda: now[0])
    for number in range(1_000_000 // 100):
        for other in range(100):
            limit.wait((number, other))
        limit.wait("flood")
    assert len(limit) <= 2_000
    assert limit.wait("flood") > 0
    now[0] += 121
    limit.wait("later")
    assert len(limit) == 1, "who was quiet for a window is forgotten"


@pytest.mark.parametrize(("seconds", "told"), [(0.001, "1"), (1.0, "1"), (1.01, "2"), (59.3, "60")])
def test_retry_after_is_whole_seconds(seconds: float, told: str) -> None:
    """Given a wait, then it is told in whole seconds, at least one, and never too few."""
    assert retry_after(seconds) == told


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", True),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("unknown", "unknown", True),
        (":not-an-address", ":not-another", False),
        ("x" * 64 + "1", "x" * 64 + "2", True),  # whatever a proxy names, so much of it is kept
    ],
)
def test_an_attacker_has_one_network_not_its_addresses(one: str, other: str, same: bool) -> None:
    """Given addresses of IPv6, then those that one customer of a provider has count as one."""
    networks = [network_of(Request({"type": "http", "client": (host, 1), "headers": []})) for host in (one, other)]
    assert (networks[0] == networks[1]) is same
    assert network_of(Request({"type": "http", "client": None, "headers": []})) is None


# Keys


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/events"),
        ("POST", "/v1/stock"),
        ("GET", "/v1/backlog"),
        ("GET", "/v1/coupons/X"),
        ("GET", "/v1/customers/c1"),
        ("DELETE", "/v1/customers/c1"),
    ],
)
async def test_guessing_keys_ends_in_429_and_a_good_key_goes_on(
    sqlite_database: Database, tmp_path: Path, method: str, path: str
) -> None:
    """Given wrong keys from one address, then they are told to wait; the shop at the same address, and a wrong key at
    another, are answered as ever; over all endpoints it is one count."""
    house = house_of(sqlite_database, tmp_path)
    async with client(house, ATTACKER) as web:
        wrong = [
            await web.request(method, path, headers={"Authorization": f"Bearer guess-{number}"}) for number in range(4)
        ]
        wrong.append(await web.get("/v1/backlog"))
        assert [one.status_code for one in wrong] == [401] * 5
        assert all(one.headers["www-authenticate"] == 'Bearer realm="phin"' for one in wrong)
        held = await web.request(method, path, headers={"Authorization": "Bearer guess-5"})
        assert held.status_code == 429
        assert 1 <= int(held.headers["retry-after"]) <= 12
        assert "error" in held.json()
        good = await web.request(method, path, headers={"Authorization": f"Bearer {KEY}"})
        assert good.status_code not in (401, 429)
    async with client(house_of(sqlite_database, tmp_path), OTHER) as web:
        assert (await web.request(method, path)).status_code == 401


async def test_a_key_is_held_to_its_rate_over_all_endpoints(sqlite_database: Database, tmp_path: Path) -> None:
    """Given more requests of a key in a second than may be, then 429 says when to go on, another key's pass, and what
    was answered 202 is there."""
    house = house_of(sqlite_database, tmp_path, intake={"requests_per_second": 3})
    async with client(house) as web:
        bearer = {"Authorization": f"Bearer {KEY}"}
        assert (await post(web, purchase(1))).status_code == 202
        assert (await web.get("/v1/backlog", headers=bearer)).status_code == 200
        assert (await web.get("/v1/coupons/X", headers=bearer)).status_code == 404
        answers = [await post(web, purchase(number)) for number in range(2, 5)]
        held = [one for one in answers if one.status_code == 429]
        assert held and all(one.headers["retry-after"] == "1" for one in held)
        assert (await post(web, purchase(9), key=OTHER_KEY)).status_code == 202
    taken = sum(one.status_code == 202 for one in answers)
    with sqlite_database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(event)).scalar_one() == 2 + taken


# Pages


@pytest.mark.parametrize("path", ["/", "/docs", "/s/guess", "/c/guess", "/u/guess", "/t/guess", "/nothing", "/signout"])
async def test_strangers_are_held_and_who_has_a_link_is_not(
    sqlite_database: Database, tmp_path: Path, path: str
) -> None:
    """Given a stranger who asks too often, then they wait; at the same address a reader unsubscribes, a staff member
    signs in and goes on, clicks lead on, and a load balancer is answered."""
    number = mail(sqlite_database)
    house = house_of(sqlite_database, tmp_path)
    async with client(house, ATTACKER) as web:
        answers = [await web.request("POST" if path == "/signout" else "GET", path) for _ in range(5)]
        assert 429 not in [one.status_code for one in answers]
        held = await web.post(path)
        assert held.status_code == 429
        assert int(held.headers["retry-after"]) >= 1
        assert held.headers["content-security-policy"].startswith("default-src 'none'")
        assert "set-cookie" not in held.headers
        refused = await web.post(f"/u/{TOKENS.unsubscribe(number)}", data={"List-Unsubscribe": "One-Click"})
        assert refused.status_code == 200
        click = await web.get(f"/c/{TOKENS.click(number, 1, 'https://thecoffee.example/a')}")
        assert click.headers["location"] == "https://thecoffee.example/a"
        assert (await web.get("/healthz")).status_code == (await web.get("/readyz")).status_code == 200
        assert (await sign_in(web, house)).status_code == 303
        assert [(await web.get("/")).status_code for _ in range(8)] == [200] * 8


async def test_a_page_in_the_visitor_s_language_says_to_wait(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a flood, then people read it in their language, and programs get JSON."""
    async with client(house_of(sqlite_database, tmp_path), ATTACKER) as web:
        for _ in range(5):
            await web.get("/")
        english = await web.get("/", headers={"Accept-Language": "en"})
        vietnamese = await web.get("/", headers={"Accept-Language": "vi"})
        document = await web.get("/openapi.json")
    assert "<h1>Too many requests at once</h1>" in english.text
    assert "<h1>Có quá nhiều yêu cầu cùng lúc</h1>" in vietnamese.text
    assert (document.status_code, list(document.json())) == (429, ["error"])


NPS = {"nps": {"scale": "nps", "question": {"vi": "?", "en": "?"}}}
LINKS: dict[str, Callable[[int], str]] = {
    "u": TOKENS.unsubscribe,
    "y": lambda number: TOKENS.page(Use.CONFIRM, number),
    "p": lambda number: TOKENS.page(Use.PREFERENCES, number),
    "v": lambda number: TOKENS.page(Use.VIEW, number),
    "a": lambda number: TOKENS.survey(number, "nps"),
    "t": lambda number: TOKENS.task(number, "hoa"),
    "s": lambda number: TOKENS.staff("hoa", datetime(2027, 3, 1, number, tzinfo=UTC)),
}


@pytest.mark.parametrize("family", LINKS)
async def test_one_link_is_held_and_others_go_on(sqlite_database: Database, tmp_path: Path, family: str) -> None:
    """Given somebody who has a mail and floods with one of its links, then that link waits, and no other does."""
    first, second = (f"/{family}/{LINKS[family](number)}" for number in (mail(sqlite_database), 2))
    async with client(house_of(sqlite_database, tmp_path, surveys=NPS), ATTACKER) as web:
        asked = [(await web.get(first)).status_code for _ in range(11)]
        assert 429 not in asked[:10] and asked[10] == 429
        assert (await web.post(first)).status_code in (405, 429)
        assert (await web.get(second)).status_code != 429


def test_every_link_of_a_mail_has_its_limit(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the routes that a token opens, then the test above knows them all; clicks are answered before."""
    routes = [route.path for route in build_app(house_of(sqlite_database, tmp_path)).routes if isinstance(route, Route)]
    assert {path[1] for path in routes if path.endswith("/{token}")} == {*LINKS, "c"}


async def test_a_mail_program_unsubscribes_thousands_from_one_address(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Given the servers of a mail program that pass on the clicks of its users, then each refusal is taken."""
    async with client(house_of(sqlite_database, tmp_path), OTHER) as web:
        for number in range(1, 60):
            answer = await web.post(f"/u/{TOKENS.unsubscribe(number)}", data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
