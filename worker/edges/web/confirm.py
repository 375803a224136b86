"""`/y/TOKEN`: a GET shows a page with one button and changes nothing; a POST says yes to advertising.

The link of a mail that asks for a confirmation (double opt-in), or that confirms a refusal and offers to take it back.
Where a yes to tracking waits beside, the page has a box for it, which nobody ticked beforehand.
Scanners follow links; they press no buttons. Said again, it says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.confirming import Asking, Confirmed, Yes, asking_of, confirm
from worker.delivery.links import PREFERENCES_PATH
from worker.delivery.tokens import Tokens, Use
from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.edges.web.aside import Aside
from worker.edges.web.fields import fields_of
from worker.edges.web.recording import Clock
from worker.edges.web.rendering import Pages
from worker.storage.database import Database

ASKED_WITHIN = 0.5  # seconds that the page waits for what is known of its mail
SAID_WITHIN = 5.0  # seconds that a yes may take to be written

_YES, _BACK = "yes", "back"  # pages, by the beginning of their texts: a sign-up confirmed, a refusal taken back
_FOLLOW = "wishes_follow"  # the text beside the box about tracking, as on the preference page

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
        self._aside = Aside("confirming")

    async def show(self, request: Request) -> Response:
        """Ask whether it is meant."""
        message = self._tokens.read_page(Use.CONFIRM, request.path_params["token"])
        if message is None:
            return self._gone(request)
        try:
            asks = await self._aside.do(partial(asking_of, self._database, message), ASKED_WITHIN)
        except UnavailableError:
            asks = Asking(Confirmed.DONE)  # the page asks without knowing; its button will tell
        language = self._pages.language(request, asks.language)
        if asks.becomes is not Confirmed.DONE:
            return self._told(request, message, asks, asks.becomes, language, 200)
        box = ("tracking", self._pages.texts(language)[_FOLLOW]) if asks.tracking else None
        return self._pages.notice(_BACK if asks.takes_back else _YES, language, box=box)

    async def post(self, request: Request) -> Response:
        """Do it, and say what became of it."""
        message = self._tokens.read_page(Use.CONFIRM, request.path_params["token"])
        if message is None:
            return self._gone(request)
        said = await fields_of(request) or {}  # whoever posts means it, whatever the body holds
        try:
            asks = await self._aside.do(partial(asking_of, self._database, message), ASKED_WITHIN)
            language = self._pages.language(request, said.get("language") or asks.language)
            texts = self._pages.texts(language)
            page = said.get("page", _BACK if asks.takes_back else _YES)
            wording = texts[f"{page if page in (_YES, _BACK) else _YES}_text"]
            ticked = texts[_FOLLOW] if "tracking" in said else None
            yes = Yes(message, self._clock.now(), wording, tracking=ticked)
            became = await self._aside.do(partial(self._confirm, yes), SAID_WITHIN)
        except UnavailableError:
            log.warning("a yes by message %d cannot be written; its sender is asked to come again", message)
            return self._pages.notice("failed", self._pages.language(request, said.get("language")), 503)
        return self._told(request, message, asks, became, language)

    def close(self) -> None:
        """End what is open."""
        self._aside.close()

    def _confirm(self, yes: Yes) -> Confirmed:
        became, work = confirm(self._database, yes, self._clock.now())
        self._tell(work)
        return became

    def _told(
        self, request: Request, message: int, asks: Asking, became: Confirmed, language: str, refused: int = 409
    ) -> Response:
        if became is Confirmed.NOBODY:
            return self._gone(request)
        wishes = f"{PREFERENCES_PATH}{self._tokens.page(Use.PREFERENCES, message)}"
        texts = self._pages.texts(language)
        if became is Confirmed.REFUSED:
            beside = (wishes, texts["refused_link"])
            return self._pages.notice("refused", language, refused, beside=beside)
        name = "again" if asks.takes_back else "agreed"
        return self._pages.notice(name, language, done=True, beside=(wishes, texts["agreed_link"]))

    def _gone(self, request: Request) -> Response:
        return self._pages.notice("gone", self._pages.language(request), 404, link=True)
