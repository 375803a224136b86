"""`/v/TOKEN`: a mail in the browser is the one that was sent, for its receiver, and looking at it counts nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from tests.support.post import Office
from tests.support.shop import LAN, Shop
from tests.support.web import WebHouse, client, web_house
from worker.delivery.tokens import Use
from worker.storage.database import Database
from worker.storage.tables import customer, hit, message

pytestmark = pytest.mark.anyio

WELCOME = """
trigger: signup
steps:
  - send: welcome
    subject: "Quà cho {{ customer.name }}"
    with: {gift: "phin nhôm"}
"""
TEXT = (
    "{{ customer.name }} &middot; {{ gift }} &middot; {{ today }}"
    "{% if view_url %} <a href='{{ view_url }}'>web</a>{% endif %}"
)
AWAY = "postgresql://phin@127.0.0.1:1/nowhere"


class Sent:
    """A shop that sent its welcome to Lan, who may be followed, and its web."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.shop = Shop(database)
        self.shop.publish(welcome=WELCOME)
        self.office = Office(self.shop, folder, welcome=TEXT)
        self.shop.send("signup", LAN | {"name": "Lan <b>"})
        self.folder = folder

    @property
    def house(self) -> WebHouse:
        house = web_house(self.shop.database, self.folder / "var", templates=self.folder / "templates")
        return replace(house, tokens=self.office.tokens)

    @property
    def path(self) -> str:
        (row,) = self.shop.messages()
        return f"/v/{self.office.tokens.page(Use.VIEW, row.id)}"

    async def look(self, house: WebHouse | None = None, **headers: str) -> httpx.Response:
        async with client(house or self.house) as web:
            return await web.get(self.path, headers=headers)


@pytest.fixture
def sent(database: Database, tmp_path: Path) -> Sent:
    found = Sent(database, tmp_path)
    found.office.send()
    return found


async def test_the_mail_is_shown_as_its_receiver_got_it(sent: Sent) -> None:
    """Given a mail that was sent, when its link is opened days later, then it is shown with that mail's own values."""
    (mail,) = sent.office.post.mails
    sent.shop.now += timedelta(days=9)
    page = await sent.look()
    assert page.status_code == 200
    assert "Lan &lt;b&gt; · phin nhôm · 2027-03-01" in page.text
    assert "/u/" in page.text
    assert "lan@example.com" not in page.text
    assert b"List-Unsubscribe" in mail.content


async def test_nothing_on_the_page_counts(sent: Sent) -> None:
    """Given a receiver who may be followed, then the page has no pixel, plain links, and leaves no trace."""
    page = await sent.look()
    assert 'href="https://shop.example/orders' in page.text
    assert not re.search("/[oc]/|<img", page.text)
    assert "/v/" not in page.text
    with sent.shop.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(hit)).scalar_one() == 0
    assert sent.shop.messages()[0].opened_at is None


async def test_a_browser_runs_nothing_and_tells_nobody(sent: Sent) -> None:
    """Given the page, then its headers let no script run, no search engine keep it, and no link tell where it was."""
    page = await sent.look()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "form-action 'none'" in policy
    assert page.headers["x-robots-tag"].startswith("noindex")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize("state", ["queued", "skipped", "cancelled", "failed"])
async def test_a_mail_that_was_never_sent_is_nowhere(database: Database, tmp_path: Path, state: str) -> None:
    """Given a mail that waits, was skipped or not taken, then its page is not there, as with a token cut off."""
    waiting = Sent(database, tmp_path)
    with database.writing() as connection:
        connection.execute(update(message).values(state=state))
    page = await waiting.look()
    assert page.status_code == 404
    assert "Lan" not in page.text
    async with client(waiting.house) as web:
        assert (await web.get(waiting.path[:-1])).text == page.text
        other = waiting.office.tokens.page(Use.PREFERENCES, 1)
        assert (await web.get(f"/v/{other}")).status_code == 404


@pytest.mark.parametrize(("language", "words"), [("vi", "đã được xóa"), ("en", "have been erased")])
async def test_an_erased_customers_mail_is_gone(sent: Sent, language: str, words: str) -> None:
    """Given a customer whose data were erased, then a page in the mail's language says that it is gone."""
    with sent.shop.database.writing() as connection:
        connection.execute(update(customer).values(erased_at=sent.shop.now, email=None, name=None))
        connection.execute(update(message).values(language=language))
    page = await sent.look()
    assert (page.status_code, page.headers["x-robots-tag"][:7]) == (410, "noindex")
    assert words in page.text


@pytest.mark.parametrize(("language", "words"), [("vi", "Mẫu thư đã thay đổi"), ("en", "template has changed")])
@pytest.mark.parametrize("changed", ["{{ order.number }}", None])
async def test_a_mail_whose_template_changed_or_is_gone_is_told_of(
    sent: Sent, changed: str | None, language: str, words: str
) -> None:
    """Given a template that asks for what this mail has not, or that is gone, then a page says so kindly."""
    with sent.shop.database.writing() as connection:
        connection.execute(update(message).values(language=language))
    template = sent.folder / "templates" / "welcome.vi.html"
    if changed is None:
        template.unlink()
    else:
        template.write_text(template.read_text().replace("{{ gift }}", changed))
    page = await sent.look()
    assert page.status_code == 410
    assert words in page.text


@pytest.mark.parametrize(("language", "words"), [("vi", "Xin bạn thử lại sau"), ("en", "Please try again")])
async def test_without_a_database_it_asks_to_come_again(sent: Sent, language: str, words: str) -> None:
    """Given a database that is away, then a page says to come again, and a program when."""
    away = Database(AWAY)
    page = await sent.look(replace(sent.house, database=away), **{"Accept-Language": language})
    away.close()
    assert (page.status_code, page.headers["retry-after"]) == (503, "60")
    assert words in page.text
