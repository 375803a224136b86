"""`/v/TOKEN`: a mail in the browser, as the one who got it would get it now.

Looking at it counts nothing (`worker.delivery.viewing`). What a template wrote is shown under a policy of its own: no
script, no form, nothing but pictures from elsewhere; no search engine keeps it, and no page that it leads to learns
its address. What cannot be shown is told on a page in the mail's language.
"""

from __future__ import annotations

import logging
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from worker.delivery.tokens import Tokens, Use
from worker.delivery.viewing import Unseen, Viewing
from worker.domain.errors import UnavailableError
from worker.edges.web.aside import Aside
from worker.edges.web.rendering import Pages

WITHIN = 5.0  # seconds that making a mail may take
RETRY_AFTER = "60"  # seconds
VIEW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "no-referrer",
}
# its page of texts, and the status; 410: it was there, and will not be again
_TOLD = {Unseen.NEVER_SENT: ("gone", 404), Unseen.ERASED: ("view_erased", 410), Unseen.CHANGED: ("view_changed", 410)}

log = logging.getLogger(__name__)


class View:
    """The endpoint."""

    def __init__(self, tokens: Tokens, viewing: Viewing, pages: Pages) -> None:
        self._tokens = tokens
        self._viewing = viewing
        self._pages = pages
        self._aside = Aside("viewing")

    async def show(self, request: Request) -> Response:
        """Show the mail, or say why it cannot be shown."""
        message = self._tokens.read_page(Use.VIEW, request.path_params["token"])
        if message is None:
            return self._told(request, "gone", 404)
        try:
            seen = await self._aside.do(partial(self._viewing.show, message), WITHIN)
        except UnavailableError as error:
            log.warning("message %d cannot be shown now: %s", message, error)
            page = self._told(request, "view_later", 503)
            page.headers["Retry-After"] = RETRY_AFTER
            return page
        if seen.html is not None:
            return HTMLResponse(seen.html, headers={**HEADERS, "Content-Security-Policy": VIEW_POLICY})
        name, status = _TOLD[seen.unseen or Unseen.CHANGED]
        if seen.unseen is Unseen.CHANGED:
            log.info("message %d can be shown no more: %s", message, seen.why)
        return self._told(request, name, status, seen.language)

    def close(self) -> None:
        """End what is open."""
        self._aside.close()

    def _told(self, request: Request, name: str, status: int, language: str | None = None) -> Response:
        page = self._pages.notice(name, self._pages.language(request, language), status, link=True)
        page.headers.update({name: value for name, value in HEADERS.items() if name != "Cache-Control"})
        return page
