"""`GET /v1/backlog`: whether all that is due is done, and when the next thing falls due.

For whoever moves the clock or waits for an outcome: a played shop, a developer's script, a test.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.domain.errors import UnavailableError
from worker.edges.web.keys import Keys
from worker.edges.web.recording import Clock
from worker.storage.backlog import Backlog, Backlogs
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook

RETRY_AFTER = "2"  # seconds

_log = structlog.get_logger(__name__)


class BacklogPage:
    """The endpoint.

    Parameters:
        keys: says whose key a request presents.
    """

    def __init__(
        self,
        keys: Keys,
        database: Database,
        clock: Clock,
        flowbook: FlowBook,
        backlogs: Backlogs,
    ) -> None:
        self._keys = keys
        self._database = database
        self._clock = clock
        self._flowbook = flowbook
        self._backlogs = backlogs

    async def get(self, request: Request) -> Response:
        """Tell what is to be done."""
        source = self._keys.admit(request)
        if isinstance(source, Response):
            return source
        try:
            now, found = await run_in_threadpool(self._ask)
        except (UnavailableError, DBAPIError) as error:
            _log.warning("the backlog cannot be told now", why=told(error))
            return JSONResponse({"error": "the database cannot be asked now"}, 503, {"Retry-After": RETRY_AFTER})
        content = {
            "now": now.isoformat(),
            "idle": found.idle,
            "due": dict(found.due),
            "in_hand": found.in_hand,
            "next_at": None if found.next_at is None else found.next_at.isoformat(),
        }
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    def _ask(self) -> tuple[datetime, Backlog]:
        now = self._clock.now()
        with self._database.reading() as connection:
            return now, self._backlogs.ask(connection, self._flowbook.follow(connection), now)
