"""A sender's lease: how long what it has in hand stays its own, renewed while it works."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from worker.domain.errors import UnavailableError
from worker.storage import claims
from worker.storage.database import Database, told

_log = structlog.get_logger(__name__)


class Lease:
    """Until when the sender may hand over what it marked, as far as it knows.

    The rows are what counts: where the time is over and nobody took the messages, they are still the sender's.

    Parameters:
        token: the sender's own, as in the rows that it claims.
        machine: the machine's time.
    """

    def __init__(self, database: Database, token: str, machine: Callable[[], datetime], span: timedelta) -> None:
        self._database = database
        self._token = token
        self._machine = machine
        self._span = span
        self._until = self._renew_from = machine()
        self._held: frozenset[int] = frozenset()

    @property
    def half_over(self) -> bool:
        """Whether the lease is to be renewed at the next occasion."""
        return self._machine() >= self._renew_from

    def begin(self) -> datetime:
        """Return the machine time until which what is claimed or marked now is the sender's."""
        self._until = self._machine() + self._span
        self._renew_from = self._until - self._span / 2
        return self._until

    def holds(self, messages: Iterable[int]) -> None:
        """Say which messages were marked."""
        self._held = frozenset(messages)

    def covers(self, message: int) -> bool:
        """Say whether a message that was marked is still the sender's; past half of the time, the lease is renewed."""
        now = self._machine()
        if now >= self._renew_from:
            self._renew()
            now = self._machine()
        return message in self._held and now < self._until

    def _renew(self) -> None:
        before = self._until
        until = self.begin()
        try:
            with self._database.writing() as connection:
                self._held &= claims.renew(connection, token=self._token, lease_until=until)
        except (UnavailableError, DBAPIError) as error:  # what was granted holds to its end
            _log.warning("a lease cannot be renewed", why=told(error))
            self._until = before
            self._renew_from = self._machine() + self._span / 8
