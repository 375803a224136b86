"""`GET /v1/coupons/CODE`: what a code takes off and whether it is good now, for the shop's checkout."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.domain.coupons import normal_code
from worker.domain.errors import UnavailableError
from worker.edges.web.keys import Keys
from worker.edges.web.recording import Clock
from worker.storage import coupons, customers
from worker.storage.coupons import CouponRow
from worker.storage.database import Database, told

RETRY_AFTER = "2"  # seconds
UNKNOWN = "no coupon has this code"
_FRESH = {"Cache-Control": "no-store"}

_log = structlog.get_logger(__name__)


class CouponPage:
    """The endpoint.

    Parameters:
        keys: says whose key a request presents.
    """

    def __init__(self, keys: Keys, database: Database, clock: Clock) -> None:
        self._keys = keys
        self._database = database
        self._clock = clock

    async def get(self, request: Request) -> Response:
        """Tell of one code."""
        source = self._keys.admit(request)
        if isinstance(source, Response):
            return source
        try:
            found = await run_in_threadpool(self._find, normal_code(request.path_params["code"]))
        except (UnavailableError, DBAPIError) as error:
            _log.warning("a coupon cannot be told of now", why=told(error))
            return JSONResponse({"error": "the database cannot be asked now"}, 503, {"Retry-After": RETRY_AFTER})
        if found is None:
            return JSONResponse({"error": UNKNOWN}, 404, _FRESH)
        return JSONResponse(found, headers=_FRESH)

    def _find(self, code: str) -> dict[str, Any] | None:
        if not code or "\0" in code:  # PostgreSQL takes no such text
            return None
        with self._database.reading() as connection:
            row = coupons.by_code(connection, [code]).get(code)
            if row is None:
                return None
            whose = customers.by_id(connection, [row.customer_id] if row.customer_id is not None else [])
        owner = next((one.external_id for one in whose.values()), None)
        return _as_json(row, owner, self._clock.now())


def _as_json(row: CouponRow, owner: str | None, now: datetime) -> dict[str, Any]:
    terms = row.terms
    return {
        "code": row.code,
        "coupon": row.name,
        "valid": row.redeemed_at is None and not row.expired(now),
        "percent": None if terms.percent is None else float(terms.percent),
        "amount": None if terms.amount is None else float(terms.amount),
        "currency": terms.currency,
        "expires_at": None if terms.expires_at is None else terms.expires_at.isoformat(),
        "customer": owner,
        "redeemed_at": None if row.redeemed_at is None else row.redeemed_at.isoformat(),
        "order": row.order_number,
    }
