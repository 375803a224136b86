"""`/u/TOKEN`: looking changes nothing, posting unsubscribes at once, and no refusal is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from tests.support.ledger import add_customer, queue
from tests.support.web import SIGNING, WebHouse, client, web_house
from worker.delivery.tokens import Tokens
from worker.domain.customers import ConsentState, Purpose
from worker.domain.messages import Kind
from worker.edges.web import unsubscribe
from worker.edges.web.recording import drain, waiting
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import consent_change, event, message

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
AWAY = "postgresql://phin@127.0.0.1:1/nowhere"


def mail(database: Database, language: str = "vi") -> str:
    """Return the path at which the receiver of a sent mail unsubscribes."""
    with database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email="lan@example.com")
        (number,) = queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
        sent = {"state": "sent", "email": "lan@example.com", "language": language}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
    return f"/u/{TOKENS.unsubscribe(number)}"


def state(database: Database) -> ConsentState:
    with database.reading() as connection:
        return consent.known(connection, "lan@example.com", Purpose.MARKETING).state


def changes(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(select(consent_change)))


async def post(house: WebHouse, path: str, **more: Any) -> httpx.Response:
    async with client(house) as web:
        return await web.post(path, **more)


@pytest.mark.parametrize(("language", "words"), [("vi", "Ngừng nhận thư"), ("en", "Unsubscribe")])
async def test_looking_shows_one_button_and_changes_nothing(
    database: Database, tmp_path: Path, language: str, words: str
) -> None:
    """Given a mail, when its link is looked at, then a page in its language asks, and nothing changes."""
    path = mail(database, language)
    async with client(web_house(database, tmp_path)) as web:
        page = await web.get(path, headers={"Accept-Language": "de"})
        head = await web.head(path)
    assert (page.status_code, head.status_code, head.content) == (200, 200, b"")
    assert page.text.count("<button") == 1
    assert words in page.text
    assert f'<html lang="{language}">' in page.text
    assert "lan@example.com" not in page.text
    assert "set-cookie" not in page.headers
    assert state(database) is ConsentState.UNKNOWN
    assert changes(database) == []


@pytest.mark.parametrize(
    "more",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"\xff\x00 whatever", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
)
async def test_one_click_unsubscribes_at_once(database: Database, tmp_path: Path, more: dict[str, Any]) -> None:
    """Given a mail program's POST, urlencoded or multipart, then it is done, without a redirect, and reported."""
    house = web_house(database, tmp_path)
    answer = await post(house, mail(database), **more)
    assert answer.status_code == 200
    assert "Bạn đã ngừng nhận" in answer.text
    assert state(database) is ConsentState.UNSUBSCRIBED
    (change,) = changes(database)
    assert (change.source, change.wording, change.at) == ("unsubscribe: one-click", None, house.clock.now())
    with database.reading() as connection:
        (told,) = connection.execute(select(event)).all()
    assert (told.source, told.type) == ("phin", "unsubscribed")


async def test_the_pages_own_button_does_the_same_and_keeps_its_words(database: Database, tmp_path: Path) -> None:
    """Given our page's form, then the refusal is kept with its text, and answered in its language."""
    house = web_house(database, tmp_path)
    answer = await post(house, mail(database), data={**ONE_CLICK, "from": "page", "language": "en"})
    assert "You are unsubscribed" in answer.text
    (change,) = changes(database)
    assert change.source == "unsubscribe: page"
    assert change.wording == "Press the button, and The Coffee will send no more advertising to this address."


async def test_again_it_says_the_same(database: Database, tmp_path: Path) -> None:
    """Given a refusal, when it is posted again, then the page says that it is done, and nothing more is written."""
    house = web_house(database, tmp_path)
    path = mail(database)
    first, second = await post(house, path, data=ONE_CLICK), await post(house, path, data=ONE_CLICK)
    assert first.status_code == second.status_code == 200
    assert first.text == second.text
    assert len(changes(database)) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_bad_link_changes_nothing(sqlite_database: Database, tmp_path: Path, method: str) -> None:
    """Given a link that was not made here, or for another use, then a page says so."""
    mail(sqlite_database)
    async with client(web_house(sqlite_database, tmp_path)) as web:
        for token in ("x", TOKENS.open(1), Tokens([b"a foreign secret"]).unsubscribe(1)):
            answer = await web.request(method, f"/u/{token}", headers={"Accept-Language": "en"})
            assert answer.status_code == 404
            assert "This link does not work" in answer.text
    assert changes(sqlite_database) == []


async def test_without_a_database_the_refusal_is_kept_and_holds_later(database: Database, tmp_path: Path) -> None:
    """Given a database that is away, then the page asks, the POST is honest, the refusal holds later."""
    path = mail(database)
    away = Database(AWAY)
    house = web_house(away, tmp_path)
    async with client(house) as web:
        page = await web.get(path, headers={"Accept-Language": "en"})
        answer = await web.post(path, data=ONE_CLICK, headers={"Accept-Language": "en"})
    assert "Unsubscribe" in page.text
    assert answer.status_code == 200
    assert "takes effect as soon as it is back" in answer.text
    assert state(database) is ConsentState.UNKNOWN
    assert waiting(house.spool)
    work = drain(house.spool, database, house.clock.now())
    assert len(work.events) == 1
    assert state(database) is ConsentState.UNSUBSCRIBED
    assert not waiting(house.spool)
    away.close()


async def test_where_nothing_takes_it_the_page_says_so(tmp_path: Path) -> None:
    """Given neither database nor disk, then the page does not claim that it was done."""
    away = Database(AWAY)
    house = web_house(away, tmp_path)
    house.spool.write_text("a file stands where the folder should be")
    answer = await post(house, f"/u/{TOKENS.unsubscribe(1)}", data=ONE_CLICK, headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert "could not be saved" in answer.text
    assert "hello@localhost.localdomain" in answer.text
    away.close()


async def test_for_a_mail_that_is_gone_it_is_done(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a link of a mail that is no more, as after an erasure, then the page says that it is done."""
    answer = await post(web_house(sqlite_database, tmp_path), f"/u/{TOKENS.unsubscribe(999)}", data=ONE_CLICK)
    assert answer.status_code == 200
    assert changes(sqlite_database) == []


async def test_a_body_that_never_ends_is_a_refusal_all_the_same(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a POST whose body does not come to its end, then it is not waited for, and the word holds."""
    monkeypatch.setattr(unsubscribe, "READ_WITHIN", 0.05)

    async def endless() -> AsyncIterator[bytes]:
        yield b"List-Unsubscribe="
        await asyncio.Event().wait()

    path = mail(sqlite_database)
    async with client(web_house(sqlite_database, tmp_path)) as web, asyncio.timeout(20):
        answer = await web.post(path, content=endless())
    assert answer.status_code == 200
    assert state(sqlite_database) is ConsentState.UNSUBSCRIBED
