"""Nobody learns a secret by how long its comparison takes: each goes by digests and `hmac.compare_digest`, over all
keys there are, for a good one as for a bad one. Shown by what is compared and how often, never by a clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tests.edges.test_web_providers import MAILGUN, POSTMARK
from tests.edges.test_web_sessions import cookies_of, request, sessions
from tests.support.clock import HandClock
from tests.support.web import KEY, OTHER_KEY, SIGNING, client, web_house
from worker.delivery.tokens import Tokens, Use
from worker.edges.secrets import IngestKey, Secrets
from worker.edges.web.forms import FIELD, FormGuard
from worker.edges.web.keys import Keys
from worker.edges.web.provider_signatures import RefusedError, check_mailgun, check_postmark
from worker.edges.web.strangers import Strangers
from worker.storage.database import Database

TOKENS = Tokens([SIGNING])
CLOCK = HandClock()


class Untouchable(bytes):
    """A digest that must not be compared byte by byte, ordered, hashed or searched."""

    def _touched(self, *_args: Any) -> Any:
        raise AssertionError("a secret's digest is compared by hmac.compare_digest and nothing else")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __getitem__ = __iter__ = _touched
    __hash__ = _touched


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The outcomes of all comparisons by hmac.compare_digest, in their order."""
    outcomes: list[bool] = []
    real = hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        outcomes.append(real(one, other))
        return outcomes[-1]

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return outcomes


def bearer(*keys: str) -> Request:
    headers = [(b"authorization", f"Bearer {key}".encode("latin-1")) for key in keys]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "client": ("203.0.113.7", 1)})


@pytest.mark.parametrize(
    ("presented", "source"),
    [
        (KEY, "shop"),
        (OTHER_KEY, "till"),
        (KEY[:-1], None),
        (KEY + "x", None),
        ("x" + KEY[1:], None),
        (KEY.upper(), None),
        ("é" * 10, None),
        ("x" * 100_000, None),
    ],
)
def test_a_key_is_compared_by_digest_with_every_key(compared: list[bool], presented: str, source: str | None) -> None:
    """Given a key, good or bad, by its beginning, its end or its length, then its digest is compared with that of each
    key, neither fewer nor more, and no digest is touched otherwise."""
    known = [
        IngestKey(name, Untouchable(hashlib.sha256(key.encode()).digest()))
        for name, key in (("shop", KEY), ("till", OTHER_KEY), ("till", "an-older-key-of-the-till"))
    ]
    keys = Keys(Secrets((SIGNING,), tuple(known)).source_of, 100, Strangers(100))
    admitted = keys.admit(bearer(presented))
    assert (admitted if isinstance(admitted, str) else admitted.status_code) == (source or 401)
    assert len(compared) == len(known)
    assert compared.count(True) == (source is not None)


def test_two_keys_are_none() -> None:
    """Given a request with two keys, one of them good, then neither lets it in: a proxy may have read the other."""
    keys = Keys(lambda key: "shop" if key == KEY else None, 100, Strangers(100))
    assert keys.admit(bearer(KEY)) == "shop"
    for both in ((KEY, "x"), ("x", KEY), (KEY, KEY)):
        answer = keys.admit(bearer(*both))
        assert isinstance(answer, Response) and answer.status_code == 401


