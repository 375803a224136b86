"""Traffic from outside: a shop that reports events and customers who read their mails, both of whom try again.

shop = Shop(house.url, KEY)
shop.report([{"id": "e1", "type": "purchase", …}])      # returns once it is answered 202
reader = Reader(site)
reader.read(letter)                                       # its links and its pixel
judge(…, answered=shop.answered, asked=reader.asked)
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.chaos.oracle import Asked
from tests.support.visitor import PHONE, read_letter

AGAIN_AFTER = 0.2  # seconds after which one tries again
TIMEOUT = 30.0  # seconds that one waits for an answer
GIVEN_UP_AFTER = 600.0  # seconds of trying; beyond it something is broken
_LINK = re.compile(r'<a(?![^>]*aria-hidden)[^>]+href="([^"]+/c/[^"]+)"')


class Site:
    """The shop's own website: knows which of its pages were visited; a context manager."""

    def __init__(self) -> None:
        self.visited: set[str] = set()
        visited = self.visited

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visited.add(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its front page's address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Shop:
    """Reports events, each again under the same id until it is answered; for one thread.

    Parameters:
        url: of Phin's web process.
    """

    def __init__(self, url: str, key: str) -> None:
        self.answered: set[str] = set()
        self.tries = 0
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT, trust_env=False
        )

    def report(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Report events in one request, until that is answered 202."""
        until = time.monotonic() + GIVEN_UP_AFTER
        while True:
            self.tries += 1
            try:
                answer = self._client.post("/v1/events", json=list(events))
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if answer.status_code == 202:
                    assert not answer.json()["refused"], answer.text
                    self.answered.update(event["id"] for event in events)
                    return
                assert answer.status_code in (429, 503), f"{answer.status_code}: {answer.text}"
                said = answer.text
            assert time.monotonic() < until, f"not answered within {GIVEN_UP_AFTER:g} s: {said}"
            time.sleep(AGAIN_AFTER)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Reader:
    """Opens and clicks as people do, each request with a user agent of its own; for one thread.

    Parameters:
        site: where links lead.
    """

    def __init__(self, site: Site, name: str = "reader") -> None:
        self.asked: list[Asked] = []
        self.problems: list[str] = []
        self._site = site
        self._name = name
        self._numbers = itertools.count(1)
        self._client = httpx.Client(timeout=TIMEOUT, trust_env=False)

    def read(self, content: bytes, links: int | None = None) -> None:
        """Load the mail's pixel and follow its links, or the first so many."""
        html = read_letter(content).html
        self.look(read_letter(content).pixel)
        for url in _LINK.findall(html)[:links]:
            self.follow(url)

    def look(self, url: str) -> None:
        """Load a pixel, until it is shown."""
        self._until_answered(url, lambda answer: answer.status_code == 200 and len(answer.content) == 43)

    def follow(self, url: str) -> None:
        """Follow a link to the shop's page, until that is reached."""
        self._until_answered(url, self._reached)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _reached(self, answer: httpx.Response) -> bool:
        target = answer.headers.get("location", "")
        if answer.status_code != 302 or not target.startswith(f"{self._site.url}/"):
            return False
        page = self._client.get(target)
        return page.status_code == 200 and target.removeprefix(self._site.url) in self._site.visited

    def _until_answered(self, url: str, arrived: Any) -> None:
        until = time.monotonic() + GIVEN_UP_AFTER
        while True:
            agent = f"{PHONE} {self._name}/{next(self._numbers)}"
            try:
                answer = self._client.get(url, headers={"User-Agent": agent})
            except httpx.TransportError as error:
                self.asked.append(Asked(agent, url, answered=False, arrived=False))
                assert time.monotonic() < until, f"not answered within {GIVEN_UP_AFTER:g} s: {error!r}"
                time.sleep(AGAIN_AFTER)
                continue
            reached = arrived(answer)
            if not reached:
                self.problems.append(f"{answer.status_code} {url[:60]}")
            self.asked.append(Asked(agent, url, answered=True, arrived=reached))
            return


def fresh_letters(folder: Path, seen: set[str]) -> list[Path]:
    """Return the letters of a sink that are not among these yet, the oldest first, and put them there."""
    found = sorted(path for path in folder.glob("*.eml") if path.name not in seen)
    seen.update(path.name for path in found)
    return found
