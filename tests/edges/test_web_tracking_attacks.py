"""What people try on pixels and redirects: forged and cut tokens, other purposes, old keys, tricks with targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.web import SIGNING, client, living, serving, web_house
from worker.delivery.links import MessageLinks
from worker.delivery.targets import TargetError, target_of
from worker.delivery.tokens import Tokens, Use
from worker.edges.web import tracking
from worker.edges.web.app import build_app
from worker.edges.web.tracking import PIXEL
from worker.storage.database import Database
from worker.storage.tables import hit

pytestmark = pytest.mark.anyio

TARGET = "https://thecoffee.example/orders/A1"
OLD = b"the key of last year"
TOKENS = Tokens([SIGNING, OLD])
CLICK = TOKENS.click(12, 3, TARGET)
FOREIGN = Tokens([b"another shop's key"])

# addresses that lead elsewhere than they seem to, in some browser or library
TRICKS = [
    "//evil.vn",
    "///evil.vn/%2f..",
    "/\\evil.vn",
    "\\\\evil.vn",
    "https:evil.vn",
    "https:/evil.vn",
    "https:\\\\evil.vn",
    "https:///evil.vn",
    "https://thecoffee.example@evil.vn/",
    "https://thecoffee.example:443@evil.vn/",
    "https://thecoffee.example\\@evil.vn",
    "https://thecoffee.example\\.evil.vn",
    "https://evil.vn\\thecoffee.example",
    "ht\ntps://evil.vn",
    "https://evil.vn\r\nSet-Cookie: a=b",
    "https://evil.vn/\r\n\r\n<script>alert(1)</script>",
    "https://evil.vn\t.thecoffee.example",
    "\x00https://evil.vn",
    "javascript:alert(document.domain)",
    "JaVaScRiPt://thecoffee.example/%0aalert(1)",
    "java\tscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://thecoffee.example/x",
    "ftp://evil.vn",
    "https://evil.vn\u2028.thecoffee.example",
    "https://[::1",
    "https://%65vil.vn",
    "https://evil。vn\u0000",
    "https://\u202elpmaxe.evil.vn",
    "http://",
    "https://.",
    "https://?q=thecoffee.example",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_at_making_no_trick_becomes_a_redirect(trick: str) -> None:
    """Given an address that seems to lead elsewhere than it does, then a mail holds no redirect to it."""
    with pytest.raises(TargetError):
        target_of(trick)
    links = MessageLinks(TOKENS, "https://p.example", 12, tracking=True, refusable=False)
    assert links.tracked(1, trick) == trick


HOSTS = ["thecoffee.example", "evil.vn", "127.0.0.1", "[::1]", "xn--c-ph-0na7d.vn", "cà-phê.vn", "EVIL.VN"]


@given(
    st.sampled_from(["https://", "http://", "HTTPS://", "https:", "//", "javascript://"]),
    st.text("@:\\/?#%[].\t\r\n\x00 a\u2028\u3002", max_size=6),
    st.sampled_from(HOSTS),
    st.text("@:\\/?#%.&=\t\r\n a\u202e", max_size=10),
)
def test_what_becomes_a_redirect_is_read_alike_by_all(scheme: str, before: str, host: str, after: str) -> None:
    """Given an address put together of what confuses readers, then a target that comes of it names one host, which
    httpx and urllib read alike, no user, and nothing that breaks a header's line."""
    try:
        target = target_of(f"{scheme}{before}{host}{after}")
    except TargetError:
        return
    parts, other = urlsplit(target), httpx.URL(target)
    assert parts.scheme in ("http", "https")
    assert parts.hostname == other.raw_host.decode().strip("[]").lower()
    assert other.userinfo == b""
    assert not set(target) & set('\\\r\n\t\x00 <>"')


def _flipped(token: str, at: int) -> str:
    return token[: at % len(token)] + chr(ord(token[at % len(token)]) ^ 1) + token[at % len(token) + 1 :]


BROKEN: list[Callable[[str, int], str]] = [
    _flipped,
    lambda token, at: token[: at % len(token)],
    lambda token, at: token[at % len(token) + 1 :],
    lambda token, at: token + "=" * (at % 3 + 1),
    lambda token, _: token.swapcase(),
    lambda token, _: f"{token}%00",
    lambda token, _: f"{token}/../{TARGET}",
    lambda _token, at: FOREIGN.click(at, 1, "https://evil.vn"),
    lambda _token, at: TOKENS.open(at),
    lambda _token, at: TOKENS.unsubscribe(at),
    lambda _token, at: TOKENS.page(Use.VIEW, at),
    lambda _token, at: TOKENS.task(at, TARGET),
    lambda _token, at: TOKENS.bounce(at),
    lambda _token, _at: "https://evil.vn",
    lambda _token, _at: "//evil.vn",
]


