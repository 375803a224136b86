"""How far the mailbox was read that receives reports, and since when it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from worker.storage.rows import Insertion
from worker.storage.tables import bounce_mailbox

_READ = Insertion(
    bounce_mailbox,
    lambda new: new.on_conflict_do_update(
        index_elements=["name"],
        set_={name: new.excluded[name] for name in ("validity", "uid", "read_at", "failed_at", "failure")},
    ),
)
_FAILED = Insertion(
    bounce_mailbox,
    lambda new: new.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "failed_at": func.coalesce(bounce_mailbox.c.failed_at, new.excluded.failed_at),
            "failure": new.excluded.failure,
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as it was last read.

    Parameters:
        validity: the server's UIDVALIDITY; with another one its numbers mean other mails (RFC 3501, 2.3.1.1).
        uid: up to which number its mails have their rows.
        read_at: when it was last read to its end.
        failed_at: since when it cannot be read; None while it can.
    """

    name: str
    validity: int = 0
    uid: int = 0
    read_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str | None = None


def known(connection: Connection, name: str) -> Mailbox:
    """Return how far a mailbox was read; one unheard of not at all."""
    row = connection.execute(select(bounce_mailbox).where(bounce_mailbox.c.name == name)).first()
    return Mailbox(name) if row is None else Mailbox(**row._mapping)


def listed(connection: Connection) -> list[Mailbox]:
    """Return all of them."""
    return [Mailbox(**row._mapping) for row in connection.execute(select(bounce_mailbox))]


def read(connection: Connection, name: str, validity: int, uid: int, now: datetime) -> None:
    """Write how far it was read: every mail up to this number has its row."""
    values = {"name": name, "validity": validity, "uid": uid, "read_at": now, "failed_at": None, "failure": None}
    connection.execute(_READ.on(connection), values)


def failed(connection: Connection, name: str, why: str, now: datetime) -> None:
    """Write that it cannot be read; since when stays."""
    values = {"name": name, "validity": 0, "uid": 0, "failed_at": now, "failure": why}
    connection.execute(_FAILED.on(connection), values)
