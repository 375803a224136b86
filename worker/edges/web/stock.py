"""`POST /v1/stock`: the shop tells which articles it has; the answer comes when it is committed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.domain.errors import UnavailableError
from worker.domain.setting_groups import Intake
from worker.domain.stock import StockFault, StockWord, read_stock
from worker.domain.work import Work
from worker.edges.web.bodies import BodyError, items_of, read_body
from worker.edges.web.keys import Keys
from worker.edges.web.recording import Clock
from worker.engine.intake import Unreadable
from worker.engine.stocking import take_stock
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook

RETRY_AFTER = "2"  # seconds

_log = structlog.get_logger(__name__)


class StockPage:
    """The endpoint.

    Parameters:
        keys: says whose key a request presents.
        tell: told of the journeys that are to look again.
    """

    def __init__(
        self,
        limits: Intake,
        keys: Keys,
        database: Database,
        clock: Clock,
        flowbook: FlowBook,
        tell: Callable[[Work], object],
    ) -> None:
        self._limits = limits
        self._keys = keys
        self._database = database
        self._clock = clock
        self._flowbook = flowbook
        self._tell = tell

    async def post(self, request: Request) -> Response:
        """Take words in: one, a list, or one a line; one that cannot be taken harms no other."""
        source = self._keys.admit(request)
        if isinstance(source, Response):
            return source
        try:
            body = await read_body(request, self._limits.body_limit)
            items = items_of(body, request.headers.get("content-type", ""))
        except BodyError as error:
            return _answer(error.status, {"error": str(error), **error.place})
        except ClientDisconnect:
            return Response(status_code=400)
        if len(items) > self._limits.batch_limit:
            said = f"the body tells of {len(items):,} articles; send at most {self._limits.batch_limit:,} at a time"
            return _answer(413, {"error": said})
        now = self._clock.now()
        read = [StockFault("", one.error) if isinstance(one, Unreadable) else read_stock(one, now) for one in items]
        words = [one for one in read if isinstance(one, StockWord)]
        try:
            changed = await run_in_threadpool(self._write, words)
        except (UnavailableError, DBAPIError) as error:
            _log.warning("stock cannot be kept now", why=told(error))
            return _answer(503, {"error": "this cannot be kept now; send it again"}, {"Retry-After": RETRY_AFTER})
        refused = [
            {"index": index, "field": one.field, "error": one.error}
            for index, one in enumerate(read)
            if isinstance(one, StockFault)
        ]
        return _answer(422 if refused and not words else 200, _told(words, changed, refused))

    def _write(self, words: Sequence[StockWord]) -> int:
        with self._database.writing() as connection:
            changed, work = take_stock(connection, self._flowbook, words)
        self._tell(work)
        return changed


def _told(words: Sequence[StockWord], changed: int, refused: list[dict[str, Any]]) -> dict[str, Any]:
    return {"accepted": len(words), "changed": changed, "refused": refused}


def _answer(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content).encode() + b"\n", status, headers, "application/json")