async def test_no_broken_token_leads_anywhere_or_counts(sqlite_database: Database, tmp_path: Path) -> None:
    """Given tokens that are flipped, cut, added to, foreign or of another purpose, then none leads anywhere, a pixel
    is shown all the same, and nothing is counted."""
    house = web_house(sqlite_database, tmp_path)
    house.tokens = TOKENS
    async with client(house) as web:

        @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.sampled_from(BROKEN), st.integers(0, 500))
        def broken(how: Callable[[str, int], str], at: int) -> None:
            assert TOKENS.read_click(how(CLICK, at)) is None

        broken()
        for how in BROKEN:
            token = how(CLICK, 17)
            answer = await web.get(f"/c/{token}")
            assert (answer.status_code, answer.headers.get("location")) == (404, None)
            token = token if how is not BROKEN[8] else f"{token}x"  # a pixel's own token is a good one there
            image = await web.get(f"/o/{token}.gif")
            assert (image.status_code, image.content, image.headers["content-type"]) == (200, PIXEL, "image/gif")
        assert (await web.post(f"/c/{CLICK}")).status_code == 405
    with sqlite_database.reading() as connection:
        assert connection.execute(select(hit.c.id)).all() == []


async def test_a_token_of_an_older_key_works_while_the_ring_holds_it(sqlite_database: Database, tmp_path: Path) -> None:
    """Given mails of last year, when the key was changed, then their links lead on; with the key gone they do not."""
    token = Tokens([OLD]).click(12, 3, TARGET)
    house = web_house(sqlite_database, tmp_path)
    house.tokens = TOKENS
    async with client(house) as web:
        assert (await web.get(f"/c/{token}")).headers["location"] == TARGET
    house.tokens = Tokens([SIGNING])
    async with client(house) as web:
        assert (await web.get(f"/c/{token}")).status_code == 404


@pytest.mark.parametrize(
    "added", ["?fbclid=abc&utm_source=x", "?url=https://evil.vn", "?next=//evil.vn&to=//evil.vn", "?"]
)
async def test_what_others_append_to_a_link_changes_nothing(
    sqlite_database: Database, tmp_path: Path, added: str
) -> None:
    """Given a link to which a mail program or a scanner appended parameters, then it leads where the mail said."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get(f"/c/{CLICK}{added}")
        image = await web.get(f"/o/{TOKENS.open(12)}.gif{added}")
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    assert image.content == PIXEL


async def test_answers_carry_no_cookie_and_are_kept_by_nobody(sqlite_database: Database, tmp_path: Path) -> None:
    """Given pixel and redirect, good and bad, by GET and HEAD, then each says how it may be used, and sets nothing."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        asked = [(f"/c/{CLICK}", 302), ("/o/x.gif", 200), (f"/o/{TOKENS.open(12)}.gif", 200)]
        answers = [(await web.request(method, path), status) for path, status in asked for method in ("GET", "HEAD")]
    for answer, status in answers:
        told: Any = answer.headers
        assert answer.status_code == status
        assert told["cache-control"] == "private, no-store, no-cache, max-age=0"
        assert told["x-content-type-options"] == "nosniff"
        assert told["referrer-policy"] == "no-referrer"
        assert told["content-security-policy"].startswith("default-src 'none'")
        assert not {"set-cookie", "etag", "last-modified"} & set(told)


async def test_a_flood_of_hits_leads_on_and_fills_no_disk(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given somebody who has a mail and floods with its link and its pixel, then each click leads on and each pixel is
    shown, hits beyond a number are not kept, and those of other links are, from the same address."""
    monkeypatch.setattr(tracking, "HITS_OF_ONE", 5)
    async with living(web_house(sqlite_database, tmp_path)) as web:
        for _ in range(12):
            assert (await web.get(f"/c/{CLICK}")).headers["location"] == TARGET
            assert (await web.get(f"/o/{TOKENS.open(12)}.gif")).content == PIXEL
        for number in range(20, 40):
            assert (await web.get(f"/o/{TOKENS.open(number)}.gif")).content == PIXEL
        assert (await web.get(f"/c/{TOKENS.click(12, 4, TARGET)}")).status_code == 302
    with sqlite_database.reading() as connection:
        rows = connection.execute(select(hit.c.message_id, hit.c.kind, hit.c.link)).all()
    counted = Counter(tuple(row) for row in rows)
    assert sorted(counted.values()) == [*[1] * 21, 5, 5]


def test_a_head_of_a_real_server_has_no_body(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a real server, when the pixel is asked for by HEAD, then its length is told and nothing follows."""
    with serving(build_app(web_house(sqlite_database, tmp_path))) as url, httpx.Client() as web:
        for _ in range(2):  # the second answer is read right only where the first had no body
            answer = web.head(f"{url}/o/{TOKENS.open(12)}.gif")
            assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "43", b"")
