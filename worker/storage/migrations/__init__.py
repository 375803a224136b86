"""Bringing a database up to date: each step a file under `versions/`, applied once, in order, by Alembic."""

from __future__ import annotations

from functools import cache
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
        if not _is_ahead(connection):
            command.upgrade(configuration, "head")
        return len([name for name in inspect(connection).get_table_names() if name != "alembic_version"])


def is_empty(connection: Connection) -> bool:
    """Say whether no step has ever been applied to this database: there is nothing of Phin's in it."""
    return MigrationContext.configure(connection).get_current_revision() is None


def up_to_date(connection: Connection) -> bool:
    """Say whether every step has been applied to this database."""
    return MigrationContext.configure(connection).get_current_revision() == _steps()[0]


def fits(connection: Connection) -> bool:
    """Say whether this version can work with this database: each of its steps was applied, perhaps later ones too.

    A step only adds (a test holds that), so the version before goes on while processes are replaced one by one, and
    can come back where the next one turns out to be no good.
    """
    return up_to_date(connection) or _is_ahead(connection)


def _is_ahead(connection: Connection) -> bool:
    """Say whether a later version has applied a step that this one does not know; steps are numbered in order."""
    current = MigrationContext.configure(connection).get_current_revision()
    return current is not None and current > _steps()[0]


@cache
def _steps() -> tuple[str, ...]:
    """Return the numbers of all steps, the latest first; reading them takes a tenth of a second."""
    return tuple(step.revision for step in ScriptDirectory.from_config(_configuration()).walk_revisions())


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE))
    return configuration
