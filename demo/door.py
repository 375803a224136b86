"""Phin's front door, as the shop and its customers reach it: by HTTP and nothing else."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import click

AT_ONCE = 500  # events in one request
ANSWERS_WITHIN = 60.0  # seconds
AGAIN = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds before the next try where Phin cannot take something now
_MAIL = re.compile(r'href="/outbox/([^"/?]+\.eml)[?"]')


class DoorError(click.ClickException):
    """Phin did not answer as it should; the message says what was asked and what came."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What Phin has to do (docs/api.md)."""

    now: datetime
    idle: bool
    due: Mapping[str, int]
    next_at: datetime | None


class Door:
    """One connection that is kept open, and opened anew where it was lost.

    Parameters:
        url: Phin's address.
        key: the shop's ingest key.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._bearer = {"Authorization": f"Bearer {key}"}
        self._connection: http.client.HTTPConnection | None = None

    def ready(self) -> bool:
        """Say whether work can be done."""
        try:
            return self._ask("GET", "/readyz")[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def report(self, events: Sequence[Mapping[str, Any]]) -> int:
        """Report events; returns how many are new.

        Raises:
            DoorError: one is refused, or they cannot be taken.
        """
        accepted = 0
        for start in range(0, len(events), AT_ONCE):
            body = json.dumps(events[start : start + AT_ONCE]).encode()
            headers = {**self._bearer, "Content-Type": "application/json"}
            receipt = json.loads(self._sure("POST", "/v1/events", body, headers, http.HTTPStatus.ACCEPTED))
            if receipt["refused"]:
                raise DoorError(f"Phin refuses an event of the shop: {receipt['refused'][0]}")
            accepted += int(receipt["accepted"])
        return accepted

    def backlog(self) -> Backlog:
        """Return what Phin has to do now, and when something falls due next."""
        told = json.loads(self._sure("GET", "/v1/backlog", None, self._bearer, http.HTTPStatus.OK))
        next_at = told["next_at"]
        return Backlog(
            datetime.fromisoformat(told["now"]),
            told["idle"],
            {**told["due"], "in hand": told["in_hand"]},
            None if next_at is None else datetime.fromisoformat(next_at),
        )

    def mails(self) -> Iterator[str]:
        """Yield the names of the captured mails, the newest first."""
        page = 1
        while True:
            text = self._sure("GET", f"/outbox?page={page}", None, {}, http.HTTPStatus.OK).decode()
            names = list(dict.fromkeys(_MAIL.findall(text)))
            yield from names
            if f"page={page + 1}" not in text:
                return
            page += 1

    def mail(self, name: str) -> bytes:
        """Return a captured mail's own bytes."""
        return self._sure("GET", f"/outbox/{quote(name, safe='@')}/source", None, {}, http.HTTPStatus.OK)

    def fetch(self, path: str, user_agent: str) -> int:
        """Ask for a picture or follow a link one step, as a program of that name does; returns the status."""
        return self._ask("GET", path, None, {"User-Agent": user_agent, "Accept": "*/*"})[0]

    def refuse(self, path: str, user_agent: str) -> int:
        """Unsubscribe by the one click of a mail program (RFC 8058); returns the status."""
        headers = {"User-Agent": user_agent, "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, b"List-Unsubscribe=One-Click", headers)[0]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _sure(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], status: int) -> bytes:
        """Ask until the answer has this status; what can be sent again is sent again for a while."""
        said = ""
        for pause in (*AGAIN, None):
            try:
                found, content = self._ask(method, path, body, headers)
            except OSError as error:
                found, content = 0, str(error).encode()
            if found == status:
                return content
            said = f"{found} {content[:300].decode('utf-8', 'replace')}"
            if pause is None or found not in (
                0,
                http.HTTPStatus.SERVICE_UNAVAILABLE,
                http.HTTPStatus.TOO_MANY_REQUESTS,
            ):
                break
            time.sleep(pause)
        raise DoorError(f"{method} {self.url}{path.partition('?')[0]} is answered {said.strip()}")

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        for fresh in (False, True):
            if self._connection is None or fresh:
                self.close()
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWERS_WITHIN)
            try:
                self._connection.request(method, path, body, dict(headers or {}))
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError) as error:
                self.close()
                if fresh:
                    raise OSError(f"no answer: {error}") from error
        raise AssertionError
