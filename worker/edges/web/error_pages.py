"""What is answered where no page does: no such address, another method, a fault of ours; in JSON for programs."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from worker.edges.web.frame import Frame

FOR_PROGRAMS = ("/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json")  # answers are JSON, whatever goes wrong
_SAID = {404: "there is no such address", 405: "this address takes another method"}

log = logging.getLogger(__name__)


class ErrorPages:
    """The application's exception handlers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answer a request that no route takes."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = {"Allow": _allowed(request)} if status == 405 else None
        if status in (404, 405) and not request.url.path.startswith(FOR_PROGRAMS):
            pages = self._frame.pages
            missing = status == 404
            page = self._frame.missing(request) if missing else pages.notice("method", pages.language(request), status)
            page.headers.update(headers or {})
            return page
        return JSONResponse({"error": _SAID.get(status, "not possible")}, status, headers)

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answer a request in which something of ours failed; what it was stands in the log."""
        log.error("%s %s failed", request.method, _family(request), exc_info=error)
        return JSONResponse({"error": "something failed here; it stands in Phin's log"}, 500)


def _allowed(request: Request) -> str:
    """Return the methods that an address takes: those of all its routes, while the error knows the first one's."""
    routes = [one for one in request.app.routes if isinstance(one, Route)]
    taken = {
        method for one in routes if one.matches(request.scope)[0] is not Match.NONE for method in one.methods or ()
    }
    return ", ".join(sorted(taken))


def _family(request: Request) -> str:
    """Return the path without what is secret in it: a token says who may unsubscribe whom."""
    return "/" + request.url.path.split("/", 2)[1]
