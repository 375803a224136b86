"""The migrated database is the one that the tables describe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from worker.storage.database import Database
from worker.storage.migrations import HERE, migrate, up_to_date
from worker.storage.tables import goal, message, metadata

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
_BEFORE = (  # rows of the first version, with only what they cannot be without
    "INSERT INTO customer (id, created_at, updated_at) VALUES (1, {now}, {now})",
    "INSERT INTO flow_version (id, flow, number, meaning, source, published_at) VALUES (1, 'f', 1, '', '', {now})",
    "INSERT INTO journey (id, flow, version_id, customer_id, once_key, state, entered_at)"
    " VALUES (1, 'f', 1, 1, 'k', 'done', {now})",
    "INSERT INTO event (id, source, external_id, type, occurred_at, received_at, content_hash, payload)"
    " VALUES (1, 's', 'e', 'purchase', {now}, {now}, '', '{{}}')",
    "INSERT INTO message (id, key, customer_id, kind, template, created_at, not_before)"
    " VALUES (1, 'old', 1, 'marketing', 't', {now}, {now})",
    "INSERT INTO goal (journey_id, flow, message_id, event_id, at) VALUES (1, 'f', 1, 1, {now})",
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_before_tasks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as the version before tasks left it, on SQLite and on PostgreSQL."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    name = server.create_database() if server else ""
    database = Database(server.url(name) if server else f"sqlite:///{tmp_path / 'old.db'}")
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE))
    with database.writing() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0002")
    yield database
    database.close()
    if server:
        server.drop_database(name)


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


def test_mails_of_before_stay_when_those_to_staff_come(database_before_tasks: Database) -> None:
    """Given a mail with a goal that points to it, when the ledger learns of staff, then both stay, and rules hold."""
    with database_before_tasks.writing() as connection:
        for statement in _BEFORE:
            now = "now()" if connection.dialect.name == "postgresql" else "0"
            connection.exec_driver_sql(statement.format(now=now))
    migrate(database_before_tasks)
    with database_before_tasks.reading() as connection:
        row = connection.execute(select(message.c.key, message.c.customer_id, message.c.staff)).one()
        assert tuple(row) == ("old", 1, None)
        assert connection.execute(select(goal.c.message_id)).scalar_one() == 1
    mail = {"kind": "transactional", "template": "x", "created_at": NOW, "not_before": NOW}
    with database_before_tasks.writing() as connection:
        connection.execute(insert(message), {"id": 2, "key": "new", "staff": "mai", **mail})
    for recipient in ({}, {"staff": "mai", "customer_id": 1}):
        with pytest.raises(IntegrityError), database_before_tasks.writing() as connection:
            connection.execute(insert(message), {"id": 3, "key": "bad", **recipient, **mail})
