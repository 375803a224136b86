"""Bringing a database up to date: each step a file under `versions/`, applied once, in order, by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from worker.storage.database import Database

HERE = Path(__file__).parent
_MIGRATION_LOCK = 0x5068696E  # "Phin": two releases at once take turns on PostgreSQL


def migrate(database: Database) -> int:
    """Apply what is missing, in one transaction; done twice, or by two at once, it changes nothing more.

    Returns:
        The number of tables there are afterwards.
    """
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        return len([name for name in inspect(connection).get_table_names() if name != "alembic_version"])


def is_empty(connection: Connection) -> bool:
    """Say whether no step has ever been applied to this database: there is nothing of Phin's in it."""
    return MigrationContext.configure(connection).get_current_revision() is None


def up_to_date(connection: Connection) -> bool:
    """Say whether every step has been applied to this database."""
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE))
    return configuration
