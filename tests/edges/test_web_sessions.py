"""Sessions and forms: nobody is signed in by what they made up, and nobody posts for another."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from tests.support.clock import HandClock
from worker.edges.web.forms import FIELD, FormGuard
from worker.edges.web.sessions import Session, Sessions, serializer

OLD, NEW = b"the secret of last year, long enough", b"the secret of this year, long enough"
HTTP, HTTPS = "http://127.0.0.1:8787", "https://mail.the-coffee.example"


def request(cookies: dict[str, str], **headers: str) -> Request:
    """Return a request that brings these cookies."""
    written = "; ".join(f"{name}={value}" for name, value in cookies.items())
    given_headers = {"cookie": written, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given_headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": b""})


def cookies_of(response: Response) -> dict[str, str]:
    """Return the cookies that a browser keeps of this answer."""
    jar: SimpleCookie = SimpleCookie()
    for header in response.headers.getlist("set-cookie"):
        jar.load(header)
    return {name: morsel.value for name, morsel in jar.items()}


def sessions(clock: HandClock, *signing: bytes, url: str = HTTP, staff: tuple[str, ...] = ("hoa",)) -> Sessions:
    return Sessions(signing or (NEW,), url, 30, clock, lambda person: person in staff)


def signed_in(of: Sessions, person: str = "hoa") -> dict[str, str]:
    """Return the cookies of a browser in which this person has signed in."""
    response = Response()
    of.begin(response, person)
    return cookies_of(response)


def test_who_signs_in_is_known_afterwards(clock: HandClock) -> None:
    """Given a person who signed in, then each request of that browser is theirs, until the days are over."""
    house = sessions(clock)
    brought = signed_in(house)
    found = house.of(request(brought))
    assert found is not None
    assert (found.person, found.since) == ("hoa", clock.machine())
    clock.move(timedelta(days=30, seconds=-1))
    assert house.of(request(brought)) is not None
    clock.move(timedelta(seconds=1))
    assert house.of(request(brought)) is None


def test_each_signing_in_is_a_session_of_its_own(clock: HandClock) -> None:
    """Given a browser that brings a session of somebody else's making, when its person signs in, it is another one."""
    house = sessions(clock, staff=("hoa", "minh"))
    before = house.of(request(signed_in(house, "minh")))
    after = house.of(request(signed_in(house, "minh")))
    assert before is not None
    assert after is not None
    assert before.mark != after.mark


@pytest.mark.parametrize(("url", "secure"), [(HTTP, False), (HTTPS, True)])
def test_the_cookie_is_for_this_site_alone(clock: HandClock, url: str, secure: bool) -> None:
    """Given the cookie, then no script reads it, no foreign page posts with it, and by https it stays on https."""
    response = Response()
    sessions(clock, url=url).begin(response, "hoa")
    (header,) = response.headers.getlist("set-cookie")
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Path=/" in header
    assert ("Secure" in header, header.startswith("__Host-")) == (secure, secure)


def test_signing_out_takes_the_cookie_back(clock: HandClock) -> None:
    """Given somebody who signs out, then their browser keeps nothing."""
    house, response = sessions(clock), Response()
    house.end(response)
    assert list(cookies_of(response).values()) == [""]
    assert "Max-Age=0" in response.headers["set-cookie"]


def test_who_left_is_signed_out(clock: HandClock) -> None:
    """Given a person who is in staff.yaml no more, then their session is over."""
    brought = signed_in(sessions(clock))
    assert sessions(clock, staff=("minh",)).of(request(brought)) is None


def test_keys_are_changed_without_signing_out(clock: HandClock) -> None:
    """Given a new key before the old one, then old sessions hold; without the old key they do not."""
    brought = signed_in(sessions(clock, OLD))
    assert sessions(clock, NEW, OLD).of(request(brought)) is not None
    assert sessions(clock, NEW).of(request(brought)) is None
    assert sessions(clock, OLD).of(request(signed_in(sessions(clock, NEW, OLD)))) is None


@given(written=st.text(st.characters(codec="ascii", exclude_characters='";,\\ ', min_codepoint=33)))
def test_what_nobody_signed_is_nothing(written: str) -> None:
    """Given any cookie that was not made here, then nobody is signed in."""
    assert sessions(HandClock()).of(request({"phin_8787": written})) is None


@pytest.mark.parametrize("content", [None, [], ["hoa"], ["hoa", "x", "m"], ["hoa", 10**30, "m"], {"a": 1}])
def test_what_was_signed_for_something_else_is_nothing(clock: HandClock, content: object) -> None:
    """Given a value that our key signed and that is no session, or of another purpose, then nobody is signed in."""
    for purpose in ("phin session", "phin form"):
        written = serializer((NEW,), purpose).dumps(content)
        assert sessions(clock).of(request({"phin_8787": str(written)})) is None


HOA = Session("hoa", HandClock().now(), "mark-of-hoa")


def test_a_form_that_was_shown_may_be_posted() -> None:
    """Given a visitor who was shown a form, then their POST is taken, and only theirs, in that session."""
    guard = FormGuard((NEW,), HTTP)
    for session, other in ((None, HOA), (HOA, None), (HOA, Session("hoa", HOA.since, "a later mark"))):
        form, response = guard.begin(request({}), session), Response()
        form.attach(response)
        brought = cookies_of(response)
        assert guard.holds(request(brought), {FIELD: form.value}, session)
        assert not guard.holds(request(brought), {FIELD: form.value}, other)
        assert not guard.holds(request(brought), {}, session)
        assert not guard.holds(request({}), {FIELD: form.value}, session)
        assert not guard.holds(request(dict.fromkeys(brought, "another")), {FIELD: form.value}, session)
        assert not guard.holds(request(brought, sec_fetch_site="cross-site"), {FIELD: form.value}, session)


def test_a_second_page_keeps_the_forms_of_the_first() -> None:
    """Given two open pages of one visitor, then the forms of both can be posted."""
    guard, response = FormGuard((NEW,), HTTPS), Response()
    first = guard.begin(request({}))
    first.attach(response)
    brought = cookies_of(response)
    second = guard.begin(request(brought))
    assert second.fresh is None
    for form in (first, second):
        assert guard.holds(request(brought), {FIELD: form.value})


def test_the_mark_is_kept_from_foreign_pages() -> None:
    """Given the cookie of the forms, then it is sent by our own pages alone, and no script reads it."""
    response = Response()
    FormGuard((NEW,), HTTPS).begin(request({})).attach(response)
    header = response.headers["set-cookie"]
    assert all(word in header for word in ("__Host-", "HttpOnly", "SameSite=strict", "Secure"))
