"""`/y/TOKEN`: a GET shows a page with one button and changes nothing; a POST says yes to advertising.

The link of a mail that asks for a confirmation (double opt-in), or that confirms a refusal and offers to take it back.
Scanners follow links; they press no buttons. Said again, it says the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.confirming import Confirmed, Yes, confirm, standing_of
from worker.delivery.links import PREFERENCES_PATH
from worker.delivery.tokens import Tokens, Use
from worker.delivery.unsubscribing import language_of
from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.edges.web.fields import fields_of
from worker.edges.web.recording import Clock
from worker.edges.web.rendering import Pages
from worker.storage.database import Database

ASKED_WITHIN = 0.5  # seconds that the page waits for what is known of its mail
SAID_WITHIN = 5.0  # seconds that a yes may take to be written

T = TypeVar("T")

log = logging.getLogger(__name__)


class Confirm:
    """The endpoint.

    Parameters:
        tell: told of what follows.
    """

    def __init__(
        self, tokens: Tokens, database: Database, clock: Clock, pages: Pages, tell: Callable[[Work], object]
    ) -> None:
        self._tokens = tokens
        self._database = database
        self._clock = clock
        self._pages = pages
        self._tell = tell
        self._askers = ThreadPoolExecutor(2, "confirming")

    async def show(self, request: Request) -> Response:
        """Ask whether it is meant."""
        message = self._tokens.read_page(Use.CONFIRM, request.path_params["token"])
        if message is None:
            return self._gone(request)
        try:
            standing, known = await self._do(partial(standing_of, self._database, message), ASKED_WITHIN)
        except (UnavailableError, TimeoutError):
            standing, known = Confirmed.DONE, None  # the page asks without knowing; its button will tell
        language = self._pages.language(request, known)
        if standing is Confirmed.DONE:
            return self._pages.notice("yes", language)
        return self._told(request, message, standing, language, 200)

    async def post(self, request: Request) -> Response:
        """Do it, and say what became of it."""
        message = self._tokens.read_page(Use.CONFIRM, request.path_params["token"])
        if message is None:
            return self._gone(request)
        said = await fields_of(request) or {}  # whoever posts means it, whatever the body holds
        try:
            known = await self._do(partial(language_of, self._database, message), ASKED_WITHIN)
            language = self._pages.language(request, said.get("language") or known)
            yes = Yes(message, self._clock.now(), self._pages.texts(language)["yes_text"])
            became = await self._do(partial(self._confirm, yes), SAID_WITHIN)
        except (UnavailableError, TimeoutError):
            log.warning("a yes by message %d cannot be written; its sender is asked to come again", message)
            return self._pages.notice("failed", self._pages.language(request, said.get("language")), 503)
        return self._told(request, message, became, language)

    def close(self) -> None:
        """End what is open."""
        self._askers.shutdown(wait=False)

    def _confirm(self, yes: Yes) -> Confirmed:
        became, work = confirm(self._database, yes, self._clock.now())
        self._tell(work)
        return became

    async def _do(self, work: Callable[[], T], seconds: float) -> T:
        asked = asyncio.get_running_loop().run_in_executor(self._askers, work)
        return await asyncio.wait_for(asked, seconds)

    def _told(self, request: Request, message: int, became: Confirmed, language: str, refused: int = 409) -> Response:
        if became is Confirmed.NOBODY:
            return self._gone(request)
        wishes = f"{PREFERENCES_PATH}{self._tokens.page(Use.PREFERENCES, message)}"
        texts = self._pages.texts(language)
        if became is Confirmed.REFUSED:
            beside = (wishes, texts["refused_link"])
            return self._pages.notice("refused", language, refused, beside=beside)
        return self._pages.notice("agreed", language, done=True, beside=(wishes, texts["agreed_link"]))

    def _gone(self, request: Request) -> Response:
        return self._pages.notice("gone", self._pages.language(request), 404, link=True)
