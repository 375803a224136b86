"""The lift of a flow: its interval, how long a goal counts, and what can be said of it."""

from __future__ import annotations

import textwrap
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.lift import Arm, Lift, Verdict, compared_within, newcombe
from worker.language.flow.flows import read_flow


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_is_the_one_of_the_paper(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Given the examples of Newcombe's table II, then method 10 gives its limits."""
    assert list(newcombe(*counts)) == pytest.approx([low, high], abs=5e-5)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.data())
def test_the_interval_holds_the_difference(of: int, there: int, data: st.DataObject) -> None:
    """Given any counts, then the limits lie about the difference within -1 and 1; swapped, they are mirrored."""
    one, other = data.draw(st.integers(0, of)), data.draw(st.integers(0, there))
    low, high = newcombe(one, of, other, there)
    assert -1 - 1e-9 <= low <= one / of - other / there + 1e-9
    assert one / of - other / there - 1e-9 <= high <= 1 + 1e-9
    assert list(newcombe(other, there, one, of)) == pytest.approx([-high, -low], abs=1e-9)


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [
        (Arm(900, 180), Arm(100, 8), Verdict.MORE),
        (Arm(900, 72), Arm(100, 20), Verdict.FEWER),
        (Arm(90, 18), Arm(10, 1), Verdict.CHANCE),
        (Arm(90, 18), Arm(), Verdict.NOBODY),
    ],
)
def test_what_can_be_said(treated: Arm, control: Arm, verdict: Verdict) -> None:
    """Given two arms, then it is said whether the flow brings more, fewer, or nothing that chance could not."""
    lift = Lift(treated, control, timedelta(days=14))
    assert lift.verdict is verdict
    assert (lift.interval is None) is (verdict is Verdict.NOBODY)


def test_revenue_is_for_each_customer() -> None:
    """Given an arm with revenue, then it is shared among all of the arm's customers."""
    assert Arm(4, 1, {"VND": Decimal(1_000)}).each("VND") == Decimal(250)
    assert Arm().each("VND") == Decimal(0)


@pytest.mark.parametrize(
    ("body", "days"),
    [
        ("goal: {event: purchase, within: 14 days}\nsteps: [{send: a}]", None),
        ("holdout: 10%\nsteps: [{send: a}]", None),
        ("holdout: 10%\ngoal: {event: purchase, within: 14 days}\nsteps: [{send: a}]", 14),
        ("holdout: 10%\ngoal: {event: purchase, within: 14 days}\nsteps: [{tag: x}, {wait: 5 days}]", 14),
        (
            "holdout: 10%\ngoal: {event: purchase, within: 2 days}\nsteps: [{wait: 5 days}, {send: a}, {wait: 9 days}]",
            7,
        ),
        ('holdout: 1%\ngoal: {event: purchase, within: 2 days}\nsteps: [{wait: 5 days, at: "09:00"}, {send: a}]', 8),
        ("holdout: 1%\ngoal: {event: purchase, within: 2 days}\nsteps: [{wait: 1 week, on: [mon]}, {send: a}]", 16),
        (
            """
            holdout: 10%
            goal: {event: purchase, within: 2 days}
            steps:
              - if: customer.orders_count > 1
                then: [{wait: 3 days}, {send: a}]
                else: [{wait: 8 days}]
              - wait: 1 day
              - choose: [{when: customer.orders_count > 5, then: [{send: b}]}]
            """,
            11,
        ),
    ],
)
def test_how_long_a_goal_counts(body: str, days: int | None) -> None:
    """Given a flow, then a goal counts for its own time after the last mail that may go, on the longest way there."""
    flow, _ = read_flow(f"flow: f\ntrigger: signup\n{textwrap.dedent(body)}", "f.yaml", None)
    assert compared_within(flow) == (None if days is None else timedelta(days=days))
