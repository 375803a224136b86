"""The migrated database is the one that the tables describe."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from worker.storage.database import Database
from worker.storage.migrations import migrate, up_to_date
from worker.storage.tables import metadata


def test_the_migrations_make_what_the_tables_describe(database: Database) -> None:
    """Given a migrated database, when it is compared with the tables, then nothing differs."""
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """Given a new database, when it is migrated twice, then the second time finds nothing to do."""
    database = Database(f"sqlite:///{tmp_path / 'phin.db'}")
    first = migrate(database)
    assert migrate(database) == first > 10
    with database.reading() as connection:
        assert up_to_date(connection)


def test_a_new_database_is_not_up_to_date(tmp_path: Path) -> None:
    """Given an empty database, when it is asked, then it says that steps are missing."""
    with Database(f"sqlite:///{tmp_path / 'empty.db'}").reading() as connection:
        assert not up_to_date(connection)
