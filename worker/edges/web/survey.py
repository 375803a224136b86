"""`/a/TOKEN`: a GET shows the question with the mark that was clicked, and changes nothing; a POST keeps the answer.

The link of each mark of a mail's scale. Scanners follow all of them; they press no buttons. An answer may be changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.answering import LONGEST_COMMENT, Answer, Asked, answer, asked
from worker.delivery.tokens import SurveyAnswer, Tokens
from worker.delivery.unsubscribing import language_of
from worker.domain.errors import UnavailableError
from worker.domain.setting_surveys import Survey
from worker.domain.work import Work
from worker.edges.web.aside import Aside
from worker.edges.web.fields import FormTooLongError, read_fields
from worker.edges.web.recording import Clock
from worker.edges.web.rendering import Pages
from worker.storage.database import Database

ASKED_WITHIN = 0.5  # seconds that the page waits for what is known of its mail
SAID_WITHIN = 5.0  # seconds that an answer may take to be written

log = logging.getLogger(__name__)


class SurveyPage:
    """The endpoint.

    Parameters:
        surveys: the questions of `config/phin.yaml`, by name.
        tell: told of what follows.
    """

    def __init__(
        self,
        surveys: Mapping[str, Survey],
        tokens: Tokens,
        database: Database,
        clock: Clock,
        pages: Pages,
        tell: Callable[[Work], object],
    ) -> None:
        self._surveys = surveys
        self._tokens = tokens
        self._database = database
        self._clock = clock
        self._pages = pages
        self._tell = tell
        self._aside = Aside("answering")

    async def show(self, request: Request) -> Response:
        """Ask, with the mark of the link chosen; what was answered before is told."""
        read = self._read(request)
        if read is None:
            return self._gone(request)
        link, survey = read
        known: Asked | None = Asked(None, None)
        try:
            known = await self._aside.do(partial(asked, self._database, link.message, link.survey), ASKED_WITHIN)
        except UnavailableError:
            log.info("a survey's page does without what is known of its mail")
        if known is None:
            return self._gone(request)
        mark = link.mark if link.mark is not None else known.said.score if known.said else None
        return self._page(self._pages.language(request, known.language), survey, mark, known=known)

    async def post(self, request: Request) -> Response:
        """Keep the answer, and say thank you."""
        read = self._read(request)
        if read is None:
            return self._gone(request)
        link, survey = read
        try:
            said = await read_fields(request) or {}
        except FormTooLongError:
            language = await self._language(request, link.message)
            longest = str(LONGEST_COMMENT)
            words = self._pages.texts(language)["survey_long"].replace("{longest}", longest)
            return self._page(language, survey, link.mark, 422, said=words)
        language = self._pages.language(request, said.get("language"))
        texts = self._pages.texts(language)
        score, comment = said.get("score", ""), said.get("comment", "")
        if score not in map(str, survey.scale.marks):
            return self._page(language, survey, link.mark, 422, said=texts["survey_choose"], comment=comment)
        given = Answer(link.message, link.survey, int(score), comment.replace("\r\n", "\n"))
        try:
            whose = await self._aside.do(partial(self._answer, given), SAID_WITHIN)
        except UnavailableError:
            log.warning("an answer to message %d cannot be written; its sender is asked to come again", link.message)
            return self._page(language, survey, int(score), 503, said=texts["survey_failed"], comment=comment)
        if not whose:
            return self._gone(request)
        return self._page(language, survey, int(score), thanked=texts["survey_thanks"].replace("{mark}", score))

    def close(self) -> None:
        """End what is open."""
        self._aside.close()

    async def _language(self, request: Request, message: int) -> str:
        """Return the language to answer in where the form, which says it, was not read."""
        try:
            known = await self._aside.do(partial(language_of, self._database, message), ASKED_WITHIN)
        except UnavailableError:
            known = None
        return self._pages.language(request, known)

    def _read(self, request: Request) -> tuple[SurveyAnswer, Survey] | None:
        """Return what the link says; None where it was not made here, or the question is not asked any more."""
        link = self._tokens.read_survey(request.path_params["token"])
        survey = self._surveys.get(link.survey) if link else None
        if link is None or survey is None or (link.mark is not None and link.mark not in survey.scale.marks):
            return None
        return link, survey

    def _answer(self, given: Answer) -> bool:
        whose, work = answer(self._database, given, self._clock.now())
        self._tell(work)
        return whose

    def _page(
        self,
        language: str,
        survey: Survey,
        mark: int | None,
        status: int = 200,
        *,
        known: Asked | None = None,
        said: str = "",
        comment: str = "",
        thanked: str = "",
    ) -> Response:
        before = known.said if known else None
        return self._pages.page(
            "survey.html",
            language,
            status,
            title=_in(survey.question, language),
            low=_in(survey.low, language),
            high=_in(survey.high, language),
            marks=list(survey.scale.marks),
            mark=mark,
            before=str(before.score) if before else "",
            comment=comment or (before.comment or "" if before else ""),
            said=said,
            thanked=thanked,
            longest=LONGEST_COMMENT,
        )

    def _gone(self, request: Request) -> Response:
        return self._pages.notice("gone", self._pages.language(request), 404, link=True)


def _in(words: Mapping[str, str], language: str) -> str:
    """Return a text in a language, or in the first one that it has."""
    return words.get(language) or next(iter(words.values()), "")
