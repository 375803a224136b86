"""`GET` and `DELETE /v1/customers/ID`: the copy and the erasing of a customer, for the shop's own system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.domain.errors import UnavailableError
from worker.edges import people
from worker.edges.people import Composed, SeveralPeopleError, UnknownPersonError
from worker.edges.person_files import as_json
from worker.edges.web.keys import Keys
from worker.storage.audit import Actor, Way
from worker.storage.database import told

RETRY_AFTER = "2"  # seconds
FORBIDDEN = "this key may not do that; name it in intake.person_keys of config/phin.yaml"
_FRESH = {"Cache-Control": "no-store"}

_log = structlog.get_logger(__name__)


class PersonPage:
    """The endpoint; a key opens it that the settings name for it, since it tells and erases what nobody else may."""

    def __init__(self, house: Composed, keys: Keys) -> None:
        self._house = house
        self._keys = keys
        self._named = frozenset(house.settings.intake.person_keys)

    async def get(self, request: Request) -> Response:
        """Tell all that is known of one customer."""
        return await self._answer(request, self._export)

    async def delete(self, request: Request) -> Response:
        """Erase one customer."""
        return await self._answer(request, self._erase)

    async def _answer(self, request: Request, work: Callable[[str, Actor], Response]) -> Response:
        source = self._keys.admit(request)
        if isinstance(source, Response):
            return source
        if source not in self._named:
            return JSONResponse({"error": FORBIDDEN}, 403, _FRESH)
        try:
            return await run_in_threadpool(work, request.path_params["customer"], Actor(Way.API, source))
        except SeveralPeopleError as error:
            return JSONResponse({"error": str(error)}, 409, _FRESH)
        except UnknownPersonError as error:
            return JSONResponse({"error": str(error)}, 404, _FRESH)
        except (UnavailableError, DBAPIError) as error:
            _log.warning("a customer cannot be copied or erased now", why=told(error))
            return JSONResponse({"error": "the database cannot be asked now"}, 503, {"Retry-After": RETRY_AFTER})

    def _export(self, customer: str, actor: Actor) -> Response:
        found = people.find(self._house, customer)
        made = people.export(self._house, found.person, actor, self._house.clock.now())
        return Response(as_json(made), media_type="application/json", headers=_FRESH)

    def _erase(self, customer: str, actor: Actor) -> Response:
        found = people.find(self._house, customer)
        done = people.forget(self._house, found.person.number, actor, self._house.clock.now())
        answer: dict[str, Any] = {"erased": True, "customers": len(done.customers), "mails_in_hand": done.in_hand}
        return JSONResponse(answer, headers=_FRESH)
