"""Pixels and redirects: they always answer, they lead only to what was signed, and no answered hit is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.support.web import SIGNING, client, living, web_house
from worker.delivery.tokens import Tokens
from worker.edges.web.recording import drain, waiting
from worker.storage.database import Database
from worker.storage.tables import hit

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
TARGET = "https://thecoffee.example/orders/A1?x=1&y=%C3%A1#top"
CHROME = {"User-Agent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/131.0.0.0 Mobile Safari/537.36"}
AWAY = "postgresql://phin@127.0.0.1:1/nowhere"


def hits(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(select(hit).order_by(hit.c.id)))


async def test_the_pixel_is_shown_and_counted(database: Database, tmp_path: Path) -> None:
    """Given a mail that is opened, then the picture comes, nobody keeps it, and the hit is committed."""
    house = web_house(database, tmp_path)
    async with living(house, "203.0.113.7") as web:
        answer = await web.get(f"/o/{TOKENS.open(12)}.gif", headers=CHROME)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "private, no-store, no-cache, max-age=0"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert len(answer.content) == 43
    (row,) = hits(database)
    assert (row.message_id, row.kind, row.link, row.at) == (12, "open", None, house.clock.now())
    assert row.user_agent == CHROME["User-Agent"]
    assert row._mapping["class"] is None
    assert "203.0.113.7" not in str(row._mapping)


@pytest.mark.parametrize("token", ["x", "x.gif", f"{TOKENS.unsubscribe(12)}.gif", "..gif", "%00"])
async def test_a_bad_token_shows_the_pixel_and_counts_nothing(
    sqlite_database: Database, tmp_path: Path, token: str
) -> None:
    """Given anything else, then the picture comes all the same."""
    async with living(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get(f"/o/{token}")
    assert (answer.status_code, len(answer.content)) == (200, 43)
    assert hits(sqlite_database) == []


async def test_head_counts_no_open(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a HEAD of the pixel, then its headers come, and nothing is counted."""
    async with living(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.head(f"/o/{TOKENS.open(12)}.gif")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert hits(sqlite_database) == []


async def test_a_click_leads_on_and_is_counted(database: Database, tmp_path: Path) -> None:
    """Given a link that is clicked, then the browser is sent exactly where the mail said, and the hit is committed."""
    async with living(web_house(database, tmp_path)) as web:
        answer = await web.get(f"/c/{TOKENS.click(12, 3, TARGET)}", headers={**CHROME, "Purpose": "prefetch"})
    assert answer.status_code == 302
    assert answer.headers["location"] == TARGET
    assert answer.headers["cache-control"] == "private, no-store, no-cache, max-age=0"
    (row,) = hits(database)
    assert (row.message_id, row.kind, row.link, row.url) == (12, "click", 3, TARGET)
    assert row.headers == {"purpose": "prefetch"}


async def test_a_head_of_a_link_is_kept_as_what_it_is(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a scanner's HEAD, then it is led on, and kept raw, so that it can be told from a person's click."""
    async with living(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.head(f"/c/{TOKENS.click(12, 3, TARGET)}")
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    assert hits(sqlite_database)[0].headers == {":method": "HEAD"}


@pytest.mark.parametrize(
    "token",
    [
        "x",
        TOKENS.open(12),
        TOKENS.unsubscribe(12),
        Tokens([b"a foreign secret"]).click(12, 3, TARGET),
        TOKENS.click(12, 3, TARGET)[:-1] + "A",
    ],
)
@pytest.mark.parametrize(("accepts", "words"), [("vi-VN,vi;q=0.9", "không dùng được"), ("en", "does not work")])
async def test_a_bad_link_leads_nowhere(
    sqlite_database: Database, tmp_path: Path, token: str, accepts: str, words: str
) -> None:
    """Given a link that was not made here, then a friendly page says so in the visitor's language."""
    async with living(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get(f"/c/{token}", headers={"Accept-Language": accepts})
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert words in answer.text
    assert 'href="https://thecoffee.example"' in answer.text
    assert hits(sqlite_database) == []


async def test_a_link_works_without_a_database_and_its_hit_is_read_back(database: Database, tmp_path: Path) -> None:
    """Given a database that is away, then pixel and link answer, and their hits are committed once it is back."""
    away = Database(AWAY)
    house = web_house(away, tmp_path)
    async with living(house) as web:
        click = await web.get(f"/c/{TOKENS.click(12, 3, TARGET)}", headers=CHROME)
        pixel = await web.get(f"/o/{TOKENS.open(12)}.gif", headers=CHROME)
    assert (click.status_code, click.headers["location"], pixel.status_code) == (302, TARGET, 200)
    assert waiting(house.spool)
    work = drain(house.spool, database, house.clock.now())
    assert not waiting(house.spool)
    kept = {(row.message_id, row.kind, row.link, row.url) for row in hits(database)}
    assert kept == {(12, "click", 3, TARGET), (12, "open", None, None)}
    assert set(work.hits) == {row.id for row in hits(database)}
    away.close()


async def test_a_link_does_not_wait_for_a_slow_database(database: Database, tmp_path: Path) -> None:
    """Given a database that somebody else keeps busy, then clicks lead on, are on the disk, and are kept once each."""
    house = web_house(database, tmp_path)
    async with living(house) as web:
        with database.writing() as connection:
            if not database.is_sqlite:
                connection.execute(text("LOCK TABLE hit IN EXCLUSIVE MODE"))
            answers = [await web.get(f"/c/{TOKENS.click(12, 3, TARGET)}", headers=CHROME) for _ in range(2)]
            on_disk = b"".join(path.read_bytes() for path in house.spool.iterdir())
            assert hits(database) == []
        assert {answer.status_code for answer in answers} == {302}
        assert on_disk.count(TARGET.encode()) == 2
    assert len(hits(database)) == 2
    assert list(house.spool.iterdir()) == []


async def test_where_not_even_the_disk_takes_it_the_link_still_leads_on(tmp_path: Path) -> None:
    """Given neither database nor spool, then the click leads on all the same."""
    away = Database(AWAY)
    house = web_house(away, tmp_path)
    house.spool.write_text("a file stands where the folder should be")
    async with client(house) as web:
        answer = await web.get(f"/c/{TOKENS.click(12, 3, TARGET)}", headers=CHROME)
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    away.close()


async def test_the_same_client_is_told_within_a_day_only(sqlite_database: Database, tmp_path: Path) -> None:
    """Given two hits of one client on one day and a third on the next, then only the first two have the same hash."""
    house = web_house(sqlite_database, tmp_path)
    async with living(house) as web:
        for move in (timedelta(0), timedelta(hours=1), timedelta(days=1)):
            house.clock.move(move)
            await asyncio.sleep(0.01)  # the clock is looked at once a millisecond
            await web.get(f"/o/{TOKENS.open(12)}.gif", headers=CHROME)
    first, second, third = (row.ip_hash for row in hits(sqlite_database))
    assert first == second != third


async def test_an_endless_user_agent_is_cut(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a user agent of many thousand characters, then its beginning is kept."""
    async with living(web_house(sqlite_database, tmp_path)) as web:
        await web.get(f"/o/{TOKENS.open(12)}.gif", headers={"User-Agent": "x" * 9_000})
    assert hits(sqlite_database)[0].user_agent == "x" * 400


async def test_workers_are_told_of_opens_at_once_and_of_clicks_when_they_can_be_classed(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Given an open and a click, then the open is told at once, and the click a little over two seconds later."""
    house = web_house(sqlite_database, tmp_path)
    async with living(house) as web:
        await web.get(f"/c/{TOKENS.click(12, 3, TARGET)}", headers=CHROME)
        await web.get(f"/o/{TOKENS.open(12)}.gif", headers=CHROME)
        for _ in range(500):
            if len(house.queue.all().hits) == 2:
                break
            await asyncio.sleep(0.01)
    kinds = {row.id: row.kind for row in hits(sqlite_database)}
    assert [kinds[number] for number in house.queue.all().hits] == ["open", "click"]
