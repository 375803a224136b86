"""A write that changes nothing, to learn whether the database takes one: a full disk lets everybody read."""

from __future__ import annotations

from sqlalchemy import text

from worker.storage.database import Database


def probe_writing(database: Database) -> None:
    """Commit something durably; raises what the database says where it takes nothing."""
    with database.writing() as connection:
        if database.is_sqlite:  # the first page is written anew, with what it held
            version = connection.execute(text("PRAGMA user_version")).scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")
        else:  # a transaction with a number of its own, whose commit is written to the log
            connection.execute(text("SELECT pg_current_xact_id()"))
