"""Sessions that were signed out: a copy of the cookie that somebody took before is worth nothing afterwards.

Each stands in the audit log, by a hash of the session's mark, so that every web process knows of it within seconds and
still after it was started anew; in the process that was asked, at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import DBAPIError

from worker.domain.errors import UnavailableError
from worker.edges.web.sessions import Session
from worker.storage import audit
from worker.storage.audit import Actor, Way
from worker.storage.database import Database, told

ACTION = "signed out"
EVERY = 10.0  # seconds between two looks at what other processes were told
READ_AGAIN = 1_000  # lines before the last one read, since one with a smaller number may be committed later

log = logging.getLogger(__name__)


class Clock(Protocol):
    """Tells the shop's time."""

    def now(self) -> datetime:
        """Return it."""


class EndedSessions:
    """Knows which sessions are over; safe to share between threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: set[str] = set()
        self._read_to = 0
        self._lock = threading.Lock()

    def holds(self, session: Session) -> bool:
        """Say whether a session was signed out."""
        return _name(session) in self._known

    def end(self, session: Session) -> None:
        """End a session here at once, and everywhere once it is committed; blocks."""
        name = _name(session)
        with self._lock:
            self._known.add(name)
        try:
            with self._database.writing() as connection:
                audit.write(connection, Actor(Way.PAGE, session.person), ACTION, name, self._clock.now())
        except (UnavailableError, DBAPIError) as error:
            log.error("that somebody signed out is known to this process alone: %s", told(error))

    def read(self) -> None:
        """Learn what other processes were told; blocks.

        Raises:
            UnavailableError, DBAPIError: the database cannot be asked.
        """
        with self._lock, self._database.reading() as connection:
            for number, name in audit.marked(connection, ACTION, self._read_to - READ_AGAIN):
                self._known.add(name)
                self._read_to = max(self._read_to, number)

    async def follow(self) -> None:
        """Read again and again, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.read)
            except (UnavailableError, DBAPIError) as error:
                log.info("who signed out elsewhere is not known now: %s", told(error))
            await asyncio.sleep(EVERY)


def _name(session: Session) -> str:
    """Return what a session is called in the log; nobody makes a cookie of it."""
    return f"session {hashlib.sha256(session.mark.encode()).hexdigest()[:24]}"
