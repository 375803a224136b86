"""`/p/TOKEN`: which mail an address wants, how often and in which language, chosen by a mail's own link without log-in.

A GET shows what holds and changes nothing; a POST writes what was changed. The token in the address is signed, names
one mail, and stands in that mail only, so no foreign page can post for its reader, and no cookie is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.preferences import Choice, Preferences, preferences_of, save
from worker.delivery.tokens import Tokens, Use
from worker.domain.calendars.walls import MIDNIGHT, on_the_wall
from worker.domain.customers import ConsentState, Purpose
from worker.domain.errors import UnavailableError
from worker.domain.settings import Settings
from worker.domain.wishes import LONGEST_PAUSE, Frequency, Wishes, pause_of
from worker.domain.work import Work
from worker.edges.web.aside import Aside
from worker.edges.web.fields import fields_of
from worker.edges.web.recording import Clock
from worker.edges.web.rendering import Pages
from worker.edges.web.texts import LANGUAGES
from worker.storage.database import Database

SHOWN_WITHIN = 3.0  # seconds that the page waits for what holds
SAVED_WITHIN = 5.0
_TOPIC = "topic."  # begins the name of a topic's field

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Said:
    """How a page says what came of a form: a text by name, whether it is good news, and what was typed."""

    text: str = ""
    good: bool = False
    status: int = 200
    typed: Mapping[str, str] | None = None
    language: str | None = None  # that was chosen with it, or that the form was in


class PreferencePages:
    """The endpoint.

    Parameters:
        tell: told of what follows.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: Tokens,
        database: Database,
        clock: Clock,
        pages: Pages,
        tell: Callable[[Work], object],
    ) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.shop.timezone)
        self._tokens = tokens
        self._database = database
        self._clock = clock
        self._pages = pages
        self._tell = tell
        self._aside = Aside("preferences")

    async def show(self, request: Request) -> Response:
        """Show what holds."""
        message = self._tokens.read_page(Use.PREFERENCES, request.path_params["token"])
        if message is None:
            return self._gone(request)
        try:
            known = await self._aside.do(partial(preferences_of, self._database, message), SHOWN_WITHIN)
        except UnavailableError:
            return self._down(request)
        return self._page(request, known, _Said())

    async def post(self, request: Request) -> Response:
        """Write what was changed, and show what holds."""
        message = self._tokens.read_page(Use.PREFERENCES, request.path_params["token"])
        if message is None:
            return self._gone(request)
        said = await fields_of(request)
        try:
            if said is None or "shown" not in said:  # nothing unticked is a word where no form of ours came whole
                known = await self._aside.do(partial(preferences_of, self._database, message), SHOWN_WITHIN)
                return self._page(request, known, _Said("wishes_unread", status=400))
            said = _with_day(said)
            try:
                choice = self._choice(message, said, self._pages.language(request))
            except ValueError:
                known = await self._aside.do(partial(preferences_of, self._database, message), SHOWN_WITHIN)
                return self._page(
                    request, known, _Said("wishes_wrong", status=422, typed=said, language=said.get("page"))
                )
            holds = await self._aside.do(partial(self._save, choice), SAVED_WITHIN)
        except UnavailableError:
            log.warning("preferences by message %d cannot be written; their reader is asked to come again", message)
            return self._down(request)
        return self._page(
            request, holds, _Said("wishes_saved", good=True, language=choice.language or said.get("page"))
        )

    def close(self) -> None:
        """End what is open."""
        self._aside.close()

    def _save(self, choice: Choice) -> Preferences | None:
        confirmed = self._settings.policy.refusal_confirmed
        holds, work = save(self._database, choice, self._clock.now(), confirmed=confirmed)
        self._tell(work)
        return holds

    def _choice(self, message: int, said: Mapping[str, str], page: str) -> Choice:
        """Read a form.

        Raises:
            ValueError: the day on which a pause is to end is none.
        """
        now = self._clock.now()
        language = said.get("page", page)
        texts = self._pages.texts(language if language in LANGUAGES else page)
        shown = set(said["shown"].split())
        off = "everything" in said
        marketing, tracking = (one.value in said for one in Purpose)
        topics = {name: f"{_TOPIC}{name}" in said for name in self._settings.topics}
        chosen = said.get("language", "")
        wordings = {
            Purpose.MARKETING.value: texts["wishes_everything" if off else "wishes_agree"],
            Purpose.TRACKING.value: texts["wishes_follow"],
            **{name: self._title(name, language) for name in topics},
        }
        return Choice(
            message,
            now,
            Wishes(frequency=_frequency(said.get("often")), paused_until=None if off else self._pause(said, now)),
            False if off else marketing if marketing != ("marketing" in shown) else None,
            tracking if tracking != ("tracking" in shown) and not off else None,
            {} if off else {name: yes for name, yes in topics.items() if yes != (f"{_TOPIC}{name}" in shown)},
            chosen if chosen in self._settings.shop.languages and f"language.{chosen}" not in shown else None,
            wordings,
            keeps_pause=off or said.get("pause") == "keep",
        )

    def _pause(self, said: Mapping[str, str], now: datetime) -> datetime | None:
        word = said.get("pause", "").replace("keep", "")
        day = pause_of(said.get("until", "") or "-" if word == "until" else word, now.astimezone(self._zone).date())
        return None if day is None else on_the_wall(day, MIDNIGHT, self._zone)

    def _page(self, request: Request, known: Preferences | None, said: _Said) -> Response:
        if known is None:
            return self._gone(request)
        language = self._pages.language(request, known.spoken or self._settings.shop.language)
        if said.language in LANGUAGES:
            language = said.language
        texts = self._pages.texts(language)
        today = self._clock.now().astimezone(self._zone).date()
        shown = self._shown(known)
        return self._pages.page(
            "preferences.html",
            language,
            said.status,
            title=texts["wishes_title"],
            said=texts[said.text] if said.text else None,
            good=said.good,
            wrong=said.status == 422,
            address=_masked(known.email),
            shown=" ".join(sorted(name for name, holds in shown.items() if holds)),
            checked=_typed(shown, said.typed),
            typed=said.typed or {},
            topics={name: self._title(name, language) for name in self._settings.topics},
            often=[one.value for one in Frequency],
            tongues=[(code, LANGUAGES.get(code, code)) for code in self._settings.shop.languages],
            paused=self._paused(known),
            first=today + timedelta(days=1),
            last=today + LONGEST_PAUSE,
            switch=[(code, name) for code, name in LANGUAGES.items() if code != language],
        )

    def _shown(self, known: Preferences) -> dict[str, bool]:
        """Return what is chosen now, by the names of the fields."""
        policy = self._settings.policy
        opted_out = policy.marketing_consent == "opt-out"
        wishes, paused = known.wishes, self._paused(known)
        spoken = known.language or self._settings.shop.language
        return {
            "marketing": _holds(known.marketing, unless_refused=opted_out),
            "tracking": _holds(known.tracking, unless_refused=not policy.tracking_consent),
            **{f"{_TOPIC}{name}": name not in wishes.topics_out for name in self._settings.topics},
            **{f"often.{one}": one is wishes.frequency for one in Frequency},
            **{f"language.{one}": one == spoken for one in self._settings.shop.languages},
            "pause.": paused is None,
            "pause.keep": paused is not None,
        }

    def _paused(self, known: Preferences) -> str | None:
        """Return the day on which a pause ends that holds now."""
        until = known.wishes.paused_until
        if until is None or not known.wishes.paused(self._clock.now()):
            return None
        return f"{until.astimezone(self._zone):%d/%m/%Y}"

    def _title(self, topic: str, language: str) -> str:
        titles = self._settings.topics[topic]
        return titles.get(language) or titles.get(self._settings.shop.language) or next(iter(titles.values()))

    def _gone(self, request: Request) -> Response:
        return self._pages.notice("gone", self._pages.language(request), 404, link=True)

    def _down(self, request: Request) -> Response:
        return self._pages.notice("down", self._pages.language(request), 503)


def _with_day(said: dict[str, str]) -> dict[str, str]:
    """Return a form in which a day that was filled in is chosen, where the choice beside it was left as it was shown.

    Who types a day means it, whether the dot before it was pressed, too, or not.
    """
    untouched = f"pause.{said.get('pause', '')}" in said["shown"].split()
    return {**said, "pause": "until"} if said.get("until") and untouched else said


def _frequency(word: str | None) -> Frequency:
    return Frequency(word) if word in set(Frequency) else Frequency.EVERYTHING


def _holds(state: ConsentState, *, unless_refused: bool) -> bool:
    return state is ConsentState.SUBSCRIBED or (state is ConsentState.UNKNOWN and unless_refused)


def _typed(shown: Mapping[str, bool], typed: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what a page has chosen: what holds, or what was typed into a form that cannot be saved yet."""
    if typed is None:
        return dict(shown)
    groups = {"often", "language", "pause"}
    return {
        name: typed.get(name.partition(".")[0]) == name.partition(".")[2]
        if name.partition(".")[0] in groups
        else name in typed
        for name in shown
    }


def _masked(email: str) -> str:
    """Return an address so that its owner knows it and nobody else learns it: `l•••@example.com`."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"
