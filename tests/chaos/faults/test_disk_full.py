"""A full disk: what cannot be kept is refused in clear words, links lead on, and with room again all goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.faults.plant import ORDER, answer, hits, make_home, messages, purchase, report
from tests.chaos.faults.small_disk import SmallDisk
from tests.chaos.house import RunningHouse
from tests.chaos.oracle import judge
from tests.chaos.sink import Sink
from tests.support.processes import wait_until
from tests.support.visitor import PHONE, read_letter
from worker.storage.database import Database

BEFORE = 10  # orders
WHILE_FULL = 10  # requests, of so many orders each
EACH = 40


def test_a_full_disk_refuses_clearly_and_loses_nothing(tmp_path: Path) -> None:
    """Given a house whose disk fills up, then an event is answered 503 with Retry-After and never 202 in vain, a click
    still leads to its target, /readyz says why; and given room again, all goes on, each mail once, no click lost."""
    var = tmp_path / "var"
    with (
        SmallDisk(var, "24m") as disk,
        Sink(tmp_path / "sink", letters_every=1) as sink,
        RunningHouse(
            make_home(tmp_path),
            database_url=f"sqlite:///{var}/phin.db",
            smtp_url=sink.url,
            prefix=disk.prefix,
        ) as house,
    ):
        house.release()
        house.start("web", "clock")
        database = disk.inside(lambda: Database(f"sqlite:///{var}/phin.db"))

        def sent() -> int:
            return disk.inside(lambda: messages(database)[ORDER, "sent"])

        ids = _kept(report(house, map(purchase, range(BEFORE))), range(BEFORE))
        wait_until(lambda: sent() == BEFORE, "mails go out before", 120)
        link = _link(next(sink.letters.glob("*.eml")))

        disk.fill()
        refused: list[range] = []
        for number in range(WHILE_FULL):
            numbers = range(BEFORE + number * EACH, BEFORE + (number + 1) * EACH)
            response = report(house, [_long(purchase(one)) for one in numbers])
            if response.status_code == 202:
                ids |= _kept(response, numbers)
                continue
            refused.append(numbers)
            assert response.status_code == 503, response.text
            assert int(response.headers["Retry-After"]) > 0
            assert "cannot be kept now" in answer(response)["error"]
        assert refused, "the disk was not full"
        ready = httpx.get(f"{house.url}/readyz", timeout=30)
        assert ready.status_code == 503
        assert "disk" in ready.text
        for _ in range(3):
            clicked = httpx.get(link, headers={"User-Agent": PHONE}, timeout=30)
            assert clicked.status_code == 302
            assert clicked.headers["Location"].startswith("https://the-coffee.example/don-hang?")

        disk.clear()
        wait_until(house.ready, "the house is ready again", 120)
        for numbers in refused:
            ids |= _kept(report(house, [_long(purchase(one)) for one in numbers]), numbers)
        total = BEFORE + WHILE_FULL * EACH
        assert len(ids) == total
        wait_until(lambda: sent() == total, "all mails go out", 240)
        wait_until(lambda: disk.inside(lambda: hits(database)) == 3, "every click is kept", 60)
        assert house.starts() == {"web": 1, "clock": 1}, house.said()
        sums = judge(
            database,
            sink.log,
            answered=ids,
            bound=house.bound,
            now=house.clock.now(),
            expected={ORDER: total},
            resting=False,
        )
        sums.assert_right()
        database.close()


def _kept(response: httpx.Response, numbers: Iterable[int]) -> set[str]:
    assert response.status_code == 202, response.text
    return {f"p{number}" for number in numbers}


def _long(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"data": {"note": "một ghi chú dài " * 200}}


def _link(letter: Path) -> str:
    found = re.search(r'href="([^"]+/c/[^"]+)"', read_letter(letter.read_bytes()).html)
    assert found is not None
    return found[1]
