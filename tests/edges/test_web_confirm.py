"""`/y/TOKEN`: the page names each purpose that it asks about, and speaks of a refusal where one is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from tests.edges.test_web_preferences import fields, get, house_of, ledger, mail, path, post
from tests.support.consents import LAN, say
from tests.support.ledger import NOW
from worker.delivery.tokens import Use
from worker.domain.customers import ConsentState, Purpose
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import message

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("ticked", "tracking"), [(False, "unknown"), (True, "subscribed")])
async def test_tracking_has_a_box_of_its_own_that_nobody_ticked(
    database: Database, tmp_path: Path, ticked: bool, tracking: str
) -> None:
    """Given a sign-up to both, then the page names tracking with an open box, and only who ticks it said yes to it."""
    number, house = mail(database, subscribed=False), house_of(database, tmp_path)
    with database.writing() as connection:
        for purpose in Purpose:
            say(connection, True, NOW, purpose=purpose, confirmed=False)
    page = (await get(house, path(Use.CONFIRM, number))).text
    assert '<input type="checkbox" name="tracking" value="1"><span>Tôi đồng ý để The Coffee ghi nhận' in page
    await post(house, path(Use.CONFIRM, number), data=fields(page) | ({"tracking": "1"} if ticked else {}))
    with database.reading() as connection:
        known = [consent.known(connection, LAN, one).state.value for one in Purpose]
    assert known == ["subscribed", tracking]
    words = [wording or "" for purpose, state, wording in ledger(database) if state == "subscribed"]
    assert [("ghi nhận việc tôi mở thư" in one, "quảng cáo" in one) for one in words] == [
        (False, True), (True, False)
    ][: 1 + ticked]  # fmt: skip


async def test_without_a_yes_to_tracking_the_page_has_no_box(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a sign-up to advertising alone, then the page asks about nothing else."""
    number, house = mail(sqlite_database, subscribed=False), house_of(sqlite_database, tmp_path)
    with sqlite_database.writing() as connection:
        say(connection, True, NOW, confirmed=False)
    assert "checkbox" not in (await get(house, path(Use.CONFIRM, number))).text


@pytest.mark.parametrize(
    ("language", "asks", "did", "wording"),
    [
        ("vi", "Nhận lại thư của The Coffee?", "lại nhận được thư", "rút lại yêu cầu ngừng nhận"),
        ("en", "E-mails from The Coffee again?", "reach you again", "take your refusal back"),
    ],
)
async def test_a_refusal_is_taken_back_in_words_of_its_own(
    sqlite_database: Database, tmp_path: Path, language: str, asks: str, did: str, wording: str
) -> None:
    """Given the mail that confirms a refusal, then its page speaks of that, not of a sign-up, and not of tracking."""
    number, house = mail(sqlite_database, language), house_of(sqlite_database, tmp_path)
    with sqlite_database.writing() as connection:
        say(connection, True, NOW, purpose=Purpose.TRACKING, confirmed=False)
        connection.execute(update(message).values(template="refusal-confirmed"))
    page = (await get(house, path(Use.CONFIRM, number))).text
    assert asks in page and "checkbox" not in page
    assert "đăng ký" not in page and "signed up" not in page
    done = await post(house, path(Use.CONFIRM, number), data=fields(page) | {"tracking": "1"})
    assert did in done.text
    with sqlite_database.reading() as connection:
        assert consent.known(connection, LAN, Purpose.TRACKING).state is ConsentState.UNKNOWN
    assert wording in str(ledger(sqlite_database)[-1][2])
