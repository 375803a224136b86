"""The application behind a real server: many shops at once, a database that goes and comes, an end in order."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from tests.support.postgres import PostgresServer
from tests.support.web import KEY, SIGNING, purchase, serving, web_house
from worker.delivery.tokens import Tokens
from worker.edges.web import app as application
from worker.edges.web.app import build_app
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import event, hit

TOKENS = Tokens([SIGNING])
BEARER = {"Authorization": f"Bearer {KEY}"}


def count(database: Database, table: object = event) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_many_clients_at_once(database: Database, tmp_path: Path) -> None:
    """Given eight clients that report at once, then each event answered 202 is there, in fewer commits than events."""
    house = web_house(database, tmp_path)

    def report(client_number: int) -> int:
        with httpx.Client(base_url=url, headers=BEARER) as web:
            return sum(
                web.post("/v1/events", json=purchase(client_number * 1000 + number)).json()["accepted"]
                for number in range(25)
            )

    with serving(build_app(house)) as url, concurrent.futures.ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(report, range(8))) == 200
    assert count(database) == 200
    assert len(house.queue.all().events) == 200


def test_no_header_tells_what_serves(sqlite_database: Database, tmp_path: Path) -> None:
    """Given an answer, then it does not say by which program it was made, and a HEAD has no body."""
    with serving(build_app(web_house(sqlite_database, tmp_path))) as url:
        answer = httpx.get(f"{url}/o/x.gif")
        head = httpx.head(f"{url}/o/x.gif")
    assert "server" not in answer.headers
    assert (head.status_code, head.content) == (200, b"")


def test_a_body_in_chunks_without_an_end_is_cut_off(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a body that announces no length and does not end, then it is refused at the limit."""
    house = web_house(sqlite_database, tmp_path, intake={"body_limit": 100_000})

    def endless() -> object:
        for _ in range(100):
            yield b" " * 10_000

    with serving(build_app(house)) as url, httpx.Client(base_url=url, headers=BEARER) as web:
        assert web.post("/v1/events", content=endless()).status_code == 413  # type: ignore[arg-type]
        assert web.post("/v1/events", json=purchase()).status_code == 202


def test_the_database_stops_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a database that stops, then links lead on, refusals are kept, events are put off; nothing is lost.

    Hits are committed before their answers while it runs, before it stopped and after it came back.
    """
    monkeypatch.setattr(application, "DRAIN_EVERY", 0.1)
    server = PostgresServer(fsync=True)
    try:
        url = server.url(server.create_database())
        house = web_house(Database(url), tmp_path, tracking={"journal": "fallback"})
        migrate(house.database)
        with serving(build_app(house)) as base, httpx.Client(base_url=base, timeout=60) as web:
            assert web.post("/v1/events", json=purchase(1), headers=BEARER).status_code == 202
            assert web.get(f"/o/{TOKENS.open(4)}.gif").status_code == 200
            assert count(house.database, hit) == 1
            assert web.get("/readyz").status_code == 200
            server.stop("immediate")
            click = web.get(f"/c/{TOKENS.click(5, 1, 'https://thecoffee.example/a')}")
            assert (click.status_code, click.headers["location"]) == (302, "https://thecoffee.example/a")
            assert web.get(f"/o/{TOKENS.open(5)}.gif").status_code == 200
            assert web.post(f"/u/{TOKENS.unsubscribe(5)}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
            assert web.post("/v1/events", json=purchase(2), headers=BEARER).status_code == 503
            assert web.get("/readyz").status_code == 503
            assert list(house.spool.iterdir())
            server.start()
            answer = web.post("/v1/events", json=purchase(2), headers=BEARER)
            assert answer.status_code == 202, answer.text
            for _ in range(200):
                if not list(house.spool.iterdir()):
                    break
                web.get("/healthz")
            assert web.get(f"/o/{TOKENS.open(6)}.gif").status_code == 200
        assert count(house.database, hit) == 4
        assert count(house.database) == 2
        house.database.close()
    finally:
        server.close()
