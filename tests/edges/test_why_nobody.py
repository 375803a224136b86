"""`phin why --flow NAME` as a command: told in a terminal and for programs, and what is asked wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.shop_folder import bare_house, take_events
from worker.edges import publishing
from worker.edges.cli.why import why

FLOW = """trigger: [purchase, birthday]
when: customer.total_spent >= 300_000
once: ever
steps: [{exit: done}]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    house = bare_house(tmp_path, thanks=FLOW)
    publishing.publish(house)
    for number in range(3):
        customer = {"id": f"c{number}", "email": f"c{number}@example.com"}
        order = {"number": f"A{number}", "total": 100_000 + 90_000 * number}
        take_events(house, {"id": f"e{number}", "type": "purchase", "customer": customer, "order": order})
    house.close()
    return tmp_path


def test_it_is_told(home: Path) -> None:
    """Given three purchases of too little and no birthdays, when it is asked why nobody entered, then it says so."""
    assert (home / "flows").is_dir()
    shown = CliRunner().invoke(why, ["--flow", "thanks"])
    assert shown.exit_code == 0, shown.output
    assert "thanks · nobody entered since" in shown.output
    assert "3 purchase" in shown.output
    assert "3 failed  customer.total_spent >= 300_000" in shown.output and "the highest was 280,000" in shown.output
    assert "3 have no date there" in shown.output


def test_it_is_told_to_programs(home: Path) -> None:
    """Given the same, when it is asked for as JSON, then the same figures stand there."""
    assert (home / "flows").is_dir()
    told = json.loads(CliRunner().invoke(why, ["--flow", "thanks", "--json"]).output)
    assert told["entered"] == 0 and told["not_live"] is None
    assert told["of_events"][0]["refused"]["failed"][0]["extreme"] == 280_000
    assert told["of_clock"][0]["shortfall"]["customers"] == 3 and "customer.birthday" in told["of_clock"][0]["trigger"]


def test_what_is_asked_wrongly_is_told(home: Path) -> None:
    """Given neither a customer nor a flow, or a flow that is none, when it is asked, then it says what to do."""
    assert (home / "flows").is_dir()
    assert "name a CUSTOMER" in CliRunner().invoke(why, []).output
    assert "did you mean 'thanks'?" in str(CliRunner().invoke(why, ["--flow", "thnaks"]).exception)
