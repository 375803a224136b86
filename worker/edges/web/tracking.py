"""`/o/TOKEN.gif` and `/c/TOKEN`: the pixel and the redirect. Both work whatever has become of database and customer.

What they need is in the token; a bad token shows the pixel all the same, and leads nowhere.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date, datetime
from random import getrandbits

from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.links import OPEN_SUFFIX
from worker.delivery.tokens import Tokens
from worker.domain.hits import METHOD, PURPOSES, HitKind
from worker.edges.web.recording import Clock, HitRecorder
from worker.edges.web.rendering import Pages
from worker.storage.hits import NewHit

# One transparent dot, GIF89a.
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
USER_AGENT_LIMIT = 400  # characters that are kept
HEADER_LIMIT = 100

_UNKEPT = {
    "Cache-Control": "private, no-store, no-cache, max-age=0",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_PIXEL_HEADERS = {**_UNKEPT, "Cross-Origin-Resource-Policy": "cross-origin"}


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

    async def pixel(self, request: Request) -> Response:
        """Show the pixel, always; count a GET of a good token."""
        if request.method == "GET":
            token: str = request.path_params["token"]
            message = self._tokens.read_open(token.removesuffix(OPEN_SUFFIX))
            if message is not None:
                await self._recorder.record(self._hit(request, message, HitKind.OPEN))
        return Response(PIXEL, headers=_PIXEL_HEADERS, media_type="image/gif")

    async def redirect(self, request: Request) -> Response:
        """Lead to where the link was made to lead, and count it."""
        click = self._tokens.read_click(request.path_params["token"])
        if click is None:
            return self._pages.notice("gone", self._pages.language(request), 404, link=True)
        await self._recorder.record(self._hit(request, click.message, HitKind.CLICK, click.link, click.target))
        return Response(status_code=302, headers={"Location": click.target, **_UNKEPT})

    def _hit(
        self, request: Request, message: int, kind: HitKind, link: int | None = None, url: str | None = None
    ) -> NewHit:
        now = self._clock.now()
        kept = {name: request.headers[name][:HEADER_LIMIT] for name in PURPOSES if name in request.headers}
        if request.method != "GET":
            kept[METHOD] = request.method
        return NewHit(
            key=_key(now),
            message=message,
            kind=kind,
            at=now,
            link=link,
            url=url,
            user_agent=request.headers.get("user-agent", "")[:USER_AGENT_LIMIT],
            headers=kept,
            ip_hash=self._hidden(request.client.host, now) if request.client else None,
        )


def _key(now: datetime) -> str:
    """Return a key that no other hit has; later ones sort later, so that an index of millions grows at its end."""
    return f"{int(now.timestamp() * 1e6):014x}{getrandbits(72):018x}"


def _address_hash(secret: bytes) -> Callable[[str, datetime], str]:
    """Return what hides addresses; the same address has the same hash within a day only."""
    keys: dict[date, bytes] = {}

    def hidden(address: str, now: datetime) -> str:
        day = now.date()
        if day not in keys:
            keys.clear()
            keys[day] = hmac.digest(secret, f"phin address {day.isoformat()}".encode(), "sha256")
        return hmac.digest(keys[day], address.encode(), "sha256")[:16].hex()

    return hidden
