"""`POST /v1/events`: every answer that a shop can get, and that what is answered 202 is committed."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import json
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.web import KEY, OTHER_KEY, client, post, purchase, web_house
from worker.domain.work import Work
from worker.engine.rush import Rush
from worker.storage.database import Database
from worker.storage.tables import event

pytestmark = pytest.mark.anyio


def count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(event)).scalar_one())


@pytest.mark.parametrize(
    ("body", "headers", "accepted"),
    [
        (json.dumps(purchase()), {}, 1),
        (json.dumps(purchase()), {"Content-Type": "application/x-www-form-urlencoded"}, 1),
        (json.dumps([purchase(number) for number in range(1_000)]), {"Content-Type": "application/json"}, 1_000),
        ("\n".join(json.dumps(purchase(number)) for number in range(3)), {"Content-Type": "application/x-ndjson"}, 3),
        (gzip.compress(json.dumps([purchase(1), purchase(2)]).encode(), mtime=0), {"Content-Encoding": "gzip"}, 2),
        ("[]", {}, 0),
    ],
    ids=["one", "as curl sends it", "a thousand", "lines", "packed", "none"],
)
async def test_what_is_answered_202_is_committed_and_told(
    database: Database, tmp_path: Path, body: str | bytes, headers: dict[str, str], accepted: int
) -> None:
    """Given events in each form, when the answer comes, then their rows are there, and the workers are told."""
    house = web_house(database, tmp_path)
    async with client(house) as web:
        answer = await post(web, body, headers=headers)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": accepted, "duplicates": 0, "refused": []}
    assert count(database) == accepted
    for _ in range(200):
        if len(house.queue.all().events) == accepted:
            break
        await asyncio.sleep(0.01)
    assert len(house.queue.all().events) == accepted


async def test_a_mixed_batch_is_told_item_by_item(database: Database, tmp_path: Path) -> None:
    """Given new, repeated, contradicting and faulty events, then each is counted, and its fault told."""
    async with client(web_house(database, tmp_path)) as web:
        await post(web, [purchase(1), purchase(2)])
        mixed = [purchase(3), purchase(1), purchase(2, data={"a": 1}), purchase(4, custmer={}), 5]
        answer = await post(web, mixed)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "duplicates": 1,
        "refused": [
            {
                "index": 2,
                "id": "e2",
                "field": "id",
                "error": "was already received with other content; nothing was changed",
            },
            {"index": 3, "id": "e4", "field": "custmer", "error": "is not known; did you mean 'customer'?"},
            {"index": 4, "id": None, "field": "", "error": "must be an object"},
        ],
    }
    assert count(database) == 3


async def test_a_broken_line_is_refused_alone(sqlite_database: Database, tmp_path: Path) -> None:
    """Given lines of which one is broken, then the others are accepted."""
    body = f'{json.dumps(purchase(1))}\n{{"id": \n{json.dumps(purchase(2))}'
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = (await post(web, body, headers={"Content-Type": "application/x-ndjson"})).json()
    assert answer["accepted"] == 2
    assert [(one["index"], one["id"]) for one in answer["refused"]] == [(1, None)]
    assert "line 2" in answer["refused"][0]["error"]


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", KEY, f"Bearer {KEY}x", "Bearer ë"]
)
async def test_without_a_known_key_nothing_is_taken(
    sqlite_database: Database, tmp_path: Path, authorization: str | None
) -> None:
    """Given no key or a wrong one, then the answer is 401, says how to send it, and nothing was read."""
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.post("/v1/events", json=purchase(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert count(sqlite_database) == 0


async def test_the_keys_name_is_the_source(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the same id by two keys, then they are two events, each with its key's name."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        await post(web, purchase())
        assert (await post(web, purchase(), key=OTHER_KEY)).json()["accepted"] == 1
    with sqlite_database.reading() as connection:
        assert set(connection.execute(select(event.c.source)).scalars()) == {"shop", "till"}


async def test_a_body_of_which_nothing_can_be_read(sqlite_database: Database, tmp_path: Path) -> None:
    """Given broken JSON, then the answer is 400 and says where."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await post(web, '{"id": "1",\n "type": }')
    assert answer.status_code == 400
    assert (answer.json()["line"], answer.json()["column"]) == (2, 10)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long(sqlite_database: Database, tmp_path: Path, announced: bool) -> None:
    """Given more bytes than are taken, announced or not, then the answer is 413, and the rest is not read."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1_000):
            read += 10_000
            yield b" " * 10_000

    async with client(web_house(sqlite_database, tmp_path, intake={"body_limit": 50_000})) as web:
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Content-Length": "10000000"} if announced else {})
        answer = await web.post("/v1/events", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "50,000 bytes" in answer.json()["error"]
    assert read <= 100_000


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"[" + b" " * 10_000_000 + b"]", mtime=0), "gzip", 413),
        (gzip.compress(b"[]", mtime=0)[:-4], "gzip", 400),
        (b"[]", "gzip", 400),
        (zlib.compress(b"[]"), "deflate", 415),
        (b"[]", "br", 415),
    ],
    ids=["too much", "broken off", "not packed", "deflate", "br"],
)
async def test_packed_bodies_have_the_same_limits(
    sqlite_database: Database, tmp_path: Path, body: bytes, encoding: str, status: int
) -> None:
    """Given a body that unpacks to too much, breaks off, or is packed in another way, then it is refused."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await post(web, body, headers={"Content-Encoding": encoding})
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_too_many_events_in_one_request(sqlite_database: Database, tmp_path: Path) -> None:
    """Given more events than are taken at a time, then none is, and the answer says how many may come."""
    async with client(web_house(sqlite_database, tmp_path, intake={"batch_limit": 3})) as web:
        answer = await post(web, [purchase(number) for number in range(4)])
    assert answer.status_code == 413
    assert "at most 3" in answer.json()["error"]
    assert count(sqlite_database) == 0


