"""The demo shop plays through with real processes, and its figures come out as its script says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.phin_up import PHIN_UP, make_home, phin_up
from tests.support.processes import clean_environment, running, wait_until
from tests.support.visitor import Visitor, purchase

DEMO = ("worker.edges.cli", "demo", "--customers", "60")
FIGURES = 9  # at least; without the offer, which a few days do not hold


@pytest.mark.timeout(600)
def test_a_few_days_are_played_and_their_figures_told(tmp_path: Path) -> None:
    """Given a shop of 60 customers, when three days are played, then each figure is met, and nothing is left running.

    What it kept can be asked afterwards, at the present time.
    """
    home, var, output = make_home(tmp_path / "home"), tmp_path / "var", tmp_path / "output"
    environment = clean_environment(PHIN_HOME=str(home), COLUMNS="160")
    arguments = (*DEMO, "--days", "3", "--var", str(var))
    with running(arguments, output=output, environment=environment, cwd=home) as process:
        status = process.wait(500)
    said = output.read_text()
    assert status == 0, said + (var / "phin-up.log").read_text()[-3_000:]
    assert said.count("✓") >= FIGURES
    assert "✗" not in said
    assert re.search(r"registered customers +60\b", said)
    assert re.search(r"4 days played in .*: \d+ events, \d+ orders, \d+ mails", said)
    assert not (var / "clock").exists()
    asked = clean_environment(PHIN_HOME=str(home), PHIN_VAR=str(var))
    report = subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", "report", "--json"],
        env=asked,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(report.stdout)["shop"]["customers"] == 60
    assert _of(var) == []


@pytest.mark.timeout(600)
def test_it_plays_into_a_house_while_a_newcomer_uses_it(tmp_path: Path) -> None:
    """Given phin up that begins with the demo, when a newcomer reports a purchase meanwhile, then it is confirmed.

    The play goes on, tells its figures, and leaves the house at the present time.
    """
    home = make_home(tmp_path)
    first = "phin demo --here --customers 40 --days 2"
    with phin_up(home, arguments=(*PHIN_UP, "--clock", "-34 days", "--first", first), COLUMNS="160") as up:
        wait_until(lambda: bool(re.search(r"demo shop +\d+%", up.said)), "the play begins", timeout=200)
        assert (home / "var" / "clock").exists()
        visitor = Visitor(up)
        mine = {"id": "mine", "email": "mine@example.com", "name": "Minh", "consent": {"marketing": True}}
        visitor.report(purchase("mine", "MINE-1", mine))
        wait_until(lambda: _confirmed(visitor), "the newcomer's order is confirmed")
        wait_until(lambda: "days played in" in up.said, "the play ends", timeout=400)
        wait_until(lambda: "solved within 48 hours" in up.said, "the figures are told", timeout=60)
        assert "✗" not in up.said, up.said
        assert not (home / "var" / "clock").exists()
        assert up.ready()


def _confirmed(visitor: Visitor) -> bool:
    (told,) = [one for one in visitor.why("mine")["flows"] if one["flow"] == "order-confirmation"]
    return any(mail["state"] == "sent" for way in told["journeys"] for mail in way["mails"])


def _of(var: Path) -> list[int]:
    """Return the processes that still work in a folder, by what they were started with."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").exists() else ():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"PHIN_VAR={var}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
