"""Foretelling as it really runs: a process of its own, begun by hand or by the clock, and what is told of it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from tests.support.processes import clean_environment, wait_until
from tests.support.shop_folder import bare_house
from worker.edges import nightly
from worker.edges.house import House
from worker.edges.nightly import Nightly
from worker.storage import predictions
from worker.storage.tables import customer


@pytest.fixture
def house(tmp_path: Path) -> House:
    built = bare_house(tmp_path)
    now = datetime.now(UTC)
    rows = [
        {
            "external_id": f"c{number}",
            "created_at": now - timedelta(days=300),
            "updated_at": now,
            "orders_count": 1 + number % 3,
            "first_order_at": now - timedelta(days=40 + number),
            "last_order_at": now - timedelta(days=40 + number - 30 * (number % 3 > 0)),
        }
        for number in range(150)
    ]
    with built.database.writing() as connection:
        connection.execute(insert(customer), rows)
    return built


def phin(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(PHIN_HOME=str(house.home.folder), COLUMNS="100")
    command = [sys.executable, "-m", "worker.edges.cli", "predictions", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_it_is_done_by_hand_and_told(house: House) -> None:
    """Given buyers who were never foretold, when it is asked, then it says how; done at once, it tells what came."""
    assert "phin predictions --now" in phin(house).stdout
    shown = phin(house, "--now")
    assert shown.returncode == 0, shown.stderr
    assert "to 150 buyers" in shown.stdout and "leave after an order" in shown.stdout
    told = json.loads(phin(house, "--json").stdout)
    assert told["buyers"] == 150 and 0 < told["expected"] <= 150 and told["model"]["r"] > 0


def test_the_clock_has_it_done_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a clock that has just started, when it ticks, then nothing is begun; two minutes later it is, once."""
    environment = clean_environment(PHIN_HOME=str(house.home.folder))
    tick = Nightly(house.database, house.clock.now, ZoneInfo("UTC"), environment)
    tick()
    assert tick.running is False
    monkeypatch.setattr(nightly, "NOT_BEFORE", 0.0)

    def fitted() -> bool:
        tick()
        with house.database.reading() as connection:
            return predictions.fitted(connection) is not None and not tick.running

    wait_until(fitted, "customers are foretold", timeout=120)
    tick()
    assert tick.running is False
    tick.stop()
