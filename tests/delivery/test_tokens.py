"""Tokens and links: only what was made here is read, whatever is done to it; redirects lead to the web only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from worker.delivery.links import MessageLinks, staff_url, task_url
from worker.delivery.targets import TARGET_LIMIT, TargetError, target_of
from worker.delivery.templates.links import Links
from worker.delivery.tokens import LONGEST, Click, SignIn, SurveyAnswer, TaskLink, Tokens, Use

TOKENS = Tokens([b"the first key of the ring"])
MESSAGES = st.integers(0, 2**63 - 1)
URL_TEXT = st.text("abcXYZ019-._~/?&=%#", max_size=200)
TARGETS = URL_TEXT.map(lambda rest: f"https://shop.example/{rest}")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def read_any(token: str) -> list[object]:
    read = (TOKENS.read_open, TOKENS.read_unsubscribe, TOKENS.read_click, TOKENS.read_task, TOKENS.read_staff)
    return [one(token) for one in read]


@given(MESSAGES, st.integers(0, 10_000), TARGETS)
def test_what_was_made_is_read(message: int, link: int, target: str) -> None:
    """Given any message, link and target, then each token gives back what it was made of, for its own use only."""
    assert read_any(TOKENS.open(message)) == [message, None, None, None, None]
    assert read_any(TOKENS.unsubscribe(message)) == [None, message, None, None, None]
    assert read_any(TOKENS.click(message, link, target)) == [None, None, Click(message, link, target), None, None]


@given(MESSAGES, st.text(min_size=1, max_size=80), st.integers(0, 10**15))
def test_staff_links_name_task_and_person(task: int, person: str, since: int) -> None:
    """Given a task, a person and a moment, then each link gives them back, the moment in whole seconds, and no more."""
    assert read_any(TOKENS.task(task, person)) == [None, None, None, TaskLink(task, person), None]
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since)
    signed = SignIn(person, now.replace(microsecond=0))
    assert read_any(TOKENS.staff(person, now)) == [None, None, None, None, signed]


def test_the_addresses_of_staff_links() -> None:
    """Given a task and a person, then the addresses are those of the pages, with the tokens that they read."""
    now = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
    base = "https://mail.example"
    task, staff = task_url(TOKENS, base, 7, "mai"), staff_url(TOKENS, base, "mai", now)
    assert TOKENS.read_task(task.removeprefix(f"{base}/t/")) == TaskLink(7, "mai")
    assert TOKENS.read_staff(staff.removeprefix(f"{base}/s/")) == SignIn("mai", now)


@given(
    st.text(max_size=200) | st.text(ALPHABET, max_size=200) | st.binary(max_size=100).map(lambda b: b.decode("latin-1"))
)
def test_what_was_not_made_here_is_nothing(token: str) -> None:
    """Given any text, then it is no token, and no exception either."""
    assert read_any(token) == [None] * 5


@given(MESSAGES, TARGETS, st.data())
def test_a_changed_token_is_nothing(message: int, target: str, data: st.DataObject) -> None:
    """Given a token with one character changed, cut off or added, then it is nothing."""
    token = data.draw(st.sampled_from([TOKENS.open(message), TOKENS.click(message, 1, target)]))
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(ALPHABET + "=+/ \n"))
    assume(letter != token[at])
    for other in (token[:at] + letter + token[at + 1 :], token[:at], token[:at] + letter + token[at:], token + letter):
        assert read_any(other) == [None] * 5


def test_old_keys_are_accepted_and_foreign_ones_are_not() -> None:
    """Given a key that was replaced, then its tokens still work while it is in the ring, and not after."""
    old = Tokens([b"old"]).open(7)
    assert Tokens([b"new", b"old"]).read_open(old) == 7
    assert Tokens([b"new"]).read_open(old) is None
    assert Tokens([b"new", b"old"]).open(7) == Tokens([b"new"]).open(7)


def test_keys_with_the_same_id_are_told_apart() -> None:
    """Given more keys than there are ids, then each token is still read with its own key."""
    ring = [f"key {number}".encode() for number in range(400)]
    tokens = Tokens(ring)
    assert all(tokens.read_open(Tokens([key]).open(number)) == number for number, key in enumerate(ring))


def test_a_token_is_short_and_made_of_letters_that_no_mail_program_breaks() -> None:
    """Given an everyday link, then its token is shorter than the link, and holds letters, digits, - and _ only."""
    url = "https://thecoffee.vn/orders/A10023?utm_source=phin&utm_medium=email&utm_campaign=post-purchase"
    token = TOKENS.click(123_456, 3, url)
    assert len(token) < len(url)
    assert set(token) <= set(ALPHABET)
    assert len(TOKENS.open(123_456)) == 28


@given(st.integers(0, 1000).map(lambda n: "https://shop.example/" + "".join(chr(33 + n * k % 90) for k in range(1979))))
def test_the_longest_target_fits(url: str) -> None:
    """Given a target as long as is allowed, however badly it compresses, then its token is read again."""
    url = url.replace("\\", "x").replace("^", "x")
    assert len(url) <= TARGET_LIMIT
    token = TOKENS.click(2**62, 9_999, url)
    assert len(token) <= LONGEST
    assert TOKENS.read_click(token) == Click(2**62, 9_999, url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.vn", "https://shop.vn"),
        ("http://127.0.0.1:8787/a?b=c#d", "http://127.0.0.1:8787/a?b=c#d"),
        ("https://[::1]:8787/a", "https://[::1]:8787/a"),
        ("HTTPS://Shop.vn/X", "https://shop.vn/X"),
        (" https://shop.vn/a b ", "https://shop.vn/a%20b"),
        ("https://cà-phê.vn/tìm?q=cà phê", "https://xn--c-ph-0na7d.vn/t%C3%ACm?q=c%C3%A0%20ph%C3%AA"),
        ("https://shop.vn/%C3%A1?x=100%", "https://shop.vn/%C3%A1?x=100%"),
        ('https://shop.vn/<a>"', "https://shop.vn/%3Ca%3E%22"),
    ],
)
def test_an_address_of_the_web_is_a_target(url: str, target: str) -> None:
    """Given a link of the web, then it is written so that every browser reads it in the same way."""
    assert target_of(url) == target
    assert target_of(target) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "//shop.vn/a",
        "/a",
        "shop.vn",
        "javascript:alert(1)",
        "data:text/html,a",
        "ftp://shop.vn",
        "https:/shop.vn",
        "https:shop.vn",
        "https:///a",
        "https://",
        "https://user@shop.vn",
        "https://user:secret@shop.vn",
        "https://shop.vn\\@evil.vn",
        "https:\\\\evil.vn",
        "https://shop.vn/\r\nSet-Cookie: a=b",
        "https://shop.vn/\x00",
        "https://shop.vn/\ud800",
        "https://shop .vn",
        "https://shop.vn:port/",
        "https://[::1",
        "https://shop.vn/" + "a" * 2_000,
        "https://shop.vn/" + "ế" * 400,
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    """Given what is no plain address of the web, then no redirect is made to it."""
    with pytest.raises(TargetError):
        target_of(url)


@given(st.text(max_size=60) | st.text("ahtps:/\\@.?#[]% vn", max_size=30).map(lambda rest: "https://" + rest))
def test_whatever_is_accepted_stays_on_the_web(url: str) -> None:
    """Given any text, then a target that comes of it is ASCII, http or https, and names a host and no user."""
    try:
        target = target_of(url)
    except TargetError:
        return
    parts = urlsplit(target)
    assert parts.scheme in ("http", "https")
    assert parts.hostname
    assert parts.username is None
    assert target.isascii()
    assert target.isprintable()
    assert "\\" not in target


def test_a_message_with_consent_is_tracked() -> None:
    """Given consent to tracking, then links and pixel lead here and know their message."""
    links: Links = MessageLinks(TOKENS, "https://mail.shop.vn", 12, tracking=True, refusable=True)
    click = links.tracked(2, "https://shop.vn/a")
    assert click.startswith("https://mail.shop.vn/c/")
    assert TOKENS.read_click(click.rpartition("/")[2]) == Click(12, 2, "https://shop.vn/a")
    assert links.pixel == f"https://mail.shop.vn/o/{TOKENS.open(12)}.gif"
    assert links.pages["unsubscribe_url"] == f"https://mail.shop.vn/u/{TOKENS.unsubscribe(12)}"
    assert links.pages["view_url"] == f"https://mail.shop.vn/v/{TOKENS.page(Use.VIEW, 12)}"


def test_a_message_without_consent_is_plain() -> None:
    """Given no consent to tracking, then links are plain and there is no pixel; a refusal is still possible."""
    links = MessageLinks(TOKENS, "https://mail.shop.vn", 12, tracking=False, refusable=True)
    assert links.tracked(1, "https://shop.vn/a") == "https://shop.vn/a"
    assert links.pixel is None
    assert links.unsubscribe is not None


def test_a_link_that_no_redirect_may_lead_to_stays_as_it_is() -> None:
    """Given a value that makes a strange link, then the mail goes out with it, untracked; Phin redirects nowhere."""
    links = MessageLinks(TOKENS, "https://mail.shop.vn", 12, tracking=True, refusable=False)
    assert links.tracked(1, "javascript:alert(1)") == "javascript:alert(1)"
    assert links.unsubscribe is None


@given(message=st.integers(1, 2**62), shouted=st.booleans())
def test_the_token_of_an_envelope_survives_a_change_of_capitals(message: int, shouted: bool) -> None:
    """Given a token in an envelope address, when a server writes it in capitals, then it still names its message."""
    token = TOKENS.bounce(message)
    assert re.fullmatch("[a-z2-7]{31,45}", token)
    assert TOKENS.read_bounce(token.upper() if shouted else token) == message


@given(message=st.integers(1, 2**62), at=st.integers(0, 44), by=st.integers(1, 31))
def test_a_forged_or_cut_token_of_an_envelope_names_nothing(message: int, at: int, by: int) -> None:
    """Given such a token, when one of its letters is another, it is cut or padded, then it is none of ours."""
    token, letters = TOKENS.bounce(message), "abcdefghijklmnopqrstuvwxyz234567"
    at %= len(token)
    other = letters[(letters.index(token[at]) + by) % 32]
    assert TOKENS.read_bounce(token[:at] + other + token[at + 1 :]) is None
    assert TOKENS.read_bounce(token[:at]) is None
    assert all(TOKENS.read_bounce(token + "=" * many) is None for many in range(1, 8))
    assert TOKENS.read_bounce(TOKENS.unsubscribe(message)) is None


@given(message=st.integers(1, 2**62), mark=st.none() | st.integers(0, 10))
def test_the_answer_in_a_survey_link_is_read_back(message: int, mark: int | None) -> None:
    """Given the link of one answer, then it says which mail asked, what, and the mark; no other page does."""
    token = TOKENS.survey(message, "recommend", mark)
    assert TOKENS.read_survey(token) == SurveyAnswer(message, "recommend", mark)
    assert TOKENS.read_survey(TOKENS.page(Use.VIEW, message)) is None
    assert TOKENS.read_page(Use.VIEW, TOKENS.page(Use.PREFERENCES, message)) is None
    assert TOKENS.read_page(Use.VIEW, TOKENS.page(Use.VIEW, message)) == message
