"""The other pages: health, the API's documentation, the front, and the headers that all of them carry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, update
from sqlalchemy.event import listens_for

from tests.support.ledger import queue
from tests.support.web import client, post, purchase, web_house
from worker.domain.breakers import NOT_TAKEN
from worker.domain.errors import UnavailableError
from worker.domain.event_check import CheckedEvent, EventRules, check_event
from worker.edges.web import writable
from worker.edges.web.openapi import PURCHASE, SHIPPED, openapi
from worker.edges.web.texts import TEXTS, choose_language
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.probe import probe_writing
from worker.storage.tables import message

pytestmark = pytest.mark.anyio


async def test_a_process_that_lives_says_so_without_a_database(tmp_path: Path) -> None:
    """Given no database, then the process still says that it lives."""
    away = Database("postgresql://phin@127.0.0.1:1/nowhere")
    async with client(web_house(away, tmp_path)) as web:
        assert (await web.get("/healthz")).json() == {"alive": True}
    away.close()


async def test_it_is_ready_when_work_can_be_done(database: Database, tmp_path: Path) -> None:
    """Given a database that is up to date, then it is ready, with the queue or without it, which is named."""
    house = web_house(database, tmp_path)
    async with client(house) as web:
        ready = await web.get("/readyz")
        house.queue.answers = False
        without = await web.get("/readyz")
    assert (ready.status_code, ready.json()["queue"]) == (200, "answers")
    assert without.status_code == 200
    assert without.json()["ready"] is True
    assert "does not answer" in without.json()["queue"]


async def test_mail_that_waits_is_told_without_the_relays_words(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a mail that the relay did not take, then it is ready all the same, says so, and gives away no words."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        before = await web.get("/readyz")
    with sqlite_database.writing() as connection:
        queue(connection, "a", "b", "c")
        words = {"a": ("away at 10.0.0.7", NOT_TAKEN), "b": ("4.7.28 too fast", "breaker: gmail.com by main")}
        for key, (said, reason) in words.items():
            values = {"answer": said, "code": 421, "reason": reason}
            connection.execute(update(message).where(message.c.key == key).values(values))
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get("/readyz")
    assert before.json()["mail"] == "no mail waits for the relay"
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["mail"] == "mails that wait for the relay: 1; 'phin report' tells why"


async def test_it_is_not_ready_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a disk that takes nothing more, when an event is put off, then it is not ready until one is kept again."""
    monkeypatch.setattr(writable, "DOUBTED_FOR", 3600.0)  # so that a small probe that fits does not decide
    database = Database(f"sqlite:///{tmp_path}/small.db")
    migrate(database)
    limit = 1

    @listens_for(database.engine, "begin")
    def full(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")

    async with client(web_house(database, tmp_path)) as web:
        before = await web.get("/readyz")
        big = [purchase(number, data={"note": "x" * 2_000}) for number in range(50)]
        put_off = await post(web, big)
        during = await web.get("/readyz")
        limit = 1_000_000
        kept = await post(web, big)
        after = await web.get("/readyz")
    assert (before.status_code, put_off.status_code, during.status_code) == (200, 503, 503)
    assert "is its disk full?" in during.json()["database"]
    assert (kept.status_code, after.status_code) == (202, 200)
    database.close()


async def test_it_is_not_ready_where_nothing_can_be_written(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a database that can only be read, when nobody has written yet, then it is not ready."""

    @listens_for(sqlite_database.engine, "begin")
    def only_reading(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only = ON")

    async with client(web_house(sqlite_database, tmp_path)) as web:
        assert (await web.get("/readyz")).status_code == 503


async def test_a_probe_finds_out_that_the_database_writes_again(database: Database) -> None:
    """Given a write that failed and then no traffic, then after a while a probe says that it works."""
    now = 0.0
    broken = True

    def write(_parts: Sequence[int]) -> Sequence[int]:
        raise UnavailableError("away")

    def probe() -> None:
        if broken:
            raise OSError("no space left")
        probe_writing(database)

    known = writable.Writable(probe, lambda: now)
    with pytest.raises(UnavailableError):
        known.watched(write)([1])
    for seconds, still, ready in ((1, False, False), (14, False, False), (16, True, False), (40, False, True)):
        now, broken = float(seconds), still
        assert (known.fault() is None) is ready, seconds


async def test_it_is_not_ready_without_tables(tmp_path: Path) -> None:
    """Given a database that nobody brought up to date, then it is not ready, and says what to run."""
    empty = Database(f"sqlite:///{tmp_path}/empty.db")
    async with client(web_house(empty, tmp_path)) as web:
        answer = await web.get("/readyz")
    assert answer.status_code == 503
    assert "phin release" in answer.json()["database"]
    empty.close()


async def test_it_is_not_ready_without_a_database(tmp_path: Path) -> None:
    """Given a database that is away, then it is not ready, and says why without giving away where it was looked for."""
    away = Database("postgresql://phin:secret@127.0.0.1:1/nowhere")
    async with client(web_house(away, tmp_path)) as web:
        answer = await web.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "the database cannot be reached"
    away.close()


def references(part: Any) -> set[str]:
    """Return every `$ref` of a document."""
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(references(value) for value in part))
    return set()


async def test_the_document_describes_what_is_taken(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the shop's own fields and events, then the document names them, and no reference is broken."""
    house = web_house(sqlite_database, tmp_path, fields={"taste": "text"}, events={"club.joined": {}})
    async with client(house) as web:
        document = (await web.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert document["openapi"] == "3.1.0"
    answers = {"Receipt", "Refusal", "Warning", "Error", "Backlog", "Coupon", "Stock", "StockTaken"}
    answers |= {"Taken", "Alive", "Ready"}
    assert {"Event", "Customer", "Consent", "Order", "OrderLine", *answers} == set(schemas)
    assert references(document) <= {f"#/components/schemas/{name}" for name in schemas}
    assert schemas["Customer"]["properties"]["taste"]["type"] == "string"
    assert "club.joined" in schemas["Event"]["properties"]["type"]["examples"]
    assert set(document["paths"]["/v1/events"]["post"]["responses"]) >= {"202", "400", "401", "413", "429", "503"}


async def test_the_documents_examples_are_accepted(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the examples that newcomers copy, then each of them is taken."""
    house = web_house(sqlite_database, tmp_path)
    for example in (PURCHASE, SHIPPED):
        checked = check_event(example, EventRules.of(house.settings), house.clock.now().replace(year=2028))
        assert isinstance(checked, CheckedEvent), checked
    assert openapi(house.settings, "1")["info"]["version"] == "1"


async def test_the_documentation_loads_nothing_from_elsewhere(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the API's page, then all that it loads is there, on this machine."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        page = await web.get("/docs")
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(loaded) == 4
        for path in loaded:
            assert path.startswith("/static/")
            file = await web.get(path)
            assert (file.status_code, len(file.content) > 100) == (200, True)
        assert (await web.get("/static/nothing.js")).status_code == 404
    assert "http" not in page.headers["content-security-policy"]


async def test_the_front_page_leads_to_the_others(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the front page, then each of its links works, in both languages."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        for language in ("vi", "en"):
            page = await web.get(f"/?lang={language}")
            assert f'<html lang="{language}">' in page.text
            links = re.findall(r'<a (?:class="brand" )?href="(/[^"]*)"', page.text)
            assert {"/docs", "/readyz", f"/outbox?lang={language}"} <= set(links)
            for link in links:
                assert (await web.get(link.replace("&amp;", "&"))).status_code == 200


@pytest.mark.parametrize("path", ["/", "/outbox", "/docs", "/nowhere", "/o/x.gif", "/c/x", "/u/x", "/healthz"])
async def test_every_answer_is_guarded(sqlite_database: Database, tmp_path: Path, path: str) -> None:
    """Given any page, then nothing is guessed, nothing foreign is loaded, and no cookie is set."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers


async def test_a_fault_of_ours_is_told_without_its_insides(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a fault in our own code, then the answer says that, the log has it, and neither shows a token."""

    def fail(_self: object, _token: str) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("worker.delivery.tokens.Tokens.read_click", fail)
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get("/c/a-secret-token")
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert "inside" in caplog.text
    assert "a-secret-token" not in caplog.text


async def test_neither_key_nor_address_is_logged(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given accepted and refused events, then the log names no address and no key."""
    caplog.set_level("DEBUG")
    async with client(web_house(sqlite_database, tmp_path)) as web:
        await post(web, [purchase(), purchase(2, custmer={})])
        await post(web, purchase(), key="a-wrong-key-of-somebody")
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("worker"))
    assert "example.com" not in ours
    assert "key" not in ours


def test_both_languages_say_everything() -> None:
    """Given the texts of the pages, then each exists in both languages, with the same places to fill."""
    assert set(TEXTS["vi"]) == set(TEXTS["en"])
    for name, text in TEXTS["vi"].items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", TEXTS["en"][name])), name


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("en", "vi", "en"),
        ("de", "vi", "vi"),
        (None, "en-GB,en;q=0.9,vi;q=0.8", "en"),
        (None, "de, vi;q=0.5, en;q=0.4", "vi"),
        (None, "en;q=0", "vi"),
        (None, "", "vi"),
        (None, "*", "vi"),
    ],
)
def test_the_language_is_the_links_the_browsers_or_the_shops(asked: str | None, accepted: str, language: str) -> None:
    """Given what is known of a visitor, then the page is in that language, else in the shop's."""
    assert choose_language(asked, accepted, "vi") == language


@given(st.text(max_size=80))
def test_no_header_breaks_the_choice(accepted: str) -> None:
    """Given any Accept-Language, then there is a language."""
    assert choose_language(None, accepted, "xx") in TEXTS


@pytest.mark.parametrize("path", ["/c/x/", "/u/x/", "/outbox/", "/docs/", "/v1/events/"])
async def test_nothing_leads_to_the_host_that_the_request_names(
    sqlite_database: Database, tmp_path: Path, path: str
) -> None:
    """Given an address with a slash too many and a foreign Host, then there is no such address, and no redirect."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_another_method_is_told_as_a_page_or_as_json(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a method that an address does not take, then a page says so to people, JSON to programs, with Allow."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        vi, en = [await web.post("/", headers={"Accept-Language": language}) for language in ("vi", "en")]
        program = await web.delete("/readyz")
    assert [one.status_code for one in (vi, en, program)] == [405, 405, 405]
    assert "không nhận yêu cầu kiểu đó" in vi.text
    assert "does not take such a request" in en.text
    assert "GET" in en.headers["allow"]
    assert program.json() == {"error": "this address takes another method"}