async def test_too_many_requests(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a key that asks too often, then it is told when to go on, and other keys are not kept waiting."""
    async with client(web_house(sqlite_database, tmp_path, intake={"requests_per_second": 2})) as web:
        answers = [await post(web, "[]") for _ in range(3)]
        other = await post(web, "[]", key=OTHER_KEY)
    assert answers[0].status_code == 202
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert other.status_code == 202


async def test_while_the_database_is_away_nothing_is_accepted(tmp_path: Path) -> None:
    """Given no database, then the answer is 503 with a time to try again, and says that sending again is safe."""
    away = Database("postgresql://phin@127.0.0.1:1/nowhere")
    async with client(web_house(away, tmp_path)) as web:
        answer = await post(web, purchase())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "send it again" in answer.json()["error"]
    away.close()


async def test_many_at_once_are_each_told_their_own(database: Database, tmp_path: Path) -> None:
    """Given many requests at once that share events, then each event is accepted once, and each answer is its own."""
    async with client(web_house(database, tmp_path)) as web:
        answers = await asyncio.gather(*(post(web, [purchase(number), purchase(number // 2)]) for number in range(60)))
    results: list[dict[str, Any]] = [answer.json() for answer in answers]
    assert sum(result["accepted"] for result in results) == 60 == count(database)
    assert sum(result["duplicates"] for result in results) == 60
    assert not any(result["refused"] for result in results)


async def test_other_methods_and_addresses(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a GET, or another path under /v1, then the answer is JSON that says so."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        got, other = await web.get("/v1/events"), await web.post("/v1/event")
    assert (got.status_code, other.status_code) == (405, 404)
    assert got.headers["allow"] == "POST"
    assert "error" in got.json()
    assert "error" in other.json()


async def test_nothing_new_is_nothing_to_tell(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a repetition, then the workers are not told of anything."""
    house = web_house(sqlite_database, tmp_path)
    async with client(house) as web:
        await post(web, purchase())
        await post(web, purchase())
    await asyncio.sleep(0.05)
    assert house.queue.all() == Work(events=(1,))


@pytest.mark.parametrize(("requests", "rush"), [(1, False), (40, True)])
async def test_workers_see_when_more_comes_in_than_they_process(
    database: Database, tmp_path: Path, requests: int, rush: bool
) -> None:
    """Given batches of a hundred, then it is a rush to who processes events where they are many."""
    house = web_house(database, tmp_path)
    moment = time.time()
    house.precedence = Rush(tmp_path / "rush", 2, now=lambda: moment)
    async with client(house) as web:
        for number in range(requests):
            answer = await post(web, [purchase(100 * number + one) for one in range(100)])
            assert answer.status_code == 202
    slot, taken = tmp_path / "rush" / "slot-1", pytest.raises(BlockingIOError)
    slot.parent.mkdir(exist_ok=True)
    with house.precedence.processing(), slot.open("w") as another, taken if rush else nullcontext():
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert count(database) == 100 * requests
