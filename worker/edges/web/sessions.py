"""Sessions: who is signed in to the pages, kept in a signed cookie of their browser.

A session is made by signing in, never taken over from what a browser brings, so it cannot be fixed beforehand. It
ends by signing out (`worker.edges.web.ended_sessions`), after the days of a setting, when its person is in
`config/staff.yaml` no more, and for everybody when PHIN_SECRET_KEY is changed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

LONGEST = 1_000  # characters of a cookie that are looked at


class MachineClock(Protocol):
    """The machine's own time: a session lasts so many real days, wherever the shop's clock is moved to."""

    def machine(self) -> datetime:
        """Return it, aware."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.

    Parameters:
        person: key of the person in `config/staff.yaml`.
        since: when they signed in (whole seconds, UTC).
        mark: random, one for each session; forms are bound to it.
    """

    person: str
    since: datetime
    mark: str


class Sessions:
    """Begins, reads and ends sessions.

    Parameters:
        signing: the house's key ring; the first signs, each is accepted.
        url: address of the web process; by https its cookies never go over http.
        days: how long a session lasts.
        knows: says whether a person may still sign in.
        over: says whether a session was signed out.
    """

    def __init__(
        self,
        signing: Sequence[bytes],
        url: str,
        days: int,
        clock: MachineClock,
        knows: Callable[[str], bool],
        over: Callable[[Session], bool] = lambda _: False,
    ) -> None:
        self._serializer = serializer(signing, "phin session")
        self._secure = url.startswith("https://")
        # browsers share cookies between the ports of one machine, where another Phin may run
        self._cookie = "__Host-phin" if self._secure else f"phin_{urlsplit(url).port or 80}"
        self._lasts = timedelta(days=days)
        self._clock = clock
        self._knows = knows
        self._over = over

    def of(self, request: Request) -> Session | None:
        """Return who is signed in, or None."""
        written = request.cookies.get(self._cookie, "")
        if not written or len(written) > LONGEST:
            return None
        try:
            person, since, mark = self._serializer.loads(written)
            session = Session(person, datetime.fromtimestamp(since, UTC), mark)
        except (BadData, TypeError, ValueError, OverflowError):
            return None
        if self._clock.machine() - session.since >= self._lasts or not self._knows(session.person):
            return None
        return None if self._over(session) else session

    def begin(self, response: Response, person: str) -> Session:
        """Sign a person in with this answer; whatever session the browser had is over."""
        since = int(self._clock.machine().timestamp())
        session = Session(person, datetime.fromtimestamp(since, UTC), secrets.token_urlsafe(18))
        written = self._serializer.dumps([session.person, since, session.mark])
        response.set_cookie(
            self._cookie,
            written if isinstance(written, str) else written.decode(),
            max_age=int(self._lasts.total_seconds()),
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="lax",  # not strict: who follows a link in a mail is signed in there too; every change is a POST
        )
        return session

    def end(self, response: Response) -> None:
        """Sign out with this answer."""
        response.delete_cookie(self._cookie, path="/", httponly=True, secure=self._secure, samesite="lax")


def serializer(signing: Sequence[bytes], purpose: str) -> URLSafeSerializer:
    """Return what signs values for one purpose, by HMAC-SHA256 with a key of that purpose's own."""
    return URLSafeSerializer(
        list(reversed(signing)),  # itsdangerous signs with the last
        salt=purpose,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
