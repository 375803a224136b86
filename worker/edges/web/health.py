"""`/healthz`: this process lives. `/readyz`: work can be done."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.edges.web.writable import Writable
from worker.storage.database import Database, told
from worker.storage.migrations import up_to_date
from worker.storage.reports import untaken

ANSWERS_WITHIN = 3.0  # seconds that the database may take
MAIL_EVERY = 10.0  # seconds between two looks at the mail that waits; the queue of a campaign is long

log = logging.getLogger(__name__)


class Reachable(Protocol):
    """A queue that can be asked whether it answers."""

    def reachable(self) -> bool:
        """Say whether the server answers now."""


class Health:
    """The endpoints."""

    def __init__(self, database: Database, queue: Reachable, writable: Writable) -> None:
        self._database = database
        self._queue = queue
        self._writable = writable
        self._mail_told = "not known"
        self._mail_again = 0.0
        self._askers = ThreadPoolExecutor(2, "health")
        self._prober = ThreadPoolExecutor(1, "probing")

    async def alive(self, _request: Request) -> Response:
        """Say that this process answers."""
        return JSONResponse({"alive": True}, headers={"Cache-Control": "no-store"})

    async def ready(self, _request: Request) -> Response:
        """Say whether events and hits can be kept.

        The queue is named, but only makes things quicker; so is mail that the relay does not take: it waits, and
        another web process would not change it.
        """
        loop = asyncio.get_running_loop()
        try:
            wrong = await asyncio.wait_for(loop.run_in_executor(self._askers, self._wrong), ANSWERS_WITHIN)
        except TimeoutError:
            wrong = f"the database does not answer within {ANSWERS_WITHIN:.0f} seconds"
        if wrong is None:
            with suppress(TimeoutError):  # behind a long write; that is slow, and not broken
                wrong = await asyncio.wait_for(loop.run_in_executor(self._prober, self._writable.fault), ANSWERS_WITHIN)
        mail = await self._mail() if wrong is None else "not known"
        queue = await loop.run_in_executor(None, self._queue.reachable)
        content = {
            "ready": wrong is None,
            "database": wrong or "up to date",
            "mail": mail,
            "queue": "answers" if queue else "does not answer: the clock does all work itself, a little later",
        }
        return JSONResponse(content, 200 if wrong is None else 503, headers={"Cache-Control": "no-store"})

    def close(self) -> None:
        """End what is open."""
        self._askers.shutdown(wait=False)
        self._prober.shutdown(wait=False)

    async def _mail(self) -> str:
        """Return whether mail waits for the relay; its words stand in the report, and not where anybody may read."""
        if time.monotonic() >= self._mail_again:
            self._mail_again = time.monotonic() + MAIL_EVERY
            loop = asyncio.get_running_loop()
            with suppress(TimeoutError):
                self._mail_told = await asyncio.wait_for(
                    loop.run_in_executor(self._askers, self._waiting), ANSWERS_WITHIN
                )
        return self._mail_told

    def _waiting(self) -> str:
        try:
            with self._database.reading() as connection:
                found = untaken(connection)
        except Exception as error:
            log.warning("nobody knows whether mail waits: %s", told(error))
            return "not known"
        if found is None:
            return "no mail waits for the relay"
        return f"mails that wait for the relay: {found.mails:,}; 'phin report' tells why"

    def _wrong(self) -> str | None:
        """Return what keeps the database from being used, or None; details stand in the log only."""
        try:
            with self._database.reading() as connection:
                if up_to_date(connection):
                    return None
        except Exception as error:
            log.warning("not ready: %s", told(error))
            return "the database cannot be reached"
        return "the database is not up to date with this version; run 'phin release'"
