"""A rolling upgrade: the version before goes on working while the tables are already those of the next.

`phin release` runs first, and processes are started anew one after the other (docs/operations.md). So a migration only
adds: what the version before reads is still there, and what it writes is still taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from worker.storage import migrations
from worker.storage.database import Database

PROMISED_AFTER = "0025"  # of what came before it, nothing was promised


def test_migrations_only_add(tmp_path: Path) -> None:
    """Given each migration since the promise, when it is applied, then nothing that was there is gone or stricter."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    steps = [step.revision for step in ScriptDirectory.from_config(configuration).walk_revisions()][::-1]
    database = Database(f"sqlite:///{tmp_path / 'phin.db'}")
    faults: list[str] = []
    before: dict[str, dict[str, Any]] = {}
    for step in steps:
        with database.writing() as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, step)
        with database.reading() as connection:
            after = _columns(connection)
        if step > PROMISED_AFTER:
            faults += [f"{step}: {fault}" for fault in _stricter(before, after)]
        before = after
    database.close()
    assert steps[-1] > PROMISED_AFTER
    assert not faults


def test_the_version_before_works_on_and_may_come_back(tmp_path: Path) -> None:
    """Given a database that a later version has brought up to date, then this one works with it and changes nothing."""
    database = Database(f"sqlite:///{tmp_path / 'phin.db'}")
    with database.reading() as connection:
        assert not migrations.fits(connection)
    migrations.migrate(database)
    for revision, fits in (("0007", False), ("9999", True)):
        with database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :now"), {"now": revision})
        with database.reading() as connection:
            assert migrations.fits(connection) is fits
    migrations.migrate(database)
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    database.close()


def _columns(connection: Connection) -> dict[str, dict[str, Any]]:
    looked = inspect(connection)
    return {
        table: {column["name"]: column for column in looked.get_columns(table)}
        for table in looked.get_table_names()
        if table != "alembic_version"
    }


def _stricter(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """Return what the version before would stumble over."""
    faults = [f"table {table} is gone" for table in before.keys() - after.keys()]
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        faults += [f"{table}.{name} is gone" for name in old.keys() - new.keys()]
        faults += [
            f"{table}.{name} was made stricter, or of another type"
            for name in old.keys() & new.keys()
            if str(old[name]["type"]) != str(new[name]["type"]) or (old[name]["nullable"] and not new[name]["nullable"])
        ]
        faults += [
            f"{table}.{name} is new and has to be given"
            for name in new.keys() - old.keys()
            if not new[name]["nullable"] and new[name]["default"] is None
        ]
    return faults
