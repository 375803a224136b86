"""What a database's refusal means to whoever ran a command: what it is, in one line, and what to do.

Loaded only when one was refused, for what it needs takes time to load.
"""

from __future__ import annotations

import os

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from worker.domain.addresses import masked
from worker.domain.errors import PhinError
from worker.edges.cli.running import TRACEBACK
from worker.edges.environment import read_home
from worker.storage.database import Database
from worker.storage.migrations import up_to_date


def words(error: Exception) -> str:
    """Return what to say of an error of SQLAlchemy or Alembic; no password and no SQL is in it."""
    if isinstance(error, CommandError):  # it knows none of the steps that were applied
        return f"the database is of another version of Phin: {_first_line(error)}; use the version that made it"
    said = _first_line(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    if _is_old():
        return f"the database is not up to date with this version; run 'phin release' first (it says: {said})"
    return f"the database of database_url (PHIN_DATABASE_URL) says: {said}; {TRACEBACK}=1 shows where"


def _is_old() -> bool:
    """Say whether the shop's database can be read and lacks steps of this version."""
    try:
        database = Database(read_home(os.environ).database_url, pool=1)
    except PhinError:
        return False
    try:
        with database.reading() as connection:
            return not up_to_date(connection)
    except (PhinError, DBAPIError):
        return False
    finally:
        database.close()


def _first_line(error: BaseException) -> str:
    return masked(next(iter(str(error).strip().splitlines()), type(error).__name__))
