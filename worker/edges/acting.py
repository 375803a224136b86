"""Who does something, as the audit log names them."""

from __future__ import annotations

import getpass
import socket
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError

from worker.domain.errors import UnavailableError
from worker.storage import audit
from worker.storage.audit import Actor, Way
from worker.storage.database import Database, told

_log = structlog.get_logger(__name__)


class Times(Protocol):
    """Tells the shop's time."""

    def now(self) -> datetime:
        """Return it."""


def operator() -> Actor:
    """Return whoever typed this command: user and machine, `thu@office`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user of the system without a name, as containers have
        user = "somebody"
    return Actor(Way.COMMAND, f"{user}@{socket.gethostname()}")


def note_sign_in(database: Database, clock: Times, person: str) -> None:
    """Have the log say that a person signed in; they get in all the same where the database is away."""
    try:
        with database.writing() as connection:
            audit.write(connection, Actor(Way.PAGE, person), "signed in", None, clock.now())
    except (UnavailableError, DBAPIError) as error:
        _log.error("a sign-in is not in the audit log", person=person, why=told(error))
