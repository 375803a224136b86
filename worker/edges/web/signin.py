"""`/s/TOKEN`: a signed link signs in. A GET shows a page with one button, so that a mail scanner signs nobody in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker.delivery.tokens import Tokens
from worker.domain.staff import StaffOf
from worker.edges.web.forms import read_form
from worker.edges.web.frame import Frame, may_enter
from worker.edges.web.sessions import MachineClock, Session

_PLACES = {"tasks": "/tasks"}  # where a link may lead on to, by the word in it; an address in a link leads nowhere


class SignInPages:
    """The pages.

    Parameters:
        days: how long a link can be used.
        noted: has the log say that somebody signed in.
        end: ends a session everywhere.
    """

    def __init__(
        self,
        frame: Frame,
        tokens: Tokens,
        staff: StaffOf,
        clock: MachineClock,
        days: int,
        noted: Callable[[str], None] = lambda _: None,
        end: Callable[[Session], None] = lambda _: None,
    ) -> None:
        self._noted = noted
        self._end = end
        self._frame = frame
        self._tokens = tokens
        self._staff = staff
        self._clock = clock
        self._lasts = timedelta(days=days)

    async def show(self, request: Request) -> Response:
        """Ask whether it is meant; who is signed in as this person already goes on at once."""
        person = self._person(request)
        visitor = self._frame.visitor(request)
        if isinstance(person, Response):
            return person
        if visitor.session is not None and visitor.session.person == person:
            return RedirectResponse(_place(request), 303)
        known = self._staff().people.get(person)
        texts = self._frame.pages.texts(visitor.language)
        name = known.name if known else texts["owner"]
        return self._frame.page(request, visitor, "signin.html", form=True, title=texts["signin_title"], name=name)

    async def post(self, request: Request) -> Response:
        """Sign in, and go to the place that the link names, else to the first page."""
        person = self._person(request)
        if isinstance(person, Response):
            return person
        visitor = self._frame.visitor(request)
        if not self._frame.forms.holds(request, await read_form(request), visitor.session):
            return self._frame.pages.notice("stale", visitor.language, 403)
        await run_in_threadpool(self._noted, person)
        if visitor.session is not None:
            await run_in_threadpool(self._end, visitor.session)
        answer = RedirectResponse(_place(request), 303)
        self._frame.sessions.begin(answer, person)
        return answer

    async def leave(self, request: Request) -> Response:
        """Sign out; a form of another session, or none, signs nobody out."""
        visitor = self._frame.visitor(request)
        fields = await read_form(request)
        if visitor.session is not None and not self._frame.forms.holds(request, fields, visitor.session):
            return self._frame.pages.notice("stale", visitor.language, 403)
        if visitor.session is not None:
            await run_in_threadpool(self._end, visitor.session)
        answer = RedirectResponse("/", 303)
        self._frame.sessions.end(answer)
        return answer

    def _person(self, request: Request) -> str | Response:
        """Return whom the link signs in, or the page that says why it signs in nobody."""
        found = self._tokens.read_staff(request.path_params["token"])
        language = self._frame.visitor(request).language
        if found is None or not may_enter(self._staff, found.person):
            return self._frame.pages.notice("gone", language, 404)
        if self._clock.machine() - found.issued_at >= self._lasts:
            return self._frame.pages.notice("old", language, 410)
        return found.person


def _place(request: Request) -> str:
    return _PLACES.get(request.query_params.get("to", ""), "/")
