"""A web process with one endpoint that does nothing: what the server and the framework can do at best.

    python -m bench.support.bare_web PORT

It gives the pixel's answer, byte for byte, by the same server with the same settings, and keeps nothing.
"""

from __future__ import annotations

import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.domain.setting_mail import Tracking
from worker.edges.serving import serve
from worker.edges.standing import listen
from worker.edges.web.tracking import PIXEL, PIXEL_HEADERS

HEADERS = {name.decode(): value.decode() for name, value in PIXEL_HEADERS}


async def bare(_request: Request) -> Response:
    """Answer."""
    return Response(PIXEL, headers=HEADERS)


if __name__ == "__main__":
    serve(
        Starlette(routes=[Route("/o/{token}", bare)]), listen("127.0.0.1", int(sys.argv[1])), Tracking().trusted_proxies
    )
