"""A machine's clock that jumps an hour forth and back: nothing is stuck, lost or doubled."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.faults.plant import ORDER, THANKS, make_home, messages, purchase, report
from tests.chaos.house import RunningHouse
from tests.chaos.oracle import judge
from tests.chaos.sink import Sink
from tests.support.processes import wait_until
from worker.storage.database import Database

A_FEW = 5  # purchases after each jump
JUMPS = (3_600, -3_600, -3_600, 3_600)  # seconds; they end where they began
WITHIN = 50.0  # seconds for what a second does; less than an hour, and than a clock that stands still is given


def faked(folder: Path) -> tuple[dict[str, str], Path]:
    """Return the variables that have a process go by a clock of its own, and the file that says how far off it is."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("no libfaketime: apt-get install faketime")
    offset = folder / "offset"
    offset.write_text("+0\n")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }, offset


def test_a_clock_that_jumps_an_hour_holds_nothing_up(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a house whose clock does all work, when its machine's clock jumps an hour forth, back, and before its
    time, then what comes in after each jump goes out at once, and in the end each mail arrived once."""
    variables, offset = faked(tmp_path)
    ids: list[str] = []
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    with (
        Sink(tmp_path / "sink") as sink,
        RunningHouse(make_home(tmp_path), variables, database_url=url, smtp_url=sink.url) as house,
    ):
        house.release()
        house.start("web", "clock")
        total = 0
        for jump in (0, *JUMPS):
            total += jump
            offset.write_text(f"{total:+d}\n")
            bought = [purchase(len(ids) + i) for i in range(A_FEW)]
            assert report(house, bought).status_code == 202
            ids += [one["id"] for one in bought]
            wait_until(partial(_all_sent, sqlite_database, len(ids)), f"sent after {jump}", WITHIN)
        assert house.starts() == {"web": 1, "clock": 1}, house.said()
        house.clock.move(timedelta(hours=5))
        wait_until(lambda: messages(sqlite_database)[THANKS, "sent"] == len(ids), "the thanks go out", WITHIN)
        assert "was set" in house.said(50_000)
        now = house.clock.now()
    sums = judge(
        sqlite_database,
        sink.log,
        answered=ids,
        bound=house.bound,
        now=now,
        expected={ORDER: len(ids), THANKS: len(ids)},
        spools=[house.spool],
    )
    sums.assert_right()


def _all_sent(database: Database, count: int) -> bool:
    return messages(database)[ORDER, "sent"] == count
