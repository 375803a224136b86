"""After a back-up was restored: nothing that went out since goes out again, and then the house goes on.

`begin` pauses everything and calls the mails of the back-up's queue in doubt. Then clock and workers catch up, writing
down what fell due since and sending none of it; `end` calls that in doubt as well, and lets the house go on.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect

from worker.delivery.headers import MailHeaders
from worker.domain.errors import PhinError
from worker.edges.acting import operator
from worker.edges.environment import Home
from worker.edges.house import House
from worker.edges.presence import alive
from worker.storage import audit, flows, journeys, restoring
from worker.storage.backlog import Backlogs
from worker.storage.database import Database
from worker.storage.tables import switch

_IDENTIFIER = re.compile(rb"[0-9a-f]{32}@[A-Za-z0-9.-]+")
_CATCHES_UP = ("events", "journeys", "reminders", "hits")


@dataclass(frozen=True, slots=True)
class Doubts:
    """What became of the mails that may have been sent since.

    Parameters:
        unknown: nobody knows; `sent`: a log of the relay names them.
    """

    unknown: int = 0
    sent: int = 0


def begin(house: House, logs: Iterable[Path]) -> Doubts:
    """Pause everything and call what the back-up's queue holds in doubt, before any process starts.

    Parameters:
        logs: of the relay, since the back-up; gzipped ones too.

    Raises:
        PhinError: processes of Phin run, it was done before, or a log cannot be read.
    """
    if living := alive(house):
        names = ", ".join(f"{row.name} on {row.host}" for row in living)
        raise PhinError(f"processes of Phin work with this database: {names}; stop them first")
    named = _named_in(logs)
    with house.database.writing() as connection:
        if restoring.state(connection) == restoring.CATCHING_UP:
            raise PhinError("this was done; start clock and workers, and then run 'phin restored --resume'")
        now = house.clock.now()
        flows.set_paused(connection, None, True, now)
        restoring.set_state(connection, restoring.CATCHING_UP, now)
        restoring.forget_processes(connection)
        restoring.leave_numbers_out(connection, now)
        restoring.skip_turns(connection, now)
        doubts = _doubt(house, connection, named, now)
        audit.write(connection, operator(), "restored", "a back-up", now, unknown=doubts.unknown, sent=doubts.sent)
    return doubts


def end(house: House) -> Doubts:
    """Call in doubt what was written down since `begin`, and let the house go on.

    Raises:
        PhinError: nothing was begun, or what fell due is not all written down.
    """
    with house.database.writing() as connection:
        if restoring.state(connection) != restoring.CATCHING_UP:
            raise PhinError("no restored database catches up here; 'phin restored' without --resume begins it")
        now = house.clock.now()
        backlogs = Backlogs(house.settings.shop.timezone, house.seasons)
        due = backlogs.ask(connection, house.flowbook.follow(connection), now).due
        if left := ", ".join(kind for kind in _CATCHES_UP if due[kind]):
            raise PhinError(f"not caught up yet: there are {left} to be worked on; let clock and workers run meanwhile")
        doubts = _doubt(house, connection, frozenset(), now)
        restoring.skip_turns(connection, now)
        restoring.set_state(connection, 0, now)
        flows.set_paused(connection, None, False, now)
        audit.write(connection, operator(), "resumed", "after a back-up", now, unknown=doubts.unknown)
    return doubts


def refuse_copy(database: Database) -> None:
    """Let no process work on a back-up of which nobody said that it was restored.

    Raises:
        PhinError: it is one.
    """
    with database.reading() as connection:
        if restoring.state(connection) == restoring.COPY:
            raise PhinError(
                "this database is a back-up: what went out after it was made would go out again; "
                "run 'phin restored' first"
            )


def refuse_copy_at(home: Home) -> None:
    """Do the same where there may be no database yet, or an older one.

    Raises:
        PhinError: it is a back-up.
    """
    database = Database(home.database_url, pool=1)
    path = database.engine.url.database
    try:
        if database.is_sqlite and path is not None and Path(path).exists():
            with database.reading() as connection:
                there = inspect(connection).has_table(switch.name)
            if there:
                refuse_copy(database)
    finally:
        database.close()


def _doubt(house: House, connection: Connection, named: frozenset[str], now: datetime) -> Doubts:
    headers = MailHeaders(house.settings.shop.sender.email.rpartition("@")[2])
    every = known = 0
    for mails in restoring.in_doubt(connection, now):
        identifiers = {mail.id: headers.message_id(mail) for mail in mails}
        sent = {number for number, identifier in identifiers.items() if identifier in named}
        restoring.settle(connection, identifiers, sent, now)
        journeys.wake(connection, [number for number, _ in journeys.waiting_of_messages(connection, list(identifiers))])
        every, known = every + len(mails), known + len(sent)
    return Doubts(every - known, known)


def _named_in(logs: Iterable[Path]) -> frozenset[str]:
    """Return whatever looks like a Message-ID of ours in these files."""
    found: set[str] = set()
    for path in logs:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                for line in file:
                    found.update(one.decode("ascii") for one in _IDENTIFIER.findall(line))
        except OSError as error:
            raise PhinError(f"the log {path} cannot be read: {error.strerror or error}") from error
    return frozenset(found)
