"""Who asked for a pixel or a link: people are told from machines by what is asked, how, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.hits import ALIKE, HONEYPOT, METHOD, SETTLING, Hit, HitClass, HitKind, class_hit

SENT = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
LATER = SENT + timedelta(minutes=20)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def opened(user_agent: str = PHONE, at: datetime = LATER, headers: Mapping[str, str] | None = None) -> Hit:
    return Hit(1, HitKind.OPEN, at, user_agent=user_agent, headers=headers or {})


def clicked(
    link: int = 1, at: datetime = LATER, user_agent: str = CHROME, headers: Mapping[str, str] | None = None
) -> Hit:
    return Hit(1, HitKind.CLICK, at, link, user_agent, headers or {})


def whose(hit: Hit, *others: Hit, sent_at: datetime | None = SENT, known: bool = False) -> HitClass:
    return class_hit(hit, sent_at, others, known_machine=known)[0]


@pytest.mark.parametrize("hit", [opened(), clicked(), opened(at=SENT), opened(CHROME, headers={"sec-purpose": ""})])
def test_an_ordinary_hit_is_a_persons(hit: Hit) -> None:
    """Given a mail program or browser that asks as people's do, then it is a person's."""
    assert whose(hit) is HitClass.PERSON


def test_the_class_says_with_what() -> None:
    """Given a person's hit, then the program is named."""
    named = class_hit(opened(), SENT, (), known_machine=False, program="Apple Mail")
    assert named == (HitClass.PERSON, "Apple Mail")
    assert class_hit(opened("something of its own"), SENT, (), known_machine=False)[1] == "another program"


@pytest.mark.parametrize(
    "hit",
    [
        opened("Mozilla/5.0"),
        opened(""),
        opened("  "),
        opened(headers={"sec-purpose": "prefetch;prerender"}),
        opened(headers={"purpose": "prefetch"}),
        opened(headers={"x-moz": "Prefetch"}),
        opened(headers={"x-purpose": "preview"}),
        clicked(headers={METHOD: "HEAD"}),
        clicked(user_agent=GMAIL),
    ],
)
def test_machines_that_say_so_are_machines(hit: Hit) -> None:
    """Given a request that tells by itself that nobody looks, then it is a machine's, with the reason."""
    found, reason = class_hit(hit, SENT, (), known_machine="GoogleImageProxy" in hit.user_agent)
    assert found is HitClass.MACHINE
    assert reason


def test_a_known_crawler_is_a_machine() -> None:
    """Given a user agent that is on the list, then the hit is a machine's."""
    assert whose(clicked(), known=True) is HitClass.MACHINE


def test_an_image_proxy_is_a_class_of_its_own() -> None:
    """Given Gmail's proxy, which loads pictures when its user looks, then it is a proxy, on whatever list it is."""
    assert class_hit(opened(GMAIL), SENT, (), known_machine=True) == (HitClass.PROXY, "Gmail")


def test_a_click_at_once_is_a_scanners() -> None:
    """Given a click before anybody can have read the mail, then it is a machine's; a moment later it is a person's."""
    assert whose(clicked(at=SENT + timedelta(seconds=1))) is HitClass.MACHINE
    assert whose(clicked(at=SENT + SETTLING)) is HitClass.PERSON
    assert whose(clicked(at=SENT), sent_at=None) is HitClass.PERSON
    patient = class_hit(clicked(at=LATER), LATER - SETTLING, (), known_machine=False, too_soon=timedelta(seconds=30))
    assert patient == (HitClass.MACHINE, "within 30 s of sending")


def from_(ip_hash: str | None, hit: Hit) -> Hit:
    return replace(hit, ip_hash=ip_hash)


def test_who_follows_the_hidden_link_is_a_machine() -> None:
    """Given a click on the honeypot, then it is a machine's, wherever it came from and whatever it says it is."""
    told = class_hit(clicked(HONEYPOT), SENT, (), known_machine=False)
    assert told == (HitClass.MACHINE, "followed the hidden link")


@pytest.mark.parametrize("hit", [opened(CHROME), clicked(), clicked(at=LATER + ALIKE)])
def test_what_its_source_did_within_a_minute_is_a_machines_too(hit: Hit) -> None:
    """Given a source that followed the honeypot, then its other hits on the mail within a minute are machines'."""
    trap = from_("here", clicked(HONEYPOT, LATER - timedelta(seconds=10), CHROME))
    apart = hit.at - trap.at <= ALIKE
    assert (whose(from_("here", hit), trap) is HitClass.MACHINE) is apart


@pytest.mark.parametrize(
    "hit",
    [
        from_("elsewhere", opened(CHROME)),  # another address
        from_("here", opened(PHONE)),  # another program
        from_(None, opened(CHROME)),  # no address: nothing says that it is the same
    ],
)
def test_another_source_stays_a_person(hit: Hit) -> None:
    """Given a honeypot that a scanner followed, when the customer opens the mail elsewhere, then that is a person's."""
    assert whose(hit, from_("here", clicked(HONEYPOT, LATER, CHROME))) is HitClass.PERSON
    assert whose(hit, clicked(HONEYPOT, LATER, CHROME)) is HitClass.PERSON


def test_several_links_at_once_are_a_scanners() -> None:
    """Given two links within two seconds, then both are a machine's, in whichever order they are looked at."""
    first, second = clicked(1), clicked(2, LATER + timedelta(seconds=1.5))
    assert whose(first, second) is HitClass.MACHINE
    assert whose(second, first) is HitClass.MACHINE


def test_a_person_may_click_twice_and_come_back() -> None:
    """Given the same link twice, or another one later, then they are a person's."""
    assert whose(clicked(1), clicked(1, LATER + timedelta(seconds=0.3))) is HitClass.PERSON
    assert whose(clicked(1), clicked(2, LATER + timedelta(seconds=5))) is HitClass.PERSON


@given(st.text(max_size=100), st.dictionaries(st.text(max_size=12), st.text(max_size=20), max_size=3), st.booleans())
def test_every_hit_has_a_class_and_a_reason(user_agent: str, headers: dict[str, str], known: bool) -> None:
    """Given any user agent and headers, then there is an answer."""
    for hit in (opened(user_agent, headers=headers), clicked(user_agent=user_agent, headers=headers)):
        found, reason = class_hit(hit, SENT, (), known_machine=known)
        assert found in HitClass
        assert reason
