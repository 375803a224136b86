"""What is foretold of the customer of a flow test: `given: {foretold: {alive: 0.8, next_order_at: …}}`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rehearsed import Rehearsal, rehearsal
from worker.domain.errors import FileError

REPLENISH = """
    trigger: {date: customer.predicted_next_order_at, offset: -3 days, at: "09:00"}
    when: customer.alive >= 0.5
    steps: [{send: hello}]
"""
TEST = """
    test: one
    flow: replenish
    from: 2027-03-01
    until: 2027-04-30
    given:
      foretold: {FORETOLD}
      events:
        - {at: 2027-02-10 10:00, event: purchase, order: {number: A1, total: 450_000}}
    expect: []
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Rehearsal]:
    """A flow that is timed by what is foretold."""
    with rehearsal(tmp_path, replenish=REPLENISH) as opened:
        yield opened


@pytest.mark.parametrize(
    ("foretold", "seen"),
    [
        ("alive: 0.5, next_order_at: 2027-03-20 15:00", ["2027-03-17 09:00 send hello"]),
        ("alive: 0.4, next_order_at: 2027-03-20 15:00", ["2027-03-17 09:00 enter when"]),
        ("alive: 0.9", []),
    ],
)
def test_a_flow_goes_by_what_is_foretold(shop: Rehearsal, foretold: str, seen: list[str]) -> None:
    """Given a chance and a day, then triggers and conditions see them; without a day none comes."""
    assert shop.lines(TEST.replace("FORETOLD", foretold)) == seen


@pytest.mark.parametrize(
    ("foretold", "told"),
    [
        ("alive: 80", "'alive' is a number from 0 to 1, not '80'"),
        ("alive: yes", "'alive' is a number from 0 to 1, not 'yes'"),
        ("alive: nan", "'alive' is a number from 0 to 1, not 'nan'"),
        ("next_order_at: 2027-03-20 15:00", "needs 'alive'"),
        ("alive: 0.5, next_order_at: soon", "'soon' is no time"),
    ],
)
def test_what_cannot_be_foretold_is_told(shop: Rehearsal, foretold: str, told: str) -> None:
    """Given a chance that is none, or a day that is none, then the test's file is told to be wrong there."""
    with pytest.raises(FileError) as caught:
        shop.read(TEST.replace("FORETOLD", foretold))
    assert told in str(caught.value)
