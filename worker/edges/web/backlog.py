"""`GET /v1/backlog`: whether all that is due is done, and when the next thing falls due.

For whoever moves the clock or waits for an outcome: a played shop, a developer's script, a test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.domain.errors import UnavailableError
from worker.edges.web.keys import CHALLENGE, REFUSED, source_of_request
from worker.edges.web.recording import Clock
from worker.storage.backlog import Backlog, Backlogs
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook

RETRY_AFTER = "2"  # seconds

_log = structlog.get_logger(__name__)


class BacklogPage:
    """The endpoint.

    Parameters:
        source_of: returns the name of an ingest key, or None.
    """

    def __init__(
        self,
        source_of: Callable[[str], str | None],
        database: Database,
        clock: Clock,
        flowbook: FlowBook,
        backlogs: Backlogs,
    ) -> None:
        self._source_of = source_of
        self._database = database
        self._clock = clock
        self._flowbook = flowbook
        self._backlogs = backlogs

    async def get(self, request: Request) -> Response:
        """Tell what is to be done."""
        if source_of_request(request, self._source_of) is None:
            return JSONResponse({"error": REFUSED}, 401, CHALLENGE)
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
