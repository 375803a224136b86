"""`/o/TOKEN.gif` and `/c/TOKEN`: the pixel and the redirect. Both work whatever has become of database and customer.

What they need is in the token; a bad token shows the pixel all the same, and leads nowhere. A campaign brings them by
thousands in a second, so they are answered before any route is looked for, with headers that were laid out once.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from datetime import date, datetime
from itertools import count
from secrets import token_hex
from time import monotonic
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.delivery.links import CLICK_PATH, OPEN_PATH, OPEN_SUFFIX
from worker.delivery.macs import Mac
from worker.delivery.tokens import Click, Tokens
from worker.domain.hits import METHOD, PURPOSES, HitKind
from worker.edges.web.headers import DEFAULTS
from worker.edges.web.hit_recording import HitRecorder
from worker.edges.web.rate_limit import RateLimit
from worker.edges.web.recording import Clock
from worker.edges.web.rendering import Pages
from worker.storage.hits import NewHit

# One transparent dot, GIF89a.
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
HITS_OF_ONE, HITS_WITHIN = 600, 600.0  # hits of one link or pixel that are kept, in so many seconds
USER_AGENT_LIMIT = 400  # characters that are kept
HEADER_LIMIT = 100
LOOKED_EACH = 0.001  # seconds

_UNKEPT = {
    **DEFAULTS,
    b"cache-control": b"private, no-store, no-cache, max-age=0",
    b"x-robots-tag": b"noindex",
}
PIXEL_HEADERS = [
    *{
        **_UNKEPT,
        b"content-type": b"image/gif",
        b"content-length": str(len(PIXEL)).encode(),
        b"cross-origin-resource-policy": b"cross-origin",
    }.items()
]
_REDIRECT_HEADERS = [*_UNKEPT.items(), (b"content-length", b"0")]
_PIXEL_BEGIN = {"type": "http.response.start", "status": 200, "headers": PIXEL_HEADERS}
_PIXEL_BODY = {"type": "http.response.body", "body": PIXEL}
_NO_BODY = {"type": "http.response.body", "body": b""}
_METHODS = ("GET", "HEAD")
_KEPT = {name.encode(): name for name in PURPOSES}

log = logging.getLogger(__name__)


class Tracking:
    """The endpoints.

    Parameters:
        secret: hides clients' addresses: what is kept is a hash, with another key each day.
    """

    def __init__(self, tokens: Tokens, recorder: HitRecorder, clock: Clock, pages: Pages, secret: bytes) -> None:
        self._tokens = tokens
        self._recorder = recorder
        self._now = _now_and_then(clock)
        self._pages = pages
        self._hidden = _address_hash(secret)
        self._key = _keys()
        self._often = RateLimit(HITS_OF_ONE, HITS_WITHIN)
        self._words = RateLimit(1, 60.0)

    async def show(self, scope: Scope, token: str, send: Send) -> None:
        """Show the pixel, always; count a GET of a good token."""
        if scope["method"] == "GET":
            message = self._tokens.read_open(token.removesuffix(OPEN_SUFFIX))
            if message is not None and self._keeps(message):
                await self._recorder.record(self._hit(scope, message, HitKind.OPEN))
        await send(_PIXEL_BEGIN)
        await send(_PIXEL_BODY)

    def read(self, token: str) -> Click | None:
        """Return the click of a link that was made here."""
        return self._tokens.read_click(token)

    async def lead(self, scope: Scope, click: Click, send: Send) -> None:
        """Lead to where a link says, and count it."""
        if self._keeps(click.message, click.link):
            await self._recorder.record(self._hit(scope, click.message, HitKind.CLICK, click.link, click.target))
        headers = [*_REDIRECT_HEADERS, (b"location", click.target.encode("ascii"))]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send(_NO_BODY)

    async def no_link(self, request: Request) -> Response:
        """Show a friendly page for a link that was not made here, or was cut off on its way."""
        return self._pages.notice("gone", self._pages.language(request), 404, link=True)

    def _keeps(self, message: int, link: int | None = None) -> bool:
        """Say whether a hit is kept, and not one of a flood by which somebody who has a mail would fill the disk.

        Counted by link and never by address: a mail program fetches the pixels of thousands from a few of them.
        """
        if not self._often.wait((message, link)):
            return True
        if not self._words.wait("flood"):
            log.warning(
                "hits of message %d come in a flood; those beyond %d are answered, not kept", message, HITS_OF_ONE
            )
        return False

    def _hit(
        self, scope: Scope, message: int, kind: HitKind, link: int | None = None, url: str | None = None
    ) -> NewHit:
        now = self._now()
        agent = ""
        kept: dict[str, str] = {}
        for name, value in scope["headers"]:
            if name == b"user-agent":
                agent = value[:USER_AGENT_LIMIT].decode("latin-1")
            elif name in _KEPT:
                kept[_KEPT[name]] = value[:HEADER_LIMIT].decode("latin-1")
        if scope["method"] != "GET":
            kept[METHOD] = scope["method"]
        client = scope.get("client")
        hidden = self._hidden(client[0], now) if client else None
        return NewHit(self._key(now), message, kind, now, link, url, agent, kept, hidden)


class TrackingFirst(Starlette):
    """The application, with pixels and redirects answered before anything else is looked at.

    Parameters:
        tracking: the endpoints.
        more: what Starlette is told.
    """

    def __init__(self, tracking: Tracking, **more: Any) -> None:
        super().__init__(**more)
        self._tracking = tracking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and scope["method"] in _METHODS:
            path: str = scope["path"]
            try:
                if path.startswith(OPEN_PATH):
                    return await self._tracking.show(scope, path[len(OPEN_PATH) :], send)
                if path.startswith(CLICK_PATH):
                    click = self._tracking.read(path[len(CLICK_PATH) :])
                    if click is not None:
                        return await self._tracking.lead(scope, click, send)
            except Exception as error:
                return await self._failed(error)(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def _failed(self, error: Exception) -> ASGIApp:
        """Return what answers for a fault here as for any other."""

        async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise error

        return ServerErrorMiddleware(fail, self.exception_handlers.get(500))


def _now_and_then(clock: Clock) -> Callable[[], datetime]:
    """Return what tells the shop's time, and looks at its clock each millisecond at most: that asks the disk."""
    looked, seen = -1.0, clock.now()

    def now() -> datetime:
        nonlocal looked, seen
        at = monotonic()
        if at - looked > LOOKED_EACH:
            looked, seen = at, clock.now()
        return seen

    return now


def _keys() -> Callable[[datetime], str]:
    """Return what makes keys that no other hit has; later ones sort later, so that an index of millions grows at its
    end."""
    process, numbers = token_hex(9), count()

    def key(now: datetime) -> str:
        return f"{int(now.timestamp() * 1e6):014x}{process}{next(numbers):x}"

    return key


def _address_hash(secret: bytes) -> Callable[[str, datetime], str]:
    """Return what hides addresses; the same address has the same hash within a day only."""
    keys: dict[date, Mac] = {}

    def hidden(address: str, now: datetime) -> str:
        day = now.date()
        if day not in keys:
            keys.clear()
            keys[day] = Mac(hmac.digest(secret, f"phin address {day.isoformat()}".encode(), "sha256"))
        return keys[day](address.encode())[:16].hex()

    return hidden
