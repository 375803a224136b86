"""`phin segments`, and segments published from the file to what every process reads."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import clean_environment
from worker.domain.event_check import EventRules
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import Job
from worker.edges.publishing import publish, summary
from worker.engine.intake import take_in
from worker.storage import segments
from worker.storage.migrations import migrate

SEGMENTS = """
regulars: {title: {vi: Khách quen, en: Regulars}, when: customer.orders_count >= 2, about: Two orders or more.}
best: in_segment("regulars") and customer.total_spent > 1_000_000
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    (tmp_path / "config" / "segments.yaml").write_text(SEGMENTS)
    built = House(read_home({"PHIN_HOME": str(tmp_path)}))
    migrate(built.database)
    return built


def phin(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(PHIN_HOME=str(house.home.folder), COLUMNS="120")
    command = [sys.executable, "-m", "worker.edges.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def buy(house: House, number: int, customer: str) -> None:
    event: dict[str, Any] = {
        "id": f"e{number}",
        "type": "purchase",
        "time": datetime.now(UTC).isoformat(),
        "customer": {"id": customer, "email": f"{customer}@example.com", "name": "Nguyễn [b]Lan[/b]"},
        "order": {"number": f"A{number}", "total": 400_000},
    }
    _, work = take_in(house.database, [event], "shop", EventRules.of(house.settings), house.clock.now())
    house.runners[Job.PROCESS_EVENTS](work.events)


def test_members_are_counted_and_shown(house: House) -> None:
    """Given a regular among two customers, then phin segments counts one, and shows them without their address."""
    (house.home.folder / "flows" / "thanks.yaml").write_text(
        "flow: thanks\ntrigger: {segment: regulars}\nsteps: [{exit: done}]\n"
    )
    publish(house)
    assert "counting" in phin(house, "segments").stdout
    for number, customer in enumerate(("c1", "c1", "c2")):
        buy(house, number, customer)
    house.keep_segments()
    house.keep_segments()
    told = {one["segment"]: one for one in json.loads(phin(house, "segments", "--json").stdout)}
    assert (told["regulars"]["members"], told["regulars"]["share"], told["best"]["members"]) == (1, 0.5, 0)
    assert told["regulars"]["starts"] == ["thanks"]
    everything = phin(house, "segments").stdout
    assert "Khách quen" in everything and "50.0 %" in everything and "counting" not in everything
    one = phin(house, "segments", "regulars").stdout
    assert "customer.orders_count >= 2" in one and "c…@example.com" in one and "c1@example.com" not in one
    assert "Nguyễn [b]Lan[/b]" in one
    assert "regulars: customer.orders_count >= 2" in phin(house, "segments", "best").stdout
    assert "did you mean 'regulars'?" in phin(house, "segments", "regular").stderr


def test_a_faulty_segment_keeps_its_last_good_version(house: House) -> None:
    """Given published segments, when one is edited wrongly and one deleted, then the faulty one stays as it was."""
    publish(house)
    file = house.home.config / "segments.yaml"
    file.write_text("regulars: customer.orders_cont >= 5\nmany: customer.orders_count > 9\n")
    done = publish(house)
    assert {(one.segment, one.change) for one in done.segment_changes} == {
        ("many", "new"),
        ("best", "gone from the file"),
    }
    assert summary(done).endswith("1 segment broken")
    with house.database.reading() as connection:
        rows = {row.name: (row.expression, row.gone) for row in segments.all_segments(connection)}
        followed = house.flowbook.follow(connection)
    assert rows["regulars"] == ("customer.orders_count >= 2", False)
    assert rows["best"][1] and set(followed.kept) == {"regulars", "many"}
    file.write_text("regulars: [\n")
    assert publish(house).segment_changes == ()


def test_what_is_written_in_another_way_is_no_change(house: House) -> None:
    """Given published segments, when spaces, quotes, titles or their order change, then nobody is looked for anew."""
    publish(house)
    house.keep_segments()
    house.keep_segments()
    file = house.home.config / "segments.yaml"
    file.write_text(
        "best: (in_segment('regulars') and customer.total_spent > 1000000)\nregulars: customer.orders_count>=2\n"
    )
    assert publish(house).segment_changes == ()
    with house.database.reading() as connection:
        assert [(row.name, row.filled) for row in segments.all_segments(connection)] == [
            ("best", True),
            ("regulars", True),
        ]
    file.write_text(SEGMENTS.replace(">= 2", ">= 3"))
    assert {one.segment for one in publish(house).segment_changes} == {"regulars", "best"}


def test_a_flow_that_names_a_segment_that_never_was_is_refused(house: House) -> None:
    """Given a flow that names a segment which is faulty and was never published, then the flow is not published."""
    (house.home.config / "segments.yaml").write_text("vip: customer.spent > 1\nregulars: customer.orders_count >= 2\n")
    flows = {"a": "trigger: {segment: regulars}", "b": 'trigger: purchase\nwhen: not in_segment("vip")'}
    for name, text in flows.items():
        (house.home.folder / "flows" / f"{name}.yaml").write_text(f"flow: {name}\n{text}\nsteps: [{{exit: done}}]\n")
    done = publish(house)
    assert (done.live, done.broken, done.segments_broken) == (1, 1, 1)
    assert any("there is no segment 'vip'" in problem.message for problem in done.problems)
    (house.home.folder / "flows" / "b.yaml").write_text("flow: b\ntrigger: {segment: regulas}\nsteps: [{exit: done}]\n")
    checked = phin(house, "check")
    assert "segments.yaml:1:6: error: 'customer.spent' is not known" in checked.stdout
    assert "did you mean 'regulars'?" in checked.stdout and "2 errors" in checked.stdout
