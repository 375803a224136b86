"""Webhooks of mail providers as an attacker sends them: replayed, dated otherwise, altered, with another's proof."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.routing import Route

from tests.edges.test_web_providers import MAILGUN, POSTMARK, SENDGRID, STRANGERS, Hooks, ses_bounce
from tests.support.reports import LAN
from worker.edges.web.provider_signatures import SENDGRID_SIGNATURE, SENDGRID_TIMESTAMP
from worker.storage.database import Database

pytestmark = pytest.mark.anyio

LOGIN = f"Basic {base64.b64encode(POSTMARK).decode()}"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BATCH = [{"event": "spamreport", "email": LAN, "sg_event_id": "a"}]
FAILED = {"id": "e1", "event": "failed", "severity": "permanent", "recipient": LAN}
BOUNCE = {"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": LAN}


@pytest.fixture
def hooks(sqlite_database: Database) -> Iterator[Hooks]:
    made = Hooks(sqlite_database)
    yield made
    made.hooks.close()


def signed(hooks: Hooks, body: bytes, later: timedelta = timedelta(), key: Any = SENDGRID) -> list[tuple[str, str]]:
    """Return SendGrid's headers for a body."""
    at = str(int((hooks.now + later).timestamp()))
    signature = base64.b64encode(key.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return [(SENDGRID_SIGNATURE, signature), (SENDGRID_TIMESTAMP, at)]


async def sent(hooks: Hooks, provider: str, body: Any, headers: list[tuple[str, str]]) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (await hooks.web.post(f"/v1/providers/{provider}", content=content, headers=headers)).status_code


@pytest.mark.parametrize(
    ("later", "taken"),
    [(-26 * HOUR, False), (-24 * HOUR, True), (9 * MINUTE, True), (11 * MINUTE, False), (9e4 * HOUR, False)],
)
async def test_what_is_dated_otherwise_is_not_taken(hooks: Hooks, later: timedelta, taken: bool) -> None:
    """Given a good signature over another time, then it is taken where a provider's own tries and clocks explain it,
    and never of the far past or the future."""
    told = (hooks.now + later).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    answers = [
        await hooks.sendgrid(BATCH, at=hooks.now + later),
        await hooks.post("mailgun", hooks.mailgun(FAILED, at=hooks.now + later)),
        await hooks.sns(ses_bounce("x@y.example"), Timestamp=told),
    ]
    assert answers == [200 if taken else 403] * 3
    assert bool(hooks.counter.rows()) == taken


async def test_what_was_altered_is_not_taken(hooks: Hooks) -> None:
    """Given something of a provider's that was altered after signing, in body, time, token or topic, or that brings no
    signature, an empty one or one that is none, then nothing is kept."""
    body = json.dumps(BATCH).encode()
    good = signed(hooks, body)
    stale = [good[0], (SENDGRID_TIMESTAMP, str(int(good[1][1]) - 60))]
    assert await sent(hooks, "sendgrid", body + b" ", good) == 403
    assert await sent(hooks, "sendgrid", body, stale) == 403
    assert await sent(hooks, "sendgrid", body, signed(hooks, body, key=ec.generate_private_key(ec.SECP256R1()))) == 403
    for none in ("", "=", "AAAA", "%", "A" * 5_000, base64.b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode()):
        assert await sent(hooks, "sendgrid", body, [(SENDGRID_SIGNATURE, none), good[1]]) == 403
    told = hooks.mailgun(FAILED)
    for name, value in (("timestamp", str(int(hooks.now.timestamp()) - 60)), ("token", "u" * 50), ("signature", "")):
        assert await hooks.post("mailgun", {**told, "signature": {**told["signature"], name: value}}) == 403
    shapes: list[Any] = [None, [], "text", {"timestamp": [], "token": {}, "signature": None}]
    for shape in shapes:
        assert await hooks.post("mailgun", {**told, "signature": shape}) in (401, 403)
    message = hooks.signed(ses_bounce("x@y.example"))
    for name in ("Message", "MessageId", "Timestamp"):
        assert await hooks.post("ses", {**message, name: message[name][:-3] + "11Z"}) == 403
    assert await hooks.post("ses", {**message, "Signature": ""}) == 403
    for none in ("", "Basic", "Basic ", "Basic Og==", f"Bearer {LOGIN[6:]}", f"{LOGIN}A", LOGIN.lower()):
        assert await hooks.post("postmark", BOUNCE, Authorization=none) in (401, 403)
    assert hooks.counter.rows() == []


async def test_one_providers_proof_is_nothing_to_another(hooks: Hooks) -> None:
    """Given what is good for one provider, when it is sent to the address of another, then nothing is kept."""
    body = json.dumps(BATCH).encode()
    proofs: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
        "sendgrid": (body, signed(hooks, body)),
        "mailgun": (json.dumps(hooks.mailgun(FAILED)).encode(), []),
        "postmark": (json.dumps(BOUNCE).encode(), [("Authorization", LOGIN)]),
        "ses": (json.dumps(hooks.signed(ses_bounce("x@y.example"))).encode(), []),
    }
    for own, (content, headers) in proofs.items():
        for provider in proofs.keys() - {own}:
            assert await sent(hooks, provider, content, headers) in (400, 401, 403), (own, provider)
    key_of_another = hooks.mailgun(FAILED, key=POSTMARK)
    assert await hooks.post("mailgun", key_of_another) == 403
    assert await hooks.post("postmark", BOUNCE, Authorization=f"Basic {base64.b64encode(MAILGUN).decode()}") == 403
    assert hooks.counter.rows() == []


