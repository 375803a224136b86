"""`/u/TOKEN`: a GET shows a page with one button and changes nothing; a POST unsubscribes at once (RFC 8058).

The token alone says who and from what: no cookie, no login, no expiry. Whoever posts it means it, whatever the
body holds: `List-Unsubscribe=One-Click` from a mail program, urlencoded or multipart, or our own page's form.
"""

from __future__ import annotations

import logging
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.links import PREFERENCES_PATH
from worker.delivery.tokens import Tokens, Use
from worker.delivery.unsubscribing import Refusal, language_of
from worker.edges.web.aside import Aside
from worker.edges.web.fields import READ_WITHIN, fields_of
from worker.edges.web.group_commit import BusyError
from worker.edges.web.recording import Clock, RefusalRecorder
from worker.edges.web.rendering import Pages
from worker.storage.database import Database

ASKED_WITHIN = 0.5  # seconds that the page waits for the mail's language

log = logging.getLogger(__name__)


class Unsubscribe:
    """The endpoint."""

    def __init__(
        self, tokens: Tokens, recorder: RefusalRecorder, database: Database, clock: Clock, pages: Pages
    ) -> None:
        self._tokens = tokens
        self._recorder = recorder
        self._database = database
        self._clock = clock
        self._pages = pages
        self._aside = Aside("unsubscribing")

    async def show(self, request: Request) -> Response:
        """Ask whether it is meant."""
        message = self._tokens.read_unsubscribe(request.path_params["token"])
        if message is None:
            return self._pages.notice("gone", self._pages.language(request), 404, link=True)
        return self._pages.notice("ask", await self._language(request, message))

    async def post(self, request: Request) -> Response:
        """Do it, and say so; done again, it says the same."""
        message = self._tokens.read_unsubscribe(request.path_params["token"])
        if message is None:
            return self._pages.notice("gone", self._pages.language(request), 404, link=True)
        # who posts means it: who goes away, or sends whatever or without end, has still said it
        said = await fields_of(request, tolerant=True, within=READ_WITHIN) or {}
        by_page = said.get("from") == "page"
        language = said.get("language") if by_page else None
        language = self._pages.language(request, language or await self._known_language(message))
        refusal = Refusal(
            message,
            self._clock.now(),
            "page" if by_page else "one-click",
            self._pages.texts(language)["ask_text"] if by_page else None,
        )
        try:
            kept = await self._recorder.record(refusal)
        except (OSError, BusyError) as error:
            log.critical("a refusal of message %d could not be kept: %s", message, error)
            return self._pages.notice("failed", language, 503)
        less = (
            f"{PREFERENCES_PATH}{self._tokens.page(Use.PREFERENCES, message)}",
            self._pages.texts(language)["less_link"],
        )
        return self._pages.notice("done" if kept else "later", language, done=True, beside=less if kept else None)

    def close(self) -> None:
        """End what is open."""
        self._aside.close()

    async def _language(self, request: Request, message: int) -> str:
        return self._pages.language(request, await self._known_language(message))

    async def _known_language(self, message: int) -> str | None:
        """Return the mail's language, or None where the database does not say it soon."""
        try:
            return await self._aside.do(partial(language_of, self._database, message), ASKED_WITHIN)
        except Exception as error:  # a refusal is taken whatever fails
            log.info("a page does without the language of its mail: %s", error)
            return None
