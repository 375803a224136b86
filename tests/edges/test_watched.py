"""What is noted of processes and ticks, so that whoever watches can tell."""

from __future__ import annotations

import json
import threading
import time
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.web import client, web_house
from worker.domain.errors import UnavailableError
from worker.edges.presence import present
from worker.edges.spooled import spooled
from worker.edges.ticks import Beat, Ticks
from worker.storage import processes
from worker.storage.database import Database
from worker.storage.processes import ProcessRow, report

pytestmark = pytest.mark.anyio


def test_ticks_are_noted(tmp_path: Path) -> None:
    """Given ticks that work, fail and have to wait, then each has its calls and failures noted, and when it ended."""
    ran = {name: threading.Event() for name in ("works", "fails", "waits")}
    ticks = Ticks(Beat(tmp_path / "beat"))

    def fails() -> None:
        ran["fails"].set()
        raise RuntimeError("a fault")

    def waits() -> None:
        ran["waits"].set()
        raise UnavailableError("the database is away")

    began = time.time()
    for name, action in (("works", ran["works"].set), ("fails", fails), ("waits", waits)):
        ticks.every(60.0, name, action)
    assert ticks.notes["works"].ended_at == 0.0
    ticks.start()
    assert all(one.wait(20) for one in ran.values())
    ticks.stop(20)
    assert {name: (note.runs, note.failures) for name, note in ticks.notes.items()} == {
        "works": (1, 0),
        "fails": (1, 1),
        "waits": (1, 1),
    }
    assert all(note.every == 60.0 and note.ended_at >= began - 1 for note in ticks.notes.values())


def test_a_process_tells_its_version(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a process that lives, then its row says which Phin it runs."""
    house = web_house(sqlite_database, tmp_path)
    with present(house, "worker 2"):
        until = time.monotonic() + 20
        rows: list[ProcessRow] = []
        while not rows and time.monotonic() < until:
            with sqlite_database.reading() as connection:
                rows = processes.seen_since(connection, house.clock.machine())
    assert [(row.name, row.version) for row in rows] == [("worker 2", metadata.version("phin"))]


async def test_each_part_of_readiness_is_told(database: Database, tmp_path: Path) -> None:
    """Given a clock that lives or none, and files that wait, then that is told, and does not decide."""
    house = web_house(database, tmp_path)
    async with client(house) as web:
        without = await web.get("/readyz")
    machine = house.clock.machine()
    with database.writing() as connection:
        report(connection, ProcessRow("a", "clock", "one", 1, machine, machine, 1), machine)
    house.spool.mkdir()
    (house.spool / "hits.jsonl").write_text(json.dumps({"key": "k"}))
    async with client(house) as web:
        told = await web.get("/readyz")
    assert (without.status_code, told.status_code) == (200, 200)
    assert "gave no sign of life" in without.json()["clock"]
    assert told.json()["clock"] == "ticks"
    assert told.json()["spool"].startswith("1 file for the database")


def test_only_what_holds_something_waits(tmp_path: Path) -> None:
    """Given a journal that is laid out and empty, one with lines, and other files, then one waits."""
    assert spooled(tmp_path / "nowhere") == (0, 0.0)
    (tmp_path / "hits-1.journal").write_bytes(bytes(100))
    (tmp_path / "note.txt").write_text("not ours")
    assert spooled(tmp_path)[0] == 0
    (tmp_path / "hits-2.journal").write_bytes(b"{}\n" + bytes(100))
    assert spooled(tmp_path)[0] == 1
