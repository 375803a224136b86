"""A shop and its customers as seen from outside: events by HTTP, mails read from their bytes, links followed."""

from __future__ import annotations

import email
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from email.header import decode_header, make_header
from typing import Any

import httpx

from tests.support.phin_up import PhinUp
from tests.support.processes import clean_environment

_PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36"
PHONE = f"{_PHONE} (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as its reader has it."""

    subject: str
    headers: dict[str, str]
    text: str
    html: str

    @property
    def pixel(self) -> str:
        """Address of the pixel."""
        return self._found(r'<img src="([^"]+/o/[^"]+\.gif)"')

    def link(self, number: int = 0) -> str:
        """Address of a tracked link."""
        return str(re.findall(r'<a(?![^>]*aria-hidden)[^>]+href="([^"]+/c/[^"]+)"', self.html)[number])

    @property
    def unsubscribe(self) -> str:
        """Address that the List-Unsubscribe header names."""
        return self.headers["List-Unsubscribe"].strip("<>")

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, self.html)
        assert match, self.html
        return match[1]


def read_letter(content: bytes) -> Letter:
    """Read a mail with a parser that is not ours."""
    message = email.message_from_bytes(content)
    parts = {part.get_content_type(): part for part in message.walk()}
    bodies = {kind: bytes(part.get_payload(decode=True) or b"").decode() for kind, part in parts.items()}
    subject = str(make_header(decode_header(message["Subject"])))
    return Letter(subject, dict(message.items()), bodies["text/plain"], bodies["text/html"])


class Visitor:
    """Speaks to a running Phin as shop, customer and operator.

    Parameters:
        up: the running house.
        settings: the environment that it was started with.
    """

    def __init__(self, up: PhinUp, **settings: str) -> None:
        self.up = up
        self.settings = settings
        found = re.search(r"Bearer (\S+)'", up.command)
        assert found is not None
        self.key = found[1]

    def report(self, *events: dict[str, Any], expect: int = 202) -> dict[str, Any]:
        """Send events, as the shop does."""
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.post(f"{self.up.url}/v1/events", json=list(events), headers=headers, timeout=30)
        assert answer.status_code == expect, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def get(self, url: str, agent: str = PHONE) -> httpx.Response:
        """Follow a link, as a person on a phone does, one step."""
        return httpx.get(url, headers={"User-Agent": agent}, timeout=30)

    def phin(self, *arguments: str) -> str:
        """Run a command and return what it prints."""
        environment = clean_environment(PHIN_HOME=str(self.up.home), **self.settings)
        command = [sys.executable, "-m", "worker.edges.cli", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def why(self, customer: str) -> dict[str, Any]:
        """Return the story of one customer."""
        (story,) = json.loads(self.phin("why", customer, "--json"))
        result: dict[str, Any] = story
        return result

    def hits(self, customer: str, flow: str) -> list[tuple[str, str | None]]:
        """Return kind and class of each hit on the mails of one flow."""
        (told,) = [one for one in self.why(customer)["flows"] if one["flow"] == flow]
        return [(hit["kind"], hit["by"]) for way in told["journeys"] for mail in way["mails"] for hit in mail["hits"]]


def purchase(key: str, number: str, customer: dict[str, Any]) -> dict[str, Any]:
    """Return a purchase of coffee, now."""
    lines = [{"sku": "AR-250", "name": "Arabica Cầu Đất 250 g", "category": "arabica", "quantity": 2, "price": 225000}]
    order = {"number": number, "total": 450000, "currency": "VND", "lines": lines}
    return {"id": key, "type": "purchase", "customer": customer, "order": order}
