"""`/o/TOKEN.gif` and `/c/TOKEN`: the pixel and the redirect. Both work whatever has become of database and customer.

What they need is in the token; a bad token shows the pixel all the same, and leads nowhere. A campaign brings them by
thousands in a second, so they are answered before any route is looked for, with headers that were laid out once.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date, datetime
from random import getrandbits

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.delivery.links import CLICK_PATH, OPEN_PATH, OPEN_SUFFIX
from worker.delivery.macs import Mac
from worker.delivery.tokens import Tokens
from worker.domain.hits import METHOD, PURPOSES, HitKind
from worker.edges.web.headers import DEFAULTS
from worker.edges.web.recording import Clock, HitRecorder
from worker.edges.web.rendering import Pages
from worker.storage.hits import NewHit

# One transparent dot, GIF89a.
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
USER_AGENT_LIMIT = 400  # characters that are kept
HEADER_LIMIT = 100

_UNKEPT = {
    **DEFAULTS,
    b"cache-control": b"private, no-store, no-cache, max-age=0",
    b"x-robots-tag": b"noindex",
}
_PIXEL_HEADERS = [
    *{
        **_UNKEPT,
        b"content-type": b"image/gif",
        b"content-length": str(len(PIXEL)).encode(),
        b"cross-origin-resource-policy": b"cross-origin",
    }.items()
]
_REDIRECT_HEADERS = [*_UNKEPT.items(), (b"content-length", b"0")]
_PIXEL_BEGIN = {"type": "http.response.start", "status": 200, "headers": _PIXEL_HEADERS}
_PIXEL_BODY = {"type": "http.response.body", "body": PIXEL}
_NO_BODY = {"type": "http.response.body", "body": b""}
_METHODS = ("GET", "HEAD")
_KEPT = {name.encode(): name for name in PURPOSES}


class Tracking:
    """The endpoints.

    Parameters:
        secret: hides clients' addresses: what is kept is a hash, with another key each day.
    """

    def __init__(self, tokens: Tokens, recorder: HitRecorder, clock: Clock, pages: Pages, secret: bytes) -> None:
        self._tokens = tokens
        self._recorder = recorder
        self._clock = clock
        self._pages = pages
        self._hidden = _address_hash(secret)

    async def answered(self, scope: Scope, send: Send) -> bool:
        """Answer a request of pixel or redirect; False for any other, and for a link that was not made here."""
        path: str = scope["path"]
        if scope["method"] not in _METHODS:
            return False
        if path.startswith(OPEN_PATH):
            await self._pixel(scope, path[len(OPEN_PATH) :], send)
            return True
        if path.startswith(CLICK_PATH) and (click := self._tokens.read_click(path[len(CLICK_PATH) :])) is not None:
            await self._recorder.record(self._hit(scope, click.message, HitKind.CLICK, click.link, click.target))
            headers = [*_REDIRECT_HEADERS, (b"location", click.target.encode("ascii"))]
            await send({"type": "http.response.start", "status": 302, "headers": headers})
            await send(_NO_BODY)
            return True
        return False

    async def no_link(self, request: Request) -> Response:
        """Show a friendly page for a link that was not made here, or was cut off on its way."""
        return self._pages.notice("gone", self._pages.language(request), 404, link=True)

    async def _pixel(self, scope: Scope, token: str, send: Send) -> None:
        """Show the pixel, always; count a GET of a good token."""
        if scope["method"] == "GET":
            message = self._tokens.read_open(token.removesuffix(OPEN_SUFFIX))
            if message is not None:
                await self._recorder.record(self._hit(scope, message, HitKind.OPEN))
        await send(_PIXEL_BEGIN)
        await send(_PIXEL_BODY)

    def _hit(
        self, scope: Scope, message: int, kind: HitKind, link: int | None = None, url: str | None = None
    ) -> NewHit:
        now = self._clock.now()
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
        return NewHit(_key(now), message, kind, now, link, url, agent, kept, hidden)


class TrackingFirst:
    """Middleware that answers pixels and redirects before any route is looked for."""

    def __init__(self, app: ASGIApp, tracking: Tracking) -> None:
        self._app = app
        self._tracking = tracking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not await self._tracking.answered(scope, send):
            await self._app(scope, receive, send)


def _key(now: datetime) -> str:
    """Return a key that no other hit has; later ones sort later, so that an index of millions grows at its end."""
    return f"{int(now.timestamp() * 1e6):014x}{getrandbits(72):018x}"


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
