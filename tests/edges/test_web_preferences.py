"""`/p/TOKEN` and `/y/TOKEN`: looking changes nothing, a POST of our own form does, and nothing forged opens a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from tests.support.consents import LAN, say
from tests.support.ledger import NOW, add_customer, queue
from tests.support.web import SIGNING, WebHouse, client, web_house
from worker.delivery.tokens import Tokens, Use
from worker.domain.customers import ConsentState, Purpose
from worker.domain.messages import Kind
from worker.domain.wishes import Frequency, Wishes
from worker.edges.web.fields import BODY_LIMIT
from worker.storage import consent, wishes
from worker.storage.database import Database
from worker.storage.tables import consent_change, customer, event, message

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
TOPICS = {"news": {"vi": "Bản tin", "en": "Newsletter"}, "offers": {"vi": "Ưu đãi", "en": "Offers"}}
AWAY = "postgresql://phin@127.0.0.1:1/nowhere"


def mail(database: Database, language: str = "vi", *, subscribed: bool = True) -> int:
    """Return the number of a mail that went to Lan."""
    with database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email=LAN)
        (number,) = queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
        sent = {"state": "sent", "email": LAN, "language": language, "created_at": NOW - timedelta(hours=1)}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
        if subscribed:
            say(connection, True, NOW)
    return number


def path(use: Use, number: int, tokens: Tokens = TOKENS) -> str:
    return f"/{'p' if use is Use.PREFERENCES else 'y'}/{tokens.page(use, number)}"


def house_of(database: Database, tmp_path: Path, **settings: Any) -> WebHouse:
    return web_house(database, tmp_path, topics=TOPICS, **settings)


def fields(page: str) -> dict[str, str]:
    """Return what a browser would send of the page's form, as it was shown."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        given = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        if given["type"] in ("hidden", "date") or " checked" in tag:
            found[given["name"]] = unescape(given.get("value", "1"))
    return found


def ledger(database: Database) -> list[tuple[str, str, str | None]]:
    with database.reading() as connection:
        rows = connection.execute(select(consent_change).order_by(consent_change.c.id))
        return [(row.purpose, row.state, row.wording) for row in rows]


async def get(house: WebHouse, where: str, **more: Any) -> httpx.Response:
    async with client(house) as web:
        return await web.get(where, **more)


async def post(house: WebHouse, where: str, **more: Any) -> httpx.Response:
    async with client(house) as web:
        return await web.post(where, **more)


@pytest.mark.parametrize("use", [Use.PREFERENCES, Use.CONFIRM])
@pytest.mark.parametrize("language", ["vi", "en"])
async def test_looking_changes_nothing(database: Database, tmp_path: Path, use: Use, language: str) -> None:
    """Given a mail, when its link is looked at, then the page is in its language, loads nothing and changes nothing."""
    where, house = path(use, mail(database, language)), house_of(database, tmp_path)
    page = await get(house, where, headers={"Accept-Language": "de"})
    async with client(house) as web:
        head = await web.head(where)
    assert (page.status_code, head.status_code, head.content) == (200, 200, b"")
    assert f'<html lang="{language}">' in page.text
    assert LAN not in page.text and "set-cookie" not in page.headers
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert len(ledger(database)) == 1
    assert house.queue.work == []


async def test_what_is_shown_and_sent_back_is_no_word(database: Database, tmp_path: Path) -> None:
    """Given the page as it is, when it is saved untouched, then nothing is written to the ledger."""
    where, house = path(Use.PREFERENCES, mail(database)), house_of(database, tmp_path)
    shown = fields((await get(house, where)).text)
    answer = await post(house, where, data=shown)
    assert (answer.status_code, "Đã lưu" in answer.text) == (200, True)
    assert len(ledger(database)) == 1


@pytest.mark.parametrize("as_files", [False, True])
async def test_what_was_chosen_holds_and_is_shown(database: Database, tmp_path: Path, as_files: bool) -> None:
    """Given a form with other choices, urlencoded or multipart, then they hold, with their words, and are shown."""
    where, house = path(Use.PREFERENCES, mail(database)), house_of(database, tmp_path)
    chosen = fields((await get(house, where)).text) | {
        "often": "weekly", "pause": "until", "until": "2027-04-01", "language": "en", "tracking": "1",
    }  # fmt: skip
    del chosen["topic.offers"]
    body: Mapping[str, Any] = (
        {"files": {name: (None, value) for name, value in chosen.items()}} if as_files else {"data": chosen}
    )
    answer = await post(house, where, **body)
    assert answer.status_code == 200
    assert "Saved" in answer.text and "Paused until 01/04/2027" in answer.text
    with database.reading() as connection:
        held = wishes.of(connection, LAN)
        assert connection.execute(select(customer.c.language)).scalar_one() == "en"
    assert (held.topics_out, held.frequency) == (frozenset({"offers"}), Frequency.WEEKLY)
    assert held.paused_until is not None and held.paused_until.isoformat() == "2027-03-31T17:00:00+00:00"
    tracking, topic = ledger(database)[1:]
    assert tracking[:2] == ("tracking", "subscribed") and str(tracking[2]).startswith("Tôi đồng ý để The Coffee")
    assert topic == ("topic:offers", "unsubscribed", "Ưu đãi")
    again = await post(house, where, data=fields(answer.text))
    assert len(ledger(database)) == 3 and "Paused until 01/04/2027" in again.text


