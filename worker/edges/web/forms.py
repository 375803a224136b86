"""Forms of our own pages: their fields, and a token by which a POST shows that it came from one of them.

The token is a signature over a random mark that stands in a cookie of this visitor and over their session, so
neither a foreign page nor a page of another visitor, nor one from before signing in or out, can post for them.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.edges.web.sessions import Session, serializer

FIELD = "csrf"  # of each form, hidden
BODY_LIMIT = 64_000  # bytes that are looked at
READ_WITHIN = 30.0  # seconds that a body may take to arrive
_FIELDS = 40  # of one form
_SEEN_AS = ("same-origin", "none")  # what a browser says of a request that a page of ours, or a person, began


@dataclass(frozen=True, slots=True)
class FormToken:
    """What a page with forms needs: the value of their hidden field, and the cookie that goes with it.

    Parameters:
        fresh: the mark that the visitor's cookie is to hold from now on; None where it holds one already.
    """

    value: str
    cookie: str
    fresh: str | None
    secure: bool

    def attach(self, response: Response) -> None:
        """Give the visitor their cookie with this answer."""
        if self.fresh is not None:
            response.set_cookie(self.cookie, self.fresh, httponly=True, samesite="strict", secure=self.secure, path="/")


class FormGuard:
    """Makes and checks the tokens of forms.

    Parameters:
        signing: the house's key ring, the first signs.
        url: address of the web process; by https its cookies never go over http.
    """

    def __init__(self, signing: Sequence[bytes], url: str) -> None:
        self._serializer: URLSafeSerializer = serializer(signing, "phin form")
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        self._secure = url.startswith("https://")
        self._cookie = "__Host-phin_form" if self._secure else "phin_form"

    @property
    def secure(self) -> bool:
        """Whether cookies never go over http."""
        return self._secure

    def begin(self, request: Request, session: Session | None = None) -> FormToken:
        """Return the token for the forms of a page that this visitor is shown."""
        mark = request.cookies.get(self._cookie)
        fresh = None if mark and len(mark) <= 64 else secrets.token_urlsafe(18)
        value = self._serializer.dumps(_bound(fresh or mark or "", session))
        return FormToken(value if isinstance(value, str) else value.decode(), self._cookie, fresh, self._secure)

    def holds(self, request: Request, fields: Mapping[str, str], session: Session | None = None) -> bool:
        """Say whether a POST came from a form that this visitor was shown, in this session."""
        mark = request.cookies.get(self._cookie)
        if not mark or self._is_foreign(request):
            return False
        try:
            shown = self._serializer.loads(fields.get(FIELD, ""))
        except BadData:
            return False
        return isinstance(shown, str) and hmac.compare_digest(shown.encode(), _bound(mark, session).encode())

    def _is_foreign(self, request: Request) -> bool:
        """Say whether the browser itself tells that a page of another site posts.

        Browsers from before 2023 tell only by Origin; that is `null` for our own pages, too, which send no referrer,
        so by itself it proves nothing: the token does.
        """
        told = request.headers.get("sec-fetch-site")
        if told is not None:
            return told not in _SEEN_AS
        origin = request.headers.get("origin", "null")
        return origin not in ("null", self._origin) and origin.partition("://")[2] != request.headers.get("host")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a small urlencoded body, each with its first value; of whatever else there is, nothing."""
    body = b""
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for part in request.stream():
                body += part
                if len(body) > BODY_LIMIT:
                    return {}
    except (ClientDisconnect, TimeoutError):
        return {}
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=_FIELDS).items()}
    except ValueError:
        return {}


def _bound(mark: str, session: Session | None) -> str:
    return f"{mark} {'' if session is None else session.mark}"
