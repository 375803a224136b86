"""The frame of the staff's pages: who looks, in which language, where they can go, and the button to sign out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from worker.domain.staff import Person, StaffOf, away_until
from worker.edges.web.forms import FormGuard
from worker.edges.web.rendering import Pages
from worker.edges.web.sessions import Session, Sessions
from worker.edges.web.texts import LANGUAGES

OWNER = "owner"  # who signs in to a shop that has no config/staff.yaml
_LANGUAGE_COOKIE = "phin_lang"
_A_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page.

    Parameters:
        session: None for somebody who is not signed in.
        person: of `config/staff.yaml`; None for the owner of a shop without one, and for who is not signed in.
    """

    session: Session | None
    person: Person | None
    language: str


class Frame:
    """Makes pages with the house's frame.

    Parameters:
        is_capturing: says whether mail is captured now, so that there is an outbox to lead to.
    """

    def __init__(
        self, pages: Pages, sessions: Sessions, forms: FormGuard, staff: StaffOf, is_capturing: Callable[[], bool]
    ) -> None:
        self.pages = pages
        self.sessions = sessions
        self.forms = forms
        self._staff = staff
        self._is_capturing = is_capturing

    @property
    def captures_mail(self) -> bool:
        """Whether mail is captured now."""
        return self._is_capturing()

    def name_of(self, person: str | None) -> str | None:
        """Return the name of a person of the staff; their key where they are no longer in it."""
        known = self._staff().people.get(person or "")
        return known.name if known else person

    def away_until(self, person: str | None, now: datetime) -> datetime | None:
        """Return when a person of the staff is back who is on leave now."""
        known = self._staff().people.get(person or "")
        return away_until(known, now) if known else None

    def visitor(self, request: Request) -> Visitor:
        """Return who looks: their language is the link's, the one they chose before, their own, the browser's."""
        session = self.sessions.of(request)
        person = None if session is None else self._staff().people.get(session.person)
        chosen = request.cookies.get(_LANGUAGE_COOKIE)
        known = chosen if chosen in LANGUAGES else None if person is None else person.language
        return Visitor(session, person, self.pages.language(request, known))

    def page(
        self, request: Request, visitor: Visitor, template: str, status: int = 200, *, form: bool = False, **values: Any
    ) -> HTMLResponse:
        """Return a page in the frame, with the cookies that its forms and its language need.

        Parameters:
            form: whether it has a form for somebody who is not signed in; others get no cookie that they do not need.
        """
        language = visitor.language
        texts = self.pages.texts(language)
        token = self.forms.begin(request, visitor.session) if form or visitor.session is not None else None
        page = self.pages.page(
            template,
            language,
            status,
            here=partial(here, request),
            places=self._places(request, visitor, texts),
            who=None if visitor.session is None else visitor.person.name if visitor.person else texts["owner"],
            csrf=None if token is None else token.value,
            **values,
        )
        if token is not None:
            token.attach(page)
        if request.query_params.get("lang") == language:
            page.set_cookie(
                _LANGUAGE_COOKIE,
                language,
                max_age=_A_YEAR,
                httponly=True,
                secure=self.forms.secure,
                samesite="lax",
                path="/",
            )
        return page

    def missing(self, request: Request) -> HTMLResponse:
        """Return the page that says that there is none here."""
        visitor = self.visitor(request)
        t = self.pages.texts(visitor.language)
        title, text = t["missing_title"], t["missing_text"]
        return self.page(request, visitor, "missing.html", 404, title=title, text=text)

    def _places(self, request: Request, visitor: Visitor, texts: dict[str, str]) -> list[dict[str, Any]]:
        tasks = [] if visitor.session is None else [("/tasks", "place_tasks")]
        outbox = [("/outbox", "outbox")] if self._is_capturing() else []
        return [
            {"href": path, "name": texts[name], "current": _leads_to(path, request.url.path)}
            for path, name in (("/", "home"), *tasks, *outbox, ("/docs", "front_docs"))
        ]


def _leads_to(place: str, path: str) -> str | None:
    """Return how a place is marked (`aria-current`): the page itself, one beneath it, or neither."""
    if path == place:
        return "page"
    beneath = {"/": "/flows/", "/tasks": "/t/"}.get(place, f"{place}/")
    return "true" if path.startswith(beneath) else None


def may_enter(staff: StaffOf, person: str) -> bool:
    """Say whether a person may sign in: one of `config/staff.yaml`, or the owner where there is no such file.

    Nobody becomes the owner by a file that is broken.
    """
    known = staff()
    return person in known.people if known.people or known.lost else person == OWNER


def here(request: Request, **changes: str) -> str:
    """Return the address of this page with other parameters; it is one of ours, whatever path was asked for."""
    path = "/" + request.url.path.lstrip("/")  # two slashes would begin with the name of a foreign host
    return f"{quote(path)}?{urlencode({**request.query_params, **changes})}"
