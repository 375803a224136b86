"""The list of commands says of each what it does, in a whole sentence; what is for people is there for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from tests.support.ledger import NOW, queue
from tests.support.processes import clean_environment
from worker.edges.cli.main import COMMANDS
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import message

WIDTH = 80 - 2 - 6 - len("release")  # columns that a terminal leaves for the sentence


def test_each_command_is_told_in_a_whole_sentence() -> None:
    """Given a terminal of 80 columns, then no sentence of the list is cut or goes on in a second line."""
    shown = {one.name: one.get_short_help_str(WIDTH) for one in COMMANDS if not one.hidden}
    cut = {name: told for name, told in shown.items() if told.endswith("...") or not told.endswith(".")}
    assert cut == {}
    assert {name: told for name, told in shown.items() if len(told) > WIDTH} == {}


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
