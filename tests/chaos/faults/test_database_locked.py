"""A database that somebody else holds locked for half a minute: whoever asks is answered, and all goes on after it."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg

from tests.chaos.faults.plant import LONG, ORDER, THANKS, answer, hits, make_home, messages, purchase, report
from tests.chaos.house import RunningHouse
from tests.chaos.oracle import judge
from tests.chaos.sink import Sink
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.visitor import PHONE, read_letter
from worker.storage.database import BUSY_TIMEOUT, Database, sqlite_module

HELD = BUSY_TIMEOUT / 1000 + (60 if LONG else 2)  # seconds; longer than anybody waits for SQLite's lock
BEFORE, MEANWHILE = 10, 5  # orders
THREE_HOURS = timedelta(hours=3)
TABLES = "event, message, journey, customer, hit"


def test_a_lock_of_half_a_minute_is_outlasted(database: Database, tmp_path: Path, redis_server: RedisServer) -> None:
    """Given a house at work, when another program locks its database for half a minute, then events are answered 503
    in bounded time, a link leads on at once, no process ends; and afterwards each mail goes out once."""
    url = database.engine.url.render_as_string(hide_password=False)
    total = BEFORE + MEANWHILE
    with (
        Sink(tmp_path / "sink", letters_every=1) as sink,
        RunningHouse(
            make_home(tmp_path), database_url=url, smtp_url=sink.url, redis_url=redis_server.url, threads=2
        ) as house,
    ):
        house.release()
        house.start("web", "clock", "worker 1")
        assert report(house, map(purchase, range(BEFORE))).status_code == 202
        wait_until(lambda: messages(database)[ORDER, "sent"] == BEFORE, "mails go out before", 120)
        link = re.findall(r'href="([^"]+/c/[^"]+)"', read_letter(next(sink.letters.glob("*.eml")).read_bytes()).html)[0]
        house.clock.move(THREE_HOURS)  # what falls due is to be done while the database is locked
        orders = [purchase(number) for number in range(BEFORE, total)]
        with ThreadPoolExecutor(2) as beside:
            held = threading.Event()
            holding = beside.submit(_hold, database, held)
            assert held.wait(60)
            asked = beside.submit(report, house, orders, 90.0)
            clicked = httpx.get(link, headers={"User-Agent": PHONE}, timeout=20)
            assert clicked.status_code == 302
            response = asked.result(90)
            assert response.status_code == 503, response.text
            assert int(response.headers["Retry-After"]) > 0
            assert "cannot be kept now" in answer(response)["error"]
            holding.result(HELD + 60)
        assert report(house, orders).status_code == 202
        wait_until(lambda: messages(database) == {(ORDER, "sent"): total, (THANKS, "sent"): BEFORE}, "all goes on", 120)
        house.clock.move(THREE_HOURS)
        wait_until(lambda: messages(database)[THANKS, "sent"] == total, "all thanks go out", 120)
        wait_until(lambda: hits(database) == 1, "the click is kept", 60)
        assert house.starts() == {"web": 1, "clock": 1, "worker 1": 1}, house.said()
        sums = judge(
            database,
            sink.log,
            answered={f"p{number}" for number in range(total)},
            bound=house.bound,
            now=house.clock.now(),
            expected={ORDER: total, THANKS: total},
        )
        sums.assert_right()


def _hold(database: Database, held: threading.Event) -> None:
    """Lock the database as a person's program would that forgets to end its transaction."""
    if database.is_sqlite:
        with sqlite_module().connect(database.engine.url.database, isolation_level=None, timeout=60) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            held.set()
            time.sleep(HELD)
            connection.execute("ROLLBACK")
        connection.close()
        return
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {TABLES} IN ACCESS EXCLUSIVE MODE".encode())
        held.set()
        time.sleep(HELD)
        connection.rollback()
