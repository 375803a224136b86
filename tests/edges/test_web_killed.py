"""Web processes that are killed: every open and click that was answered comes into the database, once."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import select, text

from tests.support.processes import ROOT, clean_environment, running, wait_until
from worker.delivery.tokens import Tokens
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import hit

SECRET = "a-secret-of-thirty-two-characters"
TOKENS = Tokens([SECRET.encode()])
TARGET = "https://thecoffee.example/orders/A1"


@contextmanager
def web(database: Database, var: Path, journal: str) -> Iterator[tuple[str, int]]:
    """Run a web process on a free port; gives its URL and its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {
        "PHIN_HOME": str(ROOT),
        "PHIN_VAR": str(var),
        "PHIN_PORT": str(port),
        "PHIN_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "PHIN_SECRET_KEY": SECRET,
        "PHIN_TRACKING_JOURNAL": journal,
        "PHIN_POLICY_QUIET_HOURS": "none",
    }
    log = var.parent / "web.log"
    with running(["worker.edges.cli", "web"], environment=clean_environment(**settings), output=log) as process:
        wait_until(lambda: _answers(url), f"the web process answers; it said: {log.read_text()[-2000:]}", 60)
        yield url, process.pid


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def kept(database: Database) -> list[int]:
    """Return the mails of the hits that are there."""
    with database.reading() as connection:
        return sorted(connection.execute(select(hit.c.message_id)).scalars())


def ask(url: str, numbers: range) -> list[int]:
    """Open and click mails by number until the server is gone; returns those that were answered."""
    answered = []
    with httpx.Client(base_url=url) as client:
        for number in numbers:
            path = f"/o/{TOKENS.open(number)}.gif" if number % 2 else f"/c/{TOKENS.click(number, 1, TARGET)}"
            try:
                assert client.get(path).status_code in (200, 302)
            except httpx.TransportError:
                break
            answered.append(number)
    return answered


def test_what_was_answered_while_the_database_was_held_survives_the_process(database: Database, tmp_path: Path) -> None:
    """Given a database that takes nothing and a web process that is killed right after its answers, when another one
    starts, then each answered hit is there once, and nothing stays in the spool: with the journal first, and with the
    journal where the database does not take them."""
    migrate(database)
    var, journal = tmp_path / "var", "first" if database.is_sqlite else "fallback"
    with web(database, var, journal) as (url, pid), database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("LOCK TABLE hit IN EXCLUSIVE MODE"))
        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            ranges = [range(first, first + 10) for first in (10, 20, 30, 40)]
            answered = [one for each in clients.map(lambda numbers: ask(url, numbers), ranges) for one in each]
        os.kill(pid, signal.SIGKILL)
        assert sorted(answered) == list(range(10, 50))
        connection.rollback()
    with web(database, var, journal):
        wait_until(lambda: kept(database) == list(range(10, 50)), "all answered hits are there once")
        wait_until(lambda: not list((var / "spool").glob("*")), "the spool is empty")


def test_a_process_killed_while_many_ask_loses_none_that_it_answered(sqlite_database: Database, tmp_path: Path) -> None:
    """Given customers who open and click all the time, when the web process is killed in the middle, then what it had
    answered is there once after the next start; of the rest at most what it was just asked."""
    database = sqlite_database
    migrate(database)
    var = tmp_path / "var"
    with web(database, var, "auto") as (url, pid), concurrent.futures.ThreadPoolExecutor(8) as clients:
        asking = [clients.submit(ask, url, range(first, first + 10_000)) for first in range(10_000, 90_000, 10_000)]
        wait_until(lambda: len(kept(database)) > 100, "some hits are there")
        os.kill(pid, signal.SIGKILL)
        answered = {number for one in asking for number in one.result()}
    with web(database, var, "auto"):
        wait_until(lambda: answered <= set(kept(database)), "all answered hits are there")
        wait_until(lambda: not list((var / "spool").glob("*")), "the spool is empty")
    there = kept(database)
    assert len(there) == len(set(there)) <= len(answered) + len(asking)
