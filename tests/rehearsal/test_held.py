"""A journey that cannot go on (its pool is empty, nobody is to get its mail) is told, and has no test run for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rehearsed import Rehearsal, rehearsal
from worker.domain.errors import FileError
from worker.rehearsal import flow_tests

POOL = """
    trigger: signup
    once: per event
    exit: {event: purchase}
    steps:
      - coupon: c1
        name: gift
      - send: hello
        with: {code: "{{ coupons.c1.code }}"}
      - wait: 1 day
      - send: again
"""
STAFF = """
    trigger: signup
    once: per event
    steps:
      - send: hello
        to: manger
"""
FACT = """
    trigger: signup
    once: per event
    steps:
      - if: customer.orders_count == 0
        then: [{coupon: c1}]
      - send: hello
"""
TWICE = """
    test: one
    flow: FLOW
    given:
      coupons: {c1: [A-1]}
      events:
        - {at: 2027-03-01 14:00, event: signup}
        - {at: 2027-03-02 14:00, event: signup}
    expect: []
"""
ORDER = "- {at: 2027-03-05 10:00, event: purchase, order: {number: A1, total: 450_000}}"
EMPTY = "the pool of coupons 'c1' is empty; fill it: phin coupons load c1 FILE"


@pytest.fixture(autouse=True)
def few_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test that does not end be found at once."""
    monkeypatch.setattr(flow_tests, "MOST_MOMENTS", 50)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Rehearsal]:
    """Flows that can be held."""
    with rehearsal(tmp_path, pool=POOL, staff=STAFF, fact=FACT) as opened:
        yield opened


def test_an_empty_pool_holds_a_journey_and_the_test_ends(shop: Rehearsal) -> None:
    """Given one code and two entries, then the second is told to be held, with its reason, and nothing goes on."""
    verdict = shop.judge(
        TWICE.replace("FLOW", "pool").replace(
            "expect: []",
            f"""expect:
      - {{at: 2027-03-01 14:00, coupon: c1, code: A-1}}
      - {{at: 2027-03-01 14:00, send: hello, contains: A-1}}
      - {{at: 2027-03-02 14:00, held: c1, reason: "{EMPTY}"}}
      - {{at: 2027-03-02 14:00, send: again}}""",
        )
    )
    assert verdict.passed, (verdict.faults, [pair for pair in verdict.pairs if not pair.agrees])


def test_a_mail_to_nobody_holds_a_journey(shop: Rehearsal) -> None:
    """Given a mail to a role that nobody has, then it is told of each journey, once."""
    twice = TWICE.replace("FLOW", "staff").replace("coupons: {c1: [A-1]}", "customer: {name: Lan}")
    assert shop.lines(twice) == [
        "2027-03-01 14:00 held hello",
        "2027-03-02 14:00 held hello",
    ]


def test_an_exit_ends_a_journey_that_is_held(shop: Rehearsal) -> None:
    """Given a journey that is held, when its exit comes, then it ends."""
    lines = shop.lines(TWICE.replace("FLOW", "pool").replace("    expect", f"        {ORDER}\n    expect"))
    assert lines[-2:] == ["2027-03-02 14:00 held c1", "2027-03-05 10:00 exit purchase"]


def test_a_held_journey_is_looked_at_again_when_something_changed(shop: Rehearsal) -> None:
    """Given a journey that is held, when an order makes its coupon needless, then it goes on."""
    lines = shop.lines(TWICE.replace("FLOW", "fact").replace("    expect", f"        {ORDER}\n    expect"))
    assert lines == [
        "2027-03-01 14:00 coupon c1",
        "2027-03-01 14:00 send hello",
        "2027-03-02 14:00 held c1",
        "2027-03-05 10:00 send hello",
    ]


def test_a_step_that_is_none_cannot_be_held(shop: Rehearsal) -> None:
    """Given a line that names no coupon and no mail of the flow, then the file is told to be wrong there."""
    with pytest.raises(FileError) as caught:
        shop.read(TWICE.replace("FLOW", "pool").replace("[]", "[{at: 2027-03-02 14:00, held: gft}]"))
    assert "'pool' has no coupon or send step called 'gft'" in str(caught.value)
