"""The list of commands says of each what it does, in a whole sentence; what is for people is there for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import update

from tests.support.ledger import NOW, queue
from tests.support.processes import clean_environment
from worker.edges.cli import commands
from worker.edges.cli.commands import COMMANDS
from worker.edges.cli.main import phin
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import message

WIDTH = 78 - 4 - max(len(one.name) for one in COMMANDS)  # columns that a terminal of 80 leaves for the sentence
CLI = Path(commands.__file__).parent


def test_each_command_is_told_in_a_whole_sentence() -> None:
    """Given a terminal of 80 columns, then no sentence of the list is cut or goes on in a second line."""
    cut = {one.name: one.told for one in COMMANDS if not one.told.endswith(".") or len(one.told) > WIDTH}
    assert cut == {}


def test_the_list_tells_what_each_command_tells_of_itself() -> None:
    """Given the list that is known without loading a command, then it holds each one, as it says of itself."""
    listed = {(one.module, one.name): (one.told, one.hidden) for one in COMMANDS}
    own: dict[tuple[str, str], tuple[str, bool]] = {}
    for path in sorted(CLI.glob("*.py")):
        if path.stem != "__main__":  # which runs what was typed
            module = import_module(f"worker.edges.cli.{path.stem}")
            for one in getattr(module, "commands", ()) if path.stem != "__init__" else ():
                own[path.stem, one.name] = (one.get_short_help_str(200), one.hidden)
    assert listed == own
    for command in COMMANDS:
        assert command.load().name == command.name


def test_the_list_loads_no_command() -> None:
    """Given `phin --help`, then it lists all commands that are not hidden, and neither house nor database is loaded."""
    script = (
        "import sys\nfrom worker.edges.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    assert "worker.edges.cli.commands" in loaded
    assert not loaded & {"worker.edges.house", "sqlalchemy", "jinja2", "pydantic", *(one.path for one in COMMANDS)}
    for one in COMMANDS:
        assert (f"  {one.name} " in ran.stdout and one.told in ran.stdout) is not one.hidden
    assert "  demo " in ran.stdout  # of another package


def test_all_is_loaded_before_anything_forks() -> None:
    """Given the group as `phin up` takes it, when it loads all, then each command and the demo are there."""
    context = phin.make_context("phin", ["--"], resilient_parsing=True)
    phin.load_all(context)
    assert {one.name for one in COMMANDS} | {"demo"} <= set(phin.commands)
    assert {one.path for one in COMMANDS} <= set(sys.modules)


def unknown(home: Path) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", "unknown", "--json"],
        env=clean_environment(PHIN_HOME=str(home)),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def test_messages_of_unknown_outcome_are_told_to_programs(tmp_path: Path) -> None:
    """Given a message of which no answer is known, then `--json` names it, and without one the list is empty."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop:\n  name: The Coffee\n")
    (tmp_path / "var").mkdir()
    database = Database(f"sqlite:///{tmp_path}/var/phin.db")
    migrate(database)
    assert unknown(tmp_path) == []
    with database.writing() as connection:
        (number,) = queue(connection, "a", flow="welcome")
        known = {"state": "unknown", "transmitting_at": NOW + timedelta(hours=1)}
        connection.execute(update(message).where(message.c.id == number).values(**known))
    database.close()
    (row,) = unknown(tmp_path)
    assert (row["message"], row["flow"], row["template"]) == (number, "welcome", "order-confirmation")
    assert row["handed_over"] == "2027-03-01T08:00:00+00:00"
