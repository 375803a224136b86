"""A look at the database for commands that do without one: read where it is there, left alone where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, make_url

from worker.domain.errors import PhinError, UnavailableError
from worker.edges.environment import Home
from worker.storage.database import Database
from worker.storage.migrations import fits


class NoDatabaseError(PhinError):
    """There is no database that can be read; the message says why, and what makes it."""


@contextmanager
def looked_at(home: Home) -> Iterator[Connection]:
    """Open the shop's database to read; nothing is made where there is none.

    Raises:
        NoDatabaseError: it is not there, does not answer, or is of another version.
    """
    missing = NoDatabaseError("there is no up-to-date database yet; 'phin up' or 'phin release' makes it")
    url = make_url(home.database_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        raise missing
    database = Database(home.database_url, pool=1)
    try:
        try:
            with database.reading() as connection:
                there = fits(connection)
        except UnavailableError as error:
            raise NoDatabaseError(str(error)) from error
        if not there:
            raise missing
        with database.reading() as connection:
            yield connection
    finally:
        database.close()
