"""`/healthz`: this process lives. `/readyz`: work can be done, part by part, with the reason where it cannot."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.edges.moments import counted
from worker.edges.presence import FORGOTTEN_AFTER, SILENT_AFTER
from worker.edges.spooled import spooled
from worker.edges.web.writable import Writable
from worker.storage import processes
from worker.storage.database import Database, told
from worker.storage.migrations import fits
from worker.storage.reports import untaken

ANSWERS_WITHIN = 3.0  # seconds that the database may take
LOOKS_EVERY = 10.0  # seconds between two looks at what does not decide; the queue of a campaign is long

log = logging.getLogger(__name__)


class Reachable(Protocol):
    """A queue that can be asked whether it answers."""

    def reachable(self) -> bool:
        """Say whether the server answers now."""


class _Clock(Protocol):
    def machine(self) -> datetime: ...


class Health:
    """The endpoints.

    Parameters:
        spool: the folder of what waits for the database.
    """

    def __init__(self, database: Database, queue: Reachable, writable: Writable, clock: _Clock, spool: Path) -> None:
        self._database = database
        self._queue = queue
        self._writable = writable
        self._clock = clock
        self._spool = spool
        self._mail = _Told(self._waiting)
        self._ticking = _Told(self._clocks)
        self._askers = ThreadPoolExecutor(2, "health")
        self._prober = ThreadPoolExecutor(1, "probing")

    async def alive(self, _request: Request) -> Response:
        """Say that this process answers."""
        return JSONResponse({"alive": True}, headers={"Cache-Control": "no-store"})

    async def ready(self, _request: Request) -> Response:
        """Say whether events and hits can be kept.

        The rest is named, and does not decide: the queue only makes things quicker; mail that the relay does not take
        waits; hits in the spool are read back; and another web process would not change that no clock ticks.
        """
        loop = asyncio.get_running_loop()
        wrong = await self.fault()
        queue = await loop.run_in_executor(None, self._queue.reachable)
        content = {
            "ready": wrong is None,
            "database": wrong or "up to date",
            "mail": await self._look(self._mail) if wrong is None else "not known",
            "clock": await self._look(self._ticking) if wrong is None else "not known",
            "queue": "answers" if queue else "does not answer: the clock does all work itself, a little later",
            "spool": await loop.run_in_executor(None, self._spooled),
        }
        return JSONResponse(content, 200 if wrong is None else 503, headers={"Cache-Control": "no-store"})

    async def fault(self) -> str | None:
        """Return what keeps events and hits from being kept, or None."""
        loop = asyncio.get_running_loop()
        try:
            wrong = await asyncio.wait_for(loop.run_in_executor(self._askers, self._wrong), ANSWERS_WITHIN)
        except TimeoutError:
            return f"the database does not answer within {ANSWERS_WITHIN:.0f} seconds"
        if wrong is None:
            with suppress(TimeoutError):  # behind a long write; that is slow, and not broken
                wrong = await asyncio.wait_for(loop.run_in_executor(self._prober, self._writable.fault), ANSWERS_WITHIN)
        return wrong

    def close(self) -> None:
        """End what is open."""
        self._askers.shutdown(wait=False)
        self._prober.shutdown(wait=False)

    async def _look(self, one: _Told) -> str:
        """Return what was told of a part; the reasons stand in the report, and not where anybody may read."""
        if one.is_due():
            loop = asyncio.get_running_loop()
            with suppress(TimeoutError):
                one.said = await asyncio.wait_for(
                    loop.run_in_executor(self._askers, self._ask, one.ask), ANSWERS_WITHIN
                )
        return one.said

    def _ask(self, ask: Callable[[Connection], str]) -> str:
        try:
            with self._database.reading() as connection:
                return ask(connection)
        except Exception as error:
            log.warning("a part of /readyz is not known: %s", told(error))
            return "not known"

    def _waiting(self, connection: Connection) -> str:
        found = untaken(connection)
        if found is None:
            return "no mail waits for the relay"
        return f"mails that wait for the relay: {found.mails:,}; 'phin report' tells why"

    def _clocks(self, connection: Connection) -> str:
        now = self._clock.machine()
        rows = [row for row in processes.seen_since(connection, now - FORGOTTEN_AFTER) if row.name == "clock"]
        if any(row.seen_at >= now - SILENT_AFTER for row in rows):
            return "ticks"
        return "gave no sign of life lately: what waits for its time is not done; 'phin doctor' tells more"

    def _spooled(self) -> str:
        try:
            files, oldest = spooled(self._spool)
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        told = f"{counted(files, 'file')} for the database, the oldest from {oldest:.0f} s ago"
        return told if files else "empty"

    def _wrong(self) -> str | None:
        """Return what keeps the database from being used, or None; details stand in the log only."""
        try:
            with self._database.reading() as connection:
                if fits(connection):
                    return None
        except Exception as error:
            log.warning("not ready: %s", told(error))
            return "the database cannot be reached"
        return "the database is not up to date with this version; run 'phin release'"


class _Told:
    """What was told of a part, until it is asked again."""

    def __init__(self, ask: Callable[[Connection], str]) -> None:
        self.ask = ask
        self.said = "not known"
        self._again = 0.0

    def is_due(self) -> bool:
        """Say whether it should be asked now; who is told so asks."""
        if time.monotonic() < self._again:
            return False
        self._again = time.monotonic() + LOOKS_EVERY
        return True
