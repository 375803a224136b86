"""Shops' folders for commands that work on one: with all that Phin ships, or bare, with a house of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT, clean_environment
from worker.domain.event_check import EventRules
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import Job
from worker.engine.intake import take_in
from worker.storage.migrations import migrate

SHIPPED = ("config", "flows", "templates")


def shop_folder(path: Path) -> Path:
    """Make a folder that has what Phin ships; its templates are the shipped ones themselves."""
    path.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        (path / name).symlink_to(ROOT / name)
    return path


def phin(folder: Path, *arguments: str, **environment: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of Phin in a folder."""
    variables = clean_environment(PHIN_HOME=str(folder), COLUMNS="120", **environment)
    command = [sys.executable, "-m", "worker.edges.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=90)


def bare_house(folder: Path, **flows: str) -> House:
    """Return the house of a shop that has a name and these flows (`_` for `-`), its database up to date."""
    for name in SHIPPED:
        (folder / name).mkdir()
    (folder / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    for key, text in flows.items():
        name = key.replace("_", "-")
        (folder / "flows" / f"{name}.yaml").write_text(f"flow: {name}\n{text}")
    built = House(read_home({"PHIN_HOME": str(folder)}))
    migrate(built.database)
    return built


def take_events(house: House, *events: dict[str, Any]) -> None:
    """Report events that happen now, and process each."""
    for event in events:
        now = house.clock.now()
        whole = {"time": now.isoformat(), **event}
        receipt, work = take_in(house.database, [whole], "shop", EventRules.of(house.settings), now)
        assert not receipt.refused, receipt.refused
        house.runners[Job.PROCESS_EVENTS](work.events)
