"""Rates and warm-up: several processes together keep to the limit, what exceeds it goes later, orders come first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.receivers import Street, people
from tests.support.shop import START
from worker.domain.rates import FURTHEST, Progress, Rate, Turnstile, WarmUp, parse_rate
from worker.storage.database import Database

SPANS = [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]


@given(
    mails=st.integers(1, 2000),
    span=st.sampled_from(SPANS),
    gaps=st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 60)), max_size=40),
)
def test_no_span_holds_more_than_the_rate(mails: int, span: timedelta, gaps: list[tuple[float, int]]) -> None:
    """Given mails that come as they like, whichever process counts them, then no span of the rate's length has more."""
    rate, now, went = Rate(mails, span), START, list[datetime]()
    progress: Progress | None = None
    for gap, asking in gaps:
        now += span * gap
        stile = Turnstile(progress, rate, now)
        for _ in range(asking):
            if stile.has_room(queued=True):
                stile.take()
                went.append(now)
        progress = stile.progress
    for first in went:
        assert sum(first <= at < first + span for at in went) <= mails


@given(mails=st.integers(30, 2000), waiting=st.integers(1, 300))
def test_places_in_the_line_are_as_far_apart_as_the_rate_allows(mails: int, waiting: int) -> None:
    """Given a crowd, then those who wait come one after another, and each finds room when its place has come."""
    rate = Rate(mails, timedelta(minutes=1))
    stile = Turnstile(None, rate, START)
    while stile.has_room(queued=False):
        stile.take()
    places = [stile.place(number) for number in range(waiting)]
    assert places == sorted(places)
    assert not stile.has_room(queued=False), "who comes now does not overtake them"
    progress = stile.progress
    for place in (one for one in places if one < START + FURTHEST):
        turn = Turnstile(progress, rate, place)
        assert turn.has_room(queued=True)
        turn.take()
        progress = turn.progress


@pytest.mark.parametrize("text", ["60", "0/minute", "60/fortnight", "-1/minute", "a/minute", "1.5/second", ""])
def test_what_is_no_rate_is_told_with_an_example(text: str) -> None:
    """The message says how one is written."""
    with pytest.raises(ValueError, match="60/minute"):
        parse_rate(text)


def test_several_processes_keep_one_rate(database: Database, tmp_path: Path) -> None:
    """Given 60 a minute for Gmail and five processes, when 200 mails are due, then no minute has more than 60, all go
    in about four minutes, other domains at once, and orders do not wait."""
    street = Street(database, tmp_path, rates={"gmail.com": "60/minute"})
    offices = [street.office, *(street.another_office(tmp_path / str(number)) for number in range(4))]
    street.news(*people(150, "gmail.com"), *people(50, "googlemail.com"), *people(30, "example.com"))
    street.order(*people(5, "gmail.com"))
    went: list[tuple[float, int]] = []
    for second in range(0, 300, 2):
        street.shop.now = START + timedelta(seconds=second)
        offices[second // 2 % 5].send()
        went.append((second, len(street.behind.taken)))
        if second == 0:
            assert street.behind.to("example.com") == 30
            assert len([row for row in street.shop.messages() if row.kind == "transactional" and row.sent_at]) == 5
            assert street.reasons()["rate: gmail.com"] >= 190
    total = dict(went)
    assert total[298] == 235
    assert all(total[min(298, at + 58)] - (total[at - 2] if at else 35) <= 60 for at in range(0, 298, 2))
    assert total[230] >= 200, "and hardly less than the rate allows"
    assert {row.attempts for row in street.shop.messages()} == {1}


@pytest.mark.parametrize("size", [1, 7, 40])
def test_weights_hold_in_bursts(database: Database, tmp_path: Path, size: int) -> None:
    """Given relays of weights 3 and 1, when 200 orders come in bursts, each has its share, give or take a third."""
    weights: Any = [{"name": "large", "weight": 3}, {"name": "small", "weight": 1}]
    street = Street(database, tmp_path, "large", "small", relays=weights)
    total = 0
    while total < 200:
        street.order(*(f"{total}-{address}" for address in people(size, "example.com")))
        street.office.send()
        total += size
    used = Counter(relay for relay, _ in street.behind.taken)
    assert used["large"] + used["small"] == total
    assert total / 4 * 2 / 3 <= used["small"] <= total / 4 * 4 / 3, used


def test_a_new_relay_sends_its_day_and_the_old_one_the_rest(database: Database, tmp_path: Path) -> None:
    """Given a relay in its first days beside an old one, then it sends that day's figure, grown day by day, and the
    old one what is more."""
    warm: Any = {"start": "2027-03-01", "first_day": 10, "growth": 1.5}
    street = Street(database, tmp_path, "new", "old", relays=[{"name": "new", "weight": 1000, "warm_up": warm}])
    figures = []
    for day in range(3):
        street.shop.now = START + timedelta(days=day)
        before = len(street.behind.taken)
        street.news(*(f"d{day}-{address}" for address in people(40, "example.com")))
        street.go_on(2)
        today = [relay for relay, _ in street.behind.taken[before:]]
        figures.append((today.count("new"), len(today)))
    assert figures == [(10, 40), (15, 40), (23, 40)]
    assert set(street.behind.times().values()) == {1}


def test_what_exceeds_the_day_goes_the_next_day_and_orders_at_once(database: Database, tmp_path: Path) -> None:
    """Given one relay that warms up, when more is due than its day, then the rest waits for the shop's midnight, with
    the reason; an order goes all the same, and counts."""
    street = Street(database, tmp_path, warm_up={"start": "2027-03-01", "first_day": 10, "growth": 2})
    street.order(*people(2, "example.com"))
    street.news(*people(20, "example.com"))
    street.go_on(1)
    assert street.states() == {"sent": 10, "queued": 12}
    street.order(*people(3, "example.net"))
    street.office.send()
    assert street.states()["sent"] == 13
    assert street.reasons() == {"warm-up: main": 12}
    midnight = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)  # in Ho Chi Minh City
    assert {row.not_before for row in street.shop.messages() if row.state == "queued"} == {midnight}
    street.shop.now = midnight
    street.go_on(1)
    assert street.states() == {"sent": 25}


def test_warming_up_ends() -> None:
    """Given growth by half, then the figures are as a shop expects, none before the first day, and none when enough."""
    warm = WarmUp(START.date(), 500, 1.5, 100_000)
    days = [warm.on(START.date() + timedelta(days=day)) for day in (-1, 0, 1, 2, 13, 14, 4000)]
    assert days == [None, 500, 750, 1125, 97_310, None, None]
