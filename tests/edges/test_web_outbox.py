"""The outbox shows captured mails to this machine, and to nobody else; a mail can do nothing but show itself."""

from __future__ import annotations

from collections.abc import Sequence
from email.header import Header
from pathlib import Path

import httpx
import pytest

from tests.support.web import WebHouse, client, web_house
from worker.delivery.outbox import OutboxTransport
from worker.delivery.transport import Answer, Outgoing
from worker.storage.database import Database

pytestmark = pytest.mark.anyio

HTML = "<html><head><style>p{color:red}</style></head><body><p>Chào Lan</p><script>alert(1)</script></body></html>"


class Unwritten:
    """A journal that nobody needs here."""

    def handing(self, message: int) -> None: ...

    def answered(self, answer: Answer) -> None: ...


def capture(house: WebHouse, numbers: Sequence[int], html: str = HTML) -> list[str]:
    """Capture a mail for each number; returns their names, the last captured first."""
    mails = [
        Outgoing(
            message=number,
            sender="hello@thecoffee.example",
            recipient="lan@example.com",
            message_id=f"{number}@thecoffee.example",
            content=(
                f"From: The Coffee <hello@thecoffee.example>\r\nTo: lan@example.com\r\n"
                f"Subject: {Header(f'Cảm ơn bạn <b>{number}</b>', 'utf-8').encode()}\r\n"
                f"Date: Mon, 01 Mar 2027 14:{number % 60:02}:00 +0700\r\nMIME-Version: 1.0\r\n"
                'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
                "--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                f"Chào Lan & gia đình\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n--x--\r\n"
            ).encode(),
        )
        for number in numbers
    ]
    transport = OutboxTransport(house.settings.var / "outbox")
    assert all(answer.code == 250 for answer in transport.send(mails, Unwritten()))
    return [path.name for path in sorted((house.settings.var / "outbox").iterdir(), reverse=True)]


@pytest.fixture
def house(sqlite_database: Database, tmp_path: Path) -> WebHouse:
    return web_house(sqlite_database, tmp_path)


async def get(house: WebHouse, path: str, language: str = "en", **more: str) -> httpx.Response:
    async with client(house, **more) as web:
        return await web.get(path, headers={"Accept-Language": language})


@pytest.mark.parametrize(("language", "words"), [("en", "No mails yet"), ("vi", "Chưa có thư nào")])
async def test_an_empty_outbox_says_what_to_do(house: WebHouse, language: str, words: str) -> None:
    """Given nothing captured yet, then the page says so in the visitor's language."""
    page = await get(house, "/outbox", language)
    assert page.status_code == 200
    assert words in page.text


async def test_the_list_shows_the_newest_first(house: WebHouse) -> None:
    """Given captured mails, then the list has subject, receiver and time, and what it shows is text, not markup."""
    capture(house, [1, 2])
    page = await get(house, "/outbox")
    assert "2 mails captured, nothing leaves this machine" in page.text
    assert page.text.index("bạn &lt;b&gt;2") < page.text.index("bạn &lt;b&gt;1")
    assert "lan@example.com" in page.text
    assert "01 Mar 14:02" in page.text


async def test_many_mails_have_pages(house: WebHouse) -> None:
    """Given more mails than one page holds, then older and newer ones are a link away."""
    capture(house, range(1, 61))
    first, second = await get(house, "/outbox"), await get(house, "/outbox?page=2")
    assert (first.text.count("<li>"), second.text.count("<li>")) == (50, 10)
    assert "page=2" in first.text
    assert "Newer" in second.text
    assert "Older" not in second.text
    assert (await get(house, "/outbox?page=x")).text.count("<li>") == 50


async def test_a_mail_is_shown_in_a_frame_of_its_own(house: WebHouse) -> None:
    """Given a mail, then it is framed as a phone and a desktop show it, without scripts, in a sandbox."""
    (name,) = capture(house, [1])
    for view in ("phone", "desktop"):
        page = await get(house, f"/outbox/{name}?view={view}")
        assert f'<div class="{view}"><iframe' in page.text
        assert f'src="/outbox/{name}/html" sandbox="allow-popups' in page.text
    framed = await get(house, f"/outbox/{name}/html")
    assert '<head><base target="_blank"><style>' in framed.text
    policy = framed.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


async def test_text_headers_and_source_are_a_link_away(house: WebHouse) -> None:
    """Given a mail, then its text part, its headers and its own bytes can be seen."""
    (name,) = capture(house, [1])
    assert "Chào Lan &amp; gia đình" in (await get(house, f"/outbox/{name}?view=text")).text
    assert "MIME-Version: 1.0" in (await get(house, f"/outbox/{name}?view=headers")).text
    source = await get(house, f"/outbox/{name}/source")
    assert source.content == (house.settings.var / "outbox" / name).read_bytes()
    assert source.headers["content-type"].startswith("message/rfc822")
    assert "attachment" in source.headers["content-disposition"]


@pytest.mark.parametrize("name", ["nothing.eml", "..%2f..%2fphin.db", "%2e%2e", "a%00.eml"])
@pytest.mark.parametrize("part", ["", "/html", "/source"])
async def test_only_captured_mails_are_shown(house: WebHouse, name: str, part: str) -> None:
    """Given a name that no captured mail has, or one that would lead out of the folder, then there is no such page."""
    capture(house, [1])
    assert (await get(house, f"/outbox/{name}{part}")).status_code == 404


async def test_it_exists_only_while_mail_is_captured(house: WebHouse) -> None:
    """Given a relay that sends mail, then there is no outbox, and the front page does not name it."""
    (name,) = capture(house, [1])
    house.captures_mail = False
    for path in ("/outbox", f"/outbox/{name}", f"/outbox/{name}/html", f"/outbox/{name}/source"):
        assert (await get(house, path)).status_code == 404
    assert "/outbox" not in (await get(house, "/")).text


@pytest.mark.parametrize(
    ("address", "base", "status"),
    [
        ("127.0.0.1", "http://127.0.0.1:8787", 200),
        ("127.0.0.1", "http://localhost:8787", 200),
        ("::1", "http://[::1]:8787", 200),
        ("203.0.113.7", "http://127.0.0.1:8787", 403),
        ("203.0.113.7", "http://mail.thecoffee.example", 403),
        ("127.0.0.1", "http://rebound.example:8787", 403),
    ],
)
async def test_it_answers_this_machine_only(house: WebHouse, address: str, base: str, status: int) -> None:
    """Given a client elsewhere, or a name that was made to point here, then the mails are not shown."""
    (name,) = capture(house, [1])
    for path in ("/outbox", f"/outbox/{name}/html", f"/outbox/{name}/source"):
        page = await get(house, path, address=address, base=base)
        assert page.status_code == status
        assert ("lan@example.com" in page.text or "Chào Lan" in page.text) == (status == 200)


async def test_a_setting_opens_it(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the setting that says so, then everyone may look."""
    house = web_house(sqlite_database, tmp_path, outbox_access="everyone")
    capture(house, [1])
    page = await get(house, "/outbox", address="203.0.113.7", base="http://mail.thecoffee.example")
    assert page.status_code == 200
