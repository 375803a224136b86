"""`phin audience`: counted from the file, before anything is published, and without anybody's address."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.processes import clean_environment
from worker.domain.event_check import EventRules
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import Job
from worker.engine.intake import take_in
from worker.storage.migrations import migrate

FLOW = "flow: wishes\nstatus: draft\ntrigger: [birthday, purchase, {segment: regulars}]\nsteps: [{exit: done}]\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    (tmp_path / "config" / "segments.yaml").write_text("regulars: customer.orders_count >= 2\n")
    (tmp_path / "flows" / "wishes.yaml").write_text(FLOW)
    built = House(read_home({"PHIN_HOME": str(tmp_path)}))
    migrate(built.database)
    person = {"id": "c1", "email": "lan@example.com", "name": "Lan [b]", "birthday": "1990-03-08"}
    event = {"id": "e1", "type": "signup", "time": datetime.now(UTC).isoformat(), "customer": person}
    _, work = take_in(built.database, [event], "shop", EventRules.of(built.settings), built.clock.now())
    built.runners[Job.PROCESS_EVENTS](work.events)
    return built


def phin(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(PHIN_HOME=str(house.home.folder), COLUMNS="120")
    command = [sys.executable, "-m", "worker.edges.cli", "audience", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_an_audience_is_counted_and_shown(house: House) -> None:
    """Given a draft with three triggers, when a day is asked for, then each is told, and who, without the address."""
    shown = phin(house, "wishes", "--at", "2031-03-08")
    assert shown.returncode == 0, shown.stderr
    assert "'wishes' is draft" in shown.stdout
    assert "Sat 8 Mar 2031, 09:00   1 customer\n" in shown.stdout
    assert "0 would get mail, not 1 without consent" in shown.stdout
    assert "Lan [b]" in shown.stdout and "l…@example.com" in shown.stdout and "lan@" not in shown.stdout
    assert "'phin segments regulars' tells" in shown.stdout
    told = json.loads(phin(house, "wishes", "--at", "2031-03-09", "--json").stdout)
    assert [(one["day"], one["customers"]) for one in told] == [("2031-03-09", 0), (None, 0), (None, 0)]


def test_a_wrong_name_and_a_broken_file_are_told(house: House) -> None:
    """Given a name that is none and a flow with an error, when they are asked for, then the command says so."""
    assert "did you mean 'wishes'?" in phin(house, "wihses").stderr
    (house.home.folder / "flows" / "wishes.yaml").write_text(FLOW.replace("birthday", "birthdai"))
    broken = phin(house, "wishes")
    assert broken.returncode == 1 and "there is no trigger 'birthdai'" in broken.stderr
