"""What `phin up` reads of the settings' texts and of the secrets, asked beforehand: nothing is opened or made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from worker.delivery.smtp_relay import parse_relays
from worker.domain.errors import Place, Problem, SettingError
from worker.edges.beforehand import given_faults
from worker.edges.imap_address import parse_mailbox
from worker.edges.redis_client import open_client
from worker.storage.database import Database

_DATABASE = (
    "database_url (PHIN_DATABASE_URL) is no database URL; write sqlite:///var/phin.db "
    "or postgresql://user:password@host/name"
)


def read_database(url: str) -> None:
    """Read a database's URL; no connection is made.

    Raises:
        SettingError: it cannot be used; the message never holds the password.
    """
    try:
        make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter: a port that is no number
        raise SettingError(_DATABASE) from error
    Database(url).close()


def _read_queue(url: str) -> None:
    open_client(url, timeout=1.0).close()


PARSERS: Mapping[str, Callable[[str], object]] = {
    "smtp_url": parse_relays,
    "database_url": read_database,
    "redis_url": _read_queue,
    "bounces.imap_url": parse_mailbox,
}
"""What reads each setting that is a server's URL, by the names of its groups and its own."""


def secret_problems(environment: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with the secrets that the environment gives."""
    return [Problem(Place("environment", 0, 0), fault) for fault in given_faults(environment)]