async def test_everything_off_is_a_refusal(database: Database, tmp_path: Path) -> None:
    """Given the button that stops all, then marketing is refused, told once, and the page offers it no more."""
    where, house = path(Use.PREFERENCES, mail(database)), house_of(database, tmp_path)
    shown = fields((await get(house, where)).text)
    for _ in range(2):
        answer = await post(house, where, data={**shown, "everything": "off"})
    assert ledger(database)[1] == ("marketing", "unsubscribed", "Ngừng mọi thư quảng cáo")
    assert 'name="everything"' not in answer.text
    with database.reading() as connection:
        assert len(connection.execute(select(event).where(event.c.type == "unsubscribed")).all()) == 1


@pytest.mark.parametrize(("dot", "until"), [("", "2027-03-31T17:00:00+00:00"), ("1", "2027-03-31T17:00:00+00:00")])
async def test_a_day_that_was_filled_in_counts_as_chosen(
    sqlite_database: Database, tmp_path: Path, dot: str, until: str
) -> None:
    """Given a day that is typed while its dot is left alone, then it holds; another dot that was pressed wins."""
    where, house = path(Use.PREFERENCES, mail(sqlite_database)), house_of(sqlite_database, tmp_path)
    chosen = fields((await get(house, where)).text) | {
        "pause": dot,
        "until": "2027-04-01" if dot == "" else "2027-06-01",
    }
    answer = await post(house, where, data=chosen)
    assert answer.status_code == 200 and "Paused until" not in answer.text and "Đang tạm ngừng đến" in answer.text
    with sqlite_database.reading() as connection:
        held = wishes.of(connection, LAN).paused_until
    assert held is not None and held.isoformat() == until
    if dot == "":  # and while a pause holds, another day moves it; a day that is none does not keep a refusal away
        moved = await post(house, where, data=fields(answer.text) | {"until": "2027-05-01"})
        assert "Đang tạm ngừng đến 01/05/2027" in moved.text
        wrong = await post(house, where, data=fields(moved.text) | {"until": "2020-01-01"})
        assert wrong.status_code == 422 and 'value="until" checked' in wrong.text
        off = await post(house, where, data=fields(moved.text) | {"until": "2020-01-01", "everything": "off"})
        assert off.status_code == 200 and "Đang tạm ngừng đến 01/05/2027" in off.text
        assert ledger(sqlite_database)[-1][:2] == ("marketing", "unsubscribed")


@pytest.mark.parametrize("day", ["", "yesterday", "2027-02-28", "2029-01-01", "0000-00-00"])
async def test_a_day_that_is_none_is_told_and_nothing_is_lost(
    sqlite_database: Database, tmp_path: Path, day: str
) -> None:
    """Given a pause until no day, then nothing is saved, the page says why, and keeps what was chosen."""
    where, house = path(Use.PREFERENCES, mail(sqlite_database)), house_of(sqlite_database, tmp_path)
    chosen = fields((await get(house, where)).text) | {"often": "monthly", "pause": "until", "until": day}
    del chosen["topic.news"]
    answer = await post(house, where, data=chosen)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text and 'aria-invalid="true"' in answer.text
    kept = fields(answer.text)
    assert (kept["often"], kept["pause"], "topic.news" in kept) == ("monthly", "until", False)
    with sqlite_database.reading() as connection:
        assert wishes.of(connection, LAN) == Wishes()
    assert len(ledger(sqlite_database)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"content": b""},
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"content": b"\xff\x00", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"no parts", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
        {"data": {"shown": "marketing", "x": "y" * BODY_LIMIT}},
        {"data": {f"f{number}": "1" for number in range(500)}},
    ],
)
async def test_a_body_that_is_no_form_of_ours_takes_nothing_away(
    sqlite_database: Database, tmp_path: Path, more: dict[str, Any]
) -> None:
    """Given a POST without our form whole, then no unticked box counts as a word, and the page says so."""
    where = path(Use.PREFERENCES, mail(sqlite_database))
    answer = await post(house_of(sqlite_database, tmp_path), where, **more)
    assert (answer.status_code, "Chưa lưu" in answer.text) == (400, True)
    assert len(ledger(sqlite_database)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"data": {"language": "en"}},
        {"files": {"language": (None, "en")}},
        {"content": b"x" * (BODY_LIMIT + 1), "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
)
async def test_pressing_the_button_confirms(database: Database, tmp_path: Path, more: dict[str, Any]) -> None:
    """Given a sign-up that waits, when the button is pressed, twice and whatever the body, then that is one yes."""
    number, house = mail(database, subscribed=False), house_of(database, tmp_path)
    for _ in range(2):
        answer = await post(house, path(Use.CONFIRM, number), **more)
    assert answer.status_code == 200
    assert path(Use.PREFERENCES, number) in answer.text
    ((purpose, state, wording),) = ledger(database)
    assert (purpose, state) == ("marketing", "subscribed")
    assert wording is not None and "The Coffee" in wording
    assert len(house.queue.all().events) == 1


