"""`POST /v1/events`: a shop reports what happened; the answer comes when it is committed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.domain.errors import UnavailableError
from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.edges.web.bodies import BodyError, items_of, read_body
from worker.edges.web.group_commit import BusyError, GroupCommit
from worker.edges.web.keys import Keys
from worker.edges.web.recording import Clock
from worker.edges.web.telling import Teller
from worker.edges.web.writable import Writable
from worker.engine.intake import Examined, Receipt, examine, keep, keep_carefully, receipt, work_of
from worker.engine.rush import Precedence
from worker.storage.database import Database, told
from worker.storage.events import NewEvent, Stored

Result = TypeVar("Result")

SMALL = 20_000  # bytes that are read on the spot; more would keep others waiting
COMMITTED_WITHIN = 25.0  # seconds that a client is kept waiting
RETRY_AFTER = 2  # seconds

log = logging.getLogger(__name__)


class Ingest:
    """The endpoint.

    Parameters:
        keys: says whose key a request presents, and how often one may.
        teller: told of new events.
        writable: learns how each write fares.
        precedence: is told how many events come in.
    """

    def __init__(
        self,
        settings: Settings,
        keys: Keys,
        database: Database,
        clock: Clock,
        teller: Teller,
        writable: Writable,
        precedence: Precedence,
    ) -> None:
        self._limits = settings.intake
        self._rules = EventRules.of(settings)
        self._keys = keys
        self._database = database
        self._clock = clock
        self._teller = teller
        self._precedence = precedence
        self._readers = ThreadPoolExecutor(2, "reading")
        self._commits: GroupCommit[list[NewEvent], list[Stored]] = GroupCommit(
            "events", writable.watched(self._write), len
        )

    async def post(self, request: Request) -> Response:
        """Take events in."""
        source = self._keys.admit(request)
        if isinstance(source, Response):
            return source
        try:
            examined = await self._examined(request, source)
        except BodyError as error:
            return _answer(error.status, {"error": str(error), **error.place})
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            return _answer(202, (await self._kept(examined)).as_json())
        except (UnavailableError, BusyError, OperationalError, TimeoutError) as error:
            log.warning("events cannot be kept now: %s", told(error) if str(error) else "the database takes too long")
            said = "this cannot be kept now; send it again, what was kept already will count as a duplicate"
            return _answer(503, {"error": said}, {"Retry-After": str(RETRY_AFTER)})

    def close(self, seconds: float) -> None:
        """Write what waits, and end."""
        self._commits.close(seconds)
        self._readers.shutdown(wait=False)

    async def _examined(self, request: Request, source: str) -> Examined:
        body = await read_body(request, self._limits.body_limit)
        read = partial(self._read, body, request.headers.get("content-type", ""), source)
        return read() if len(body) <= SMALL else await self._beside(read)

    def _read(self, body: bytes, content_type: str, source: str) -> Examined:
        items = items_of(body, content_type)
        if len(items) > self._limits.batch_limit:
            said = f"the body holds {len(items):,} events; send at most {self._limits.batch_limit:,} at a time"
            raise BodyError(413, said)
        return examine(items, source, self._rules, self._clock.now())

    async def _kept(self, examined: Examined) -> Receipt:
        if not examined.events:
            return receipt(examined, [])
        committed = asyncio.wrap_future(self._commits.submit(examined.rows))
        return receipt(examined, await asyncio.wait_for(committed, COMMITTED_WITHIN))

    def _write(self, parts: Sequence[list[NewEvent]]) -> Sequence[list[Stored]]:
        self._precedence.taking_in(sum(map(len, parts)))
        if len(parts) == 1:
            written = [keep_carefully(self._database, parts[0])]
        else:
            stored = iter(keep(self._database, [new for part in parts for new in part]))
            written = [[next(stored) for _ in part] for part in parts]
        for part in written:
            self._teller.tell(work_of(part))
        return written

    async def _beside(self, read: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._readers, read)


def _answer(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(content).encode() + b"\n", status, headers, "application/json")
