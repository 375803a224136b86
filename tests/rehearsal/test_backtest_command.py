"""`phin backtest`: a file that nobody published, played by the command, shown and told to programs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.processes import clean_environment
from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.edges.cli.backtest_lines import lines
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import Job
from worker.engine.intake import take_in
from worker.language.flow.flows import read_flow
from worker.rehearsal.backtest.playing import Backtest, Question
from worker.rehearsal.backtest.tally import Bar, Tally, Window
from worker.storage.migrations import migrate

FLOW = """flow: trial
trigger: purchase
when: order.total >= 300_000
goal: {event: purchase, within: 14 days}
steps: [{send: thanks}]
"""
TEMPLATE = '---\nsubject: "Cảm ơn {{ customer.name }}"\n---\n<html lang="vi"><body><p>Chào</p></body></html>\n'


@pytest.fixture
def house(tmp_path: Path) -> House:
    for folder in ("config", "flows", "templates", "drafts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    (tmp_path / "drafts" / "trial.yaml").write_text(FLOW)
    (tmp_path / "templates" / "thanks.vi.html").write_text(TEMPLATE)
    built = House(read_home({"PHIN_HOME": str(tmp_path)}))
    migrate(built.database)
    now = datetime.now(UTC)
    events = []
    for number, (customer, total, days) in enumerate([("c1", 450_000, 40), ("c1", 350_000, 33), ("c2", 90_000, 20)]):
        person = {"id": customer, "email": f"{customer}@example.com", "name": "Lan", "consent": {"marketing": True}}
        at = (now - timedelta(days=days)).isoformat()
        order = {"number": f"A{number}", "total": total}
        event = {"id": f"e{number}", "type": "purchase", "time": at, "history": True}
        events.append(event | {"customer": person, "order": order})
    _, work = take_in(built.database, events, "shop", EventRules.of(built.settings), now)
    built.runners[Job.PROCESS_EVENTS](work.events)
    return built


def phin(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(PHIN_HOME=str(house.home.folder), COLUMNS="120")
    command = [sys.executable, "-m", "worker.edges.cli", "backtest", *arguments]
    folder = house.home.folder
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60, cwd=folder)


def test_a_draft_is_played_and_told(house: House) -> None:
    """Given a file outside of the flows folder, when it is played, then figures, chart, bar and samples are told."""
    shown = phin(house, "drafts/trial.yaml")
    assert shown.returncode == 0, shown.stderr
    assert "2 customers looked at · 1 (2 times) would have entered · 2 mails · 0 held back" in shown.stdout
    assert "order.total >= 300_000 did not hold once" in shown.stdout
    assert "at most 1 on" in shown.stdout and "█" in shown.stdout
    assert "1 of the 2 (50.0 %) bought within 14 days anyway, 350,000 VND" in shown.stdout
    assert "2 samples in var/backtest/trial/" in shown.stdout
    files = sorted((house.settings.var / "backtest" / "trial").glob("*.txt"))
    assert len(files) == 2 and "Subject: Cảm ơn Lan" in files[0].read_text()
    assert "@" not in shown.stdout + shown.stderr


def test_programs_are_told_all_that_was_counted(house: House) -> None:
    """Given the same, when a window and JSON are asked for, then only who entered in it is counted."""
    since = (datetime.now(UTC) - timedelta(days=36)).date().isoformat()
    shown = phin(house, "drafts/trial.yaml", "--since", since, "--samples", "0", "--format", "json")
    told = json.loads(shown.stdout)
    assert (told["customers"], told["entered"], told["mails"], told["samples"]) == (2, 1, 1, [])
    assert told["not_entered"] == {"when": 1} and told["goal"]["reached"] == 0
    assert sum(told["mails_a_day"].values()) == 1


def test_what_cannot_be_played_is_told(house: House) -> None:
    """Given a wrong name, a broken file, no time and no share, then each is told, and nothing is played."""
    assert "there is no flow 'trail'" in phin(house, "trail").stderr
    assert "there is no file drafts/none.yaml" in phin(house, "drafts/none.yaml").stderr
    assert "there is no time to play" in phin(house, "drafts/trial.yaml", "--since", "2999-01-01").stderr
    (house.home.folder / "drafts" / "trial.yaml").write_text(FLOW.replace("order.total", "order.totl"))
    broken = phin(house, "drafts/trial.yaml")
    assert broken.returncode == 1 and "did you mean 'order.total'" in broken.stderr
    assert "is no share" in phin(house, "drafts/trial.yaml", "--clicks", "10").stderr


DAYS = Window(datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 23, tzinfo=UTC))


def shown_of(tally: Tally, was_live: int) -> str:
    """Return what the command prints of a backtest of 22 days."""
    flow = read_flow(FLOW, "trial.yaml", None)[0]
    settings = Settings.model_validate({"shop": {"timezone": "UTC"}})
    found = Backtest(Question(flow, DAYS, settings), tally, was_live)
    return "\n".join(str(line) for line in lines(found, None, "var", 120))


@pytest.mark.parametrize("was_live", [0, 12])
def test_a_flow_that_was_live_has_no_bar(was_live: int) -> None:
    """Given buyers of a flow that was live or not, then either that is said or the bar, never both."""
    tally = Tally(bar=Bar("purchase", timedelta(days=14), 40, 12, 3))
    shown = shown_of(tally, was_live)
    assert ("12 of the 40 (30.0 %)" in shown) is (was_live == 0)
    assert ("of 3 of them the time was not over" in shown) is (was_live == 0)
    assert ("the flow was live in this time and began 12 journeys" in shown) is (was_live == 12)


def test_days_without_a_mail_are_drawn() -> None:
    """Given 22 days of which one had mails, then each of the others has a dot in the chart."""
    tally = Tally(days=Counter({date(2027, 3, 5): 7}))
    assert f"[green]····█{'·' * 17}[/]" in shown_of(tally, 0)