async def test_a_mail_of_before_a_refusal_confirms_nothing(database: Database, tmp_path: Path) -> None:
    """Given a refusal after the mail, when its old button is looked at or pressed, then the page says what to do."""
    number, house = mail(database), house_of(database, tmp_path)
    await post(house, f"/u/{TOKENS.unsubscribe(number)}")
    looked = await get(house, path(Use.CONFIRM, number))
    pressed = await post(house, path(Use.CONFIRM, number))
    assert (looked.status_code, pressed.status_code) == (200, 409)
    assert all(
        "đã ngừng nhận thư" in page.text and path(Use.PREFERENCES, number) in page.text for page in (looked, pressed)
    )
    with database.reading() as connection:
        assert consent.known(connection, LAN, Purpose.MARKETING).state is ConsentState.UNSUBSCRIBED


async def test_less_is_offered_after_the_refusal_and_not_before(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the unsubscribe page, then preferences are linked once it is done, not while it is asked."""
    number, house = mail(sqlite_database), house_of(sqlite_database, tmp_path)
    asked = await get(house, f"/u/{TOKENS.unsubscribe(number)}")
    done = await post(house, f"/u/{TOKENS.unsubscribe(number)}")
    assert "/p/" not in asked.text
    assert path(Use.PREFERENCES, number) in done.text


@pytest.mark.parametrize("use", [Use.PREFERENCES, Use.CONFIRM])
async def test_forged_and_cut_tokens_open_nothing(sqlite_database: Database, tmp_path: Path, use: Use) -> None:
    """Given tokens cut off, altered, of another purpose or a foreign key, then neither GET nor POST does anything."""
    number, house = mail(sqlite_database), house_of(sqlite_database, tmp_path)
    good = path(use, number)
    other = Use.CONFIRM if use is Use.PREFERENCES else Use.PREFERENCES
    bad = [
        good[:-4],
        f"{good}A",
        good[:6] + ("A" if good[6] != "A" else "B") + good[7:],
        good[:3] + path(other, number)[3:],
        good[:3] + TOKENS.unsubscribe(number),
        path(use, number, Tokens([b"the secret of somebody else entirely"])),
        f"{good[:3]}{'A' * 5_000}",
    ]
    for where in bad:
        for answer in (await get(house, where), await post(house, where, data={"shown": "", "everything": "off"})):
            assert answer.status_code == 404, where
            assert "Liên kết này không dùng được" in answer.text
    assert len(ledger(sqlite_database)) == 1


@pytest.mark.parametrize("use", [Use.PREFERENCES, Use.CONFIRM])
async def test_tokens_of_an_older_key_of_the_ring_work_on(sqlite_database: Database, tmp_path: Path, use: Use) -> None:
    """Given a mail signed with a key that is not the first any more, then its page opens."""
    number, house = mail(sqlite_database), house_of(sqlite_database, tmp_path)
    house.tokens = Tokens([b"the new secret that signs from now on", SIGNING])
    assert (await get(house, path(use, number))).status_code == 200


@pytest.mark.parametrize("use", [Use.PREFERENCES, Use.CONFIRM])
async def test_without_a_database_the_page_is_kind(tmp_path: Path, use: Use) -> None:
    """Given a database that is away, then a POST says that nothing was saved, and to come again; nothing crashes."""
    away = Database(AWAY)
    try:
        house = house_of(away, tmp_path)
        page = await get(house, path(use, 1))
        answer = await post(house, path(use, 1), data={"shown": "marketing"})
    finally:
        away.close()
    assert page.status_code == (503 if use is Use.PREFERENCES else 200)
    assert answer.status_code == 503
    assert "<html" in answer.text and "phút" in answer.text
