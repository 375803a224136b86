"""UTM parameters: on links to the shop only, never over an author's own, before the fragment, the same by text."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.links import MessageLinks
from worker.delivery.targets import target_of
from worker.delivery.tokens import Tokens
from worker.delivery.utm import UtmMarks
from worker.domain.setting_mail import UtmSettings
from worker.domain.utm import without_utm

MARKS = UtmMarks(UtmSettings(), "https://shop.vn")
MARK = MARKS.of("tet", "gift") or str
UTM = "utm_source=phin&utm_medium=email&utm_campaign=tet&utm_content=gift"


@pytest.mark.parametrize(
    ("url", "marked"),
    [
        ("https://shop.vn", f"https://shop.vn?{UTM}"),
        ("https://shop.vn/a", f"https://shop.vn/a?{UTM}"),
        ("https://WWW.Shop.vn/a", f"https://WWW.Shop.vn/a?{UTM}"),
        ("http://shop.vn/a?b=c#d?e", f"http://shop.vn/a?b=c&{UTM}#d?e"),
        ("https://shop.vn/a?#top", f"https://shop.vn/a?{UTM}#top"),
        ("https://shop.vn:8443/a?b&", f"https://shop.vn:8443/a?b&{UTM}"),
        (
            "https://shop.vn/?utm_campaign=mine&UTM_SOURCE=x",
            "https://shop.vn/?utm_campaign=mine&UTM_SOURCE=x&utm_medium=email&utm_content=gift",
        ),
        (f"https://shop.vn/?{UTM}", f"https://shop.vn/?{UTM}"),
        ("https://other.vn/?u=https://shop.vn/", "https://other.vn/?u=https://shop.vn/"),
        ("https://shop.vn.evil.vn/", "https://shop.vn.evil.vn/"),
        ("https://shop.vn@evil.vn/", "https://shop.vn@evil.vn/"),
        ("https://evil.vn#@shop.vn/", "https://evil.vn#@shop.vn/"),
        ("mailto:chao@shop.vn", "mailto:chao@shop.vn"),
    ],
)
def test_links_to_the_shop_are_marked(url: str, marked: str) -> None:
    """Given a link, then it gets what it lacks where it leads to the shop, and is as it was where it does not."""
    assert MARK(url) == marked
    assert MARK(marked) == marked


@given(st.text("ab/?#&=;%utm_source ế", max_size=40))
def test_marking_keeps_everything_else(rest: str) -> None:
    """Given any address of the shop, then path, fragment and the author's parameters stay, in their order."""
    url = f"https://shop.vn/{rest}"
    marked = MARK(url)
    before, after = urlsplit(url), urlsplit(marked)
    assert (after.scheme, after.netloc, after.path, after.fragment) == tuple(
        getattr(before, part) for part in ("scheme", "netloc", "path", "fragment")
    )
    assert after.query.startswith(before.query)
    theirs = parse_qsl(before.query, keep_blank_values=True)
    assert parse_qsl(after.query, keep_blank_values=True)[: len(theirs)] == theirs


def test_what_a_flow_says_comes_before_the_settings() -> None:
    """Given settings and a flow with parts of its own, then its parts are taken; with `false` there are none."""
    marks = UtmMarks(UtmSettings(source="thu", content="", hosts=("blog.shop.vn",)), "https://cà-phê.vn")
    said = {"campaign": "tết & hoa", "term": "a"}
    query = "utm_source=thu&utm_medium=email&utm_campaign=t%E1%BA%BFt%20%26%20hoa&utm_content=gift&utm_term=a"
    mark = marks.of("tet", "gift", said)
    assert mark is not None
    assert mark("https://cà-phê.vn/") == f"https://cà-phê.vn/?{query}"
    assert mark("https://blog.shop.vn/x") == f"https://blog.shop.vn/x?{query}"
    assert marks.of("tet", "gift", False) is None
    off = UtmMarks(UtmSettings(enabled=False), "https://shop.vn")
    assert off.of("tet", "gift") is None
    assert off.of("tet", "gift", said) is not None


def test_tracked_and_plain_links_are_marked_alike() -> None:
    """Given a mail with consent to tracking and one without, then the shop sees the same visit from both."""
    tokens = Tokens([b"key"])

    def link(tracking: bool) -> str:
        mail = MessageLinks(tokens, "https://p.vn", 1, tracking=tracking, refusable=True, mark=MARK)
        return mail.tracked(3, "https://shop.vn/tìm?q=a b")

    click = tokens.read_click(link(True).rpartition("/")[2])
    assert click is not None
    assert click.target == target_of(link(False)) == f"https://shop.vn/t%C3%ACm?q=a%20b&{UTM}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://s.example/a?utm_source=phin&utm_medium=email", "https://s.example/a"),
        ("https://s.example/a?x=1&utm_source=phin&UTM_campaign=b&y=2#z", "https://s.example/a?x=1&y=2#z"),
        ("https://s.example/?utm_source=phin#utm_source=phin", "https://s.example/#utm_source=phin"),
        ("https://s.example/a?next=utm_source=1&utmost=2&", "https://s.example/a?next=utm_source=1&utmost=2&"),
    ],
)
def test_an_address_is_shown_without_its_parameters(url: str, shown: str) -> None:
    """Given an address of a hit, then a person reads it without the campaign, and all else as it was."""
    assert without_utm(url) == shown