@pytest.mark.parametrize("read", ["open", "click", "unsubscribe", "page", "survey", "task", "staff", "bounce"])
def test_a_token_is_compared_by_its_whole_mac(compared: list[bool], read: str) -> None:
    """Given a token that is wrong in its first, its last or a middle byte of the signature, then it is refused after
    one comparison, as a good one is taken after one."""
    good, reader = {
        "open": (TOKENS.open(7), TOKENS.read_open),
        "click": (TOKENS.click(7, 1, "https://a.example/"), TOKENS.read_click),
        "unsubscribe": (TOKENS.unsubscribe(7), TOKENS.read_unsubscribe),
        "page": (TOKENS.page(Use.VIEW, 7), lambda token: TOKENS.read_page(Use.VIEW, token)),
        "survey": (TOKENS.survey(7, "nps"), TOKENS.read_survey),
        "task": (TOKENS.task(7, "hoa"), TOKENS.read_task),
        "staff": (TOKENS.staff("hoa", CLOCK.now()), TOKENS.read_staff),
        "bounce": (TOKENS.bounce(7), TOKENS.read_bounce),
    }[read]
    assert reader(good) is not None
    assert compared == [True]
    decode = base64.b32decode if read == "bounce" else base64.urlsafe_b64decode
    raw = decode((good.upper() if read == "bounce" else good) + "=" * (-len(good) % (8 if read == "bounce" else 4)))
    for at in (-16, -8, -1):
        bad = bytearray(raw)
        bad[at] ^= 1
        written = base64.b32encode(bad).lower() if read == "bounce" else base64.urlsafe_b64encode(bad)
        compared.clear()
        assert reader(written.rstrip(b"=").decode()) is None
        assert compared == [False]


def test_cookies_and_forms_are_compared_so(compared: list[bool]) -> None:
    """Given a session's cookie and a form's token, good and altered, then each is compared by its signature first."""
    house, response = sessions(CLOCK), Response()
    house.begin(response, "hoa")
    brought = cookies_of(response)
    assert house.of(request(brought)) is not None
    assert True in compared
    compared.clear()
    assert house.of(request({name: value[:-3] + "AAA" for name, value in brought.items()})) is None
    assert compared and True not in compared
    guard, response = FormGuard((SIGNING,), "http://127.0.0.1:8787"), Response()
    form = guard.begin(request({}))
    form.attach(response)
    compared.clear()
    assert guard.holds(request(cookies_of(response)), {FIELD: form.value})
    assert compared == [True, True], "the signature, and the mark of the visitor"
    compared.clear()
    assert not guard.holds(request({form.cookie: "another"}), {FIELD: form.value})
    assert compared == [True, False]


def test_providers_secrets_are_compared_so(compared: list[bool]) -> None:
    """Given several keys of Mailgun's and logins of Postmark's, then each is compared, whichever fits, or none."""
    now = CLOCK.machine()
    stamp, token = str(int(now.timestamp())), "t" * 50
    for key, outcomes in ((MAILGUN, [True, False]), (b"older", [False, True]), (b"another", [False, False])):
        compared.clear()
        signature = hmac.new(key, f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        body = {"signature": {"timestamp": stamp, "token": token, "signature": signature}}
        if True in outcomes:
            assert check_mailgun([MAILGUN, b"older"], body, now) == token
        else:
            with pytest.raises(RefusedError):
                check_mailgun([MAILGUN, b"older"], body, now)
        assert compared == outcomes
    for login, outcomes in ((POSTMARK, [True, False]), (b"phin:older", [False, True]), (b"x:y", [False, False])):
        compared.clear()
        headers = {"authorization": f"Basic {base64.b64encode(login).decode()}"}
        if True in outcomes:
            check_postmark([POSTMARK, b"phin:older"], headers)
        else:
            with pytest.raises(RefusedError):
                check_postmark([POSTMARK, b"phin:older"], headers)
        assert compared == outcomes


@pytest.mark.anyio
async def test_what_is_not_known_and_what_is_wrong_answer_alike(sqlite_database: Database, tmp_path: Path) -> None:
    """Given no key, a wrong one, one of another kind, and a wrong link of each page, then the answers do not tell them
    apart, so that nobody learns which part was right."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        for path in ("/v1/backlog", "/v1/coupons/X", "/v1/customers/c1"):
            wrong = [
                await web.get(path, headers=headers)
                for headers in ({}, {"Authorization": f"Bearer {KEY[:-1]}"}, {"Authorization": f"Basic {KEY}"})
            ]
            assert len({(one.status_code, one.text, str(one.headers.get("www-authenticate"))) for one in wrong}) == 1
        foreign = Tokens([b"the secret of somebody else entirely"])
        for family in "uypasv":
            texts = {
                (await web.get(f"/{family}/{token}")).text for token in ("x", TOKENS.open(1), foreign.unsubscribe(1))
            }
            assert len(texts) == 1, family
