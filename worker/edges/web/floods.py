"""Pages under a flood: answered with 429 before anything else is done, and only as many as harm nobody.

Who brings a genuine link of a mail is held to a limit of that link; who is signed in, to none; everybody else, to the
limit of strangers. Not counted here: pixels and clicks, which `worker.edges.web.tracking` answers before; `/v1/…`,
whose endpoints count by key and by proof; and what a load balancer asks, which must not be told that this process is
gone because somebody else asks too often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.delivery.tokens import Tokens, Use
from worker.edges.web.keys import TOO_MANY_OF_NETWORK, refusal
from worker.edges.web.rate_limit import RateLimit, retry_after
from worker.edges.web.rendering import Pages
from worker.edges.web.sessions import Sessions
from worker.edges.web.strangers import Strangers

NOT_COUNTED = ("/v1/", "/healthz", "/readyz", "/metrics")
PAGE = "many"  # its texts


class Floods:
    """Middleware that lets through what is not too much.

    Parameters:
        per_link: requests a minute of one link's pages.
        for_programs: beginnings of the paths that are answered in JSON.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Tokens,
        sessions: Sessions,
        pages: Pages,
        strangers: Strangers,
        per_link: int,
        for_programs: tuple[str, ...],
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._pages = pages
        self._strangers = strangers
        self._links = RateLimit(per_link, 60.0)
        self._for_programs = for_programs
        self._readers = _readers(tokens)
        self._made: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"].startswith(NOT_COUNTED) or not (seconds := self._wait(scope)):
            await self._app(scope, receive, send)
            return
        await self._answer(Request(scope), seconds)(scope, receive, send)

    def _wait(self, scope: Scope) -> float:
        family, _, token = scope["path"][1:].partition("/")
        read = self._readers.get(family)
        if read is not None and read(token) is not None:
            return self._links.wait((family, token))
        request = Request(scope)
        seconds = self._strangers.wait(request)
        # the session is looked at last: its signature takes longer than all the rest, and few come that far
        return seconds if seconds and self._sessions.of(request) is None else 0.0

    def _answer(self, request: Request, seconds: float) -> Response:
        told = {"Retry-After": retry_after(seconds)}
        if request.url.path.startswith(self._for_programs):
            return refusal(429, TOO_MANY_OF_NETWORK, told)
        language = self._pages.language(request)
        if language not in self._made:
            self._made[language] = self._pages.notice(PAGE, language, 429)
        made = self._made[language]
        headers = {name: value for name, value in made.headers.items() if name != "content-length"}
        return Response(made.body, 429, {**headers, **told})


def _readers(tokens: Tokens) -> Mapping[str, Callable[[str], object | None]]:
    """Return what reads the token of a page, by the first part of its path; None comes of what was not made here."""
    return {
        "u": tokens.read_unsubscribe,
        "y": partial(tokens.read_page, Use.CONFIRM),
        "p": partial(tokens.read_page, Use.PREFERENCES),
        "v": partial(tokens.read_page, Use.VIEW),
        "a": tokens.read_survey,
        "s": tokens.read_staff,
        "t": tokens.read_task,
    }
