"""`/healthz`: this process lives. `/readyz`: work can be done."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.storage.database import Database
from worker.storage.migrations import up_to_date

ANSWERS_WITHIN = 3.0  # seconds that the database may take

log = logging.getLogger(__name__)


class Reachable(Protocol):
    """A queue that can be asked whether it answers."""

    def reachable(self) -> bool:
        """Say whether the server answers now."""


class Health:
    """The endpoints."""

    def __init__(self, database: Database, queue: Reachable) -> None:
        self._database = database
        self._queue = queue
        self._askers = ThreadPoolExecutor(2, "health")

    async def alive(self, _request: Request) -> Response:
        """Say that this process answers."""
        return JSONResponse({"alive": True}, headers={"Cache-Control": "no-store"})

    async def ready(self, _request: Request) -> Response:
        """Say whether events and hits can be kept; the queue is named, but only makes things quicker."""
        loop = asyncio.get_running_loop()
        try:
            wrong = await asyncio.wait_for(loop.run_in_executor(self._askers, self._wrong), ANSWERS_WITHIN)
        except TimeoutError:
            wrong = f"the database does not answer within {ANSWERS_WITHIN:.0f} seconds"
        queue = await loop.run_in_executor(None, self._queue.reachable)
        content = {
            "ready": wrong is None,
            "database": wrong or "up to date",
            "queue": "answers" if queue else "does not answer: the clock does all work itself, a little later",
        }
        return JSONResponse(content, 200 if wrong is None else 503, headers={"Cache-Control": "no-store"})

    def close(self) -> None:
        """End what is open."""
        self._askers.shutdown(wait=False)

    def _wrong(self) -> str | None:
        """Return what keeps the database from being used, or None; details stand in the log only."""
        try:
            with self._database.reading() as connection:
                if up_to_date(connection):
                    return None
        except Exception as error:
            log.warning("not ready: %s", error)
            return "the database cannot be reached"
        return "the database is not up to date with this version; run 'phin release'"