async def test_a_header_that_comes_twice_shows_nothing(hooks: Hooks) -> None:
    """Given a good proof and another beside it, in either order, then nothing is kept: a server on the way may have
    looked at the other one."""
    body = json.dumps(BATCH).encode()
    good, foreign = signed(hooks, body), signed(hooks, body, later=-MINUTE, key=ec.generate_private_key(ec.SECP256R1()))
    for headers in ([*good, *foreign], [*foreign, *good], [*good, good[0]], [*good, good[1]]):
        assert await sent(hooks, "sendgrid", body, headers) == 403
    for other in (LOGIN, "Basic cGhpbjp3cm9uZw=="):
        both = [("Authorization", LOGIN), ("Authorization", other)]
        assert await sent(hooks, "postmark", BOUNCE, both) == await sent(hooks, "postmark", BOUNCE, both[::-1]) == 403
    assert hooks.counter.rows() == []


async def test_a_replay_counts_once_over_processes_and_restarts(database: Database) -> None:
    """Given requests that somebody heard and sends again, to this process, another one and one that was started later,
    then each event counts once; Mailgun's token, which signs no body, is good for no other body anywhere."""
    first, second = Hooks(database), Hooks(database)
    body = json.dumps(BATCH).encode()
    requests: list[tuple[str, bytes, list[tuple[str, str]]]] = [
        ("sendgrid", body, signed(first, body)),
        ("mailgun", json.dumps(told := first.mailgun(FAILED)).encode(), []),
        ("ses", json.dumps(first.signed(ses_bounce("x@y.example"))).encode(), []),
        ("postmark", json.dumps(BOUNCE).encode(), [("Authorization", LOGIN)]),
    ]
    for request in requests:
        assert await sent(first, *request) == 200
    kept = len(first.counter.rows())
    assert kept == 4
    first.hooks.close()
    later = Hooks(database)
    for hooks in (second, later):
        for request in requests:
            assert await sent(hooks, *request) == 200, "a provider that sends again is thanked"
        assert await hooks.post("mailgun", {**told, "event-data": {**FAILED, "id": "e2"}}) == 403
        hooks.hooks.close()
    assert len(later.counter.rows()) == kept


async def test_a_flood_of_bad_ones_is_held_by_address(hooks: Hooks) -> None:
    """Given wrong signatures from one address, then it is told when to come again, before its bodies are read; a
    provider elsewhere is taken."""
    app = Starlette(routes=[Route("/v1/providers/{provider}", hooks.hooks.post, methods=["POST"])])

    def at(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://phin")

    async with at("203.0.113.66") as attacker, at("198.51.100.7") as provider:
        names = ("ses", "sendgrid", "mailgun", "postmark")
        for number in range(STRANGERS):
            bad = await attacker.post(f"/v1/providers/{names[number % 4]}", json={})
            assert bad.status_code in (401, 403)
        held = await attacker.post("/v1/providers/mailgun", content=b"x" * 3_000_001)
        assert (held.status_code, int(held.headers["retry-after"]) >= 1) == (429, True)
        good = await provider.post("/v1/providers/postmark", json=BOUNCE, headers={"Authorization": LOGIN})
        assert good.status_code == 200
