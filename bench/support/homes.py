"""Homes for benches: the shipped settings, flows and templates, in a folder of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from worker.edges.environment import read_home
from worker.edges.house import House
from worker.storage.migrations import migrate

ROOT = Path(__file__).parent.parent.parent


def make_home(folder: Path) -> Path:
    """Return a home with the shipped settings, flows and templates."""
    for name in ("config", "flows", "templates"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    return folder


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Return the variables for a process of this home, without settings of the machine's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PHIN_")}
    return {**kept, "PHIN_HOME": str(home), **settings}


def house(home: Path, **settings: str) -> House:
    """Return a house of this home, its database up to date."""
    built = House(read_home(environment(home, **settings)))
    migrate(built.database)
    return built
