"""Homes for benches: the shipped settings, flows and templates, in a folder of their own."""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path

from tests.support.postgres import PostgresServer
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
    return {**kept, "PHIN_HOME": str(home), "PHIN_POLICY_QUIET_HOURS": "none", **settings}  # whatever the hour


def house(home: Path, **settings: str) -> House:
    """Return a house of this home, its database up to date."""
    built = House(read_home(environment(home, **settings)))
    migrate(built.database)
    return built


def ask_for_database(parser: ArgumentParser) -> None:
    """Let the command line say which database is measured."""
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own, with fsync")


def database_of(stack: ExitStack, *, postgres: bool) -> dict[str, str]:
    """Return the settings of a database that is gone when the stack closes: a PostgreSQL's, else none, for SQLite."""
    if not postgres:
        return {}
    server = PostgresServer(fsync=True)
    stack.callback(server.close)
    return {"PHIN_DATABASE_URL": server.url(server.create_database())}
