"""What a terminal tells of steps that write, and of holdouts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from worker.domain.lift import Arm, Lift
from worker.edges.cli.report_lift import as_json, lift_lines
from worker.edges.telling_effects import effect

MORE = Lift(Arm(900, 180, {"VND": Decimal(90_000_000)}), Arm(100, 8, {"VND": Decimal(4_000_000)}), timedelta(days=14))


@pytest.mark.parametrize(
    ("kind", "detail", "told"),
    [
        ("wrote", {"set": {"tier": "gold", "points": 1500, "vip": True, "renews": None}},
         "tier = gold · points = 1,500 · vip = yes · renews = nothing"),
        ("wrote", {"tagged": ["club", "new"]}, "tagged club, new"),
        ("wrote", {"untagged": []}, "nothing to change"),
        ("suppressed", {"reason": "never opens"}, "no more marketing: never opens"),
        ("suppressed", {"lifted": "the customer bought"}, "lifted: the customer bought"),
        ("emitted", {"event": "level.up"}, "reports 'level.up'"),
        ("emitted", {"event": "x", "reason": "not reported: too many"}, "'x' not reported: too many"),
        ("started over", {"event": "cart.updated", "order": "A1"}, "by cart.updated A1"),
        ("started over", {"trigger": "0 9 * * *"}, "by 0 9 * * *"),
        ("failed", {"reason": "KeyError"}, "KeyError"),
    ],
)  # fmt: skip
def test_each_line_says_what_happened(kind: str, detail: dict[str, Any], told: str) -> None:
    """Given a line of a journey's trace, when it is told, then its words say what was written, stopped or begun."""
    assert effect(kind, None, detail)[1] == told


def test_a_lift_is_told_in_lines_that_fit() -> None:
    """Given both arms of flows, when they are reported, then rates, difference, limits and revenue stand there, in
    lines of no more than 80 columns with the name before them."""
    nobody = Lift(Arm(3, 0), Arm(), timedelta(days=7))
    chance = Lift(Arm(90, 9), Arm(10, 2), timedelta(days=7))
    lines = list(lift_lines({"a": MORE, "b": nobody, "c": chance}))
    assert lines[:5] == [
        ("lift", "a: who reached the goal within 14 days"),
        ("", "  entered    180 of 900 (20.0 %)  100,000 VND a customer"),
        ("", "  set aside  8 of 100 (8.0 %)     40,000 VND a customer"),
        ("", "  12.0 points more: the flow brings more"),
        ("", "  between +4.6 and +16.8 with 95 % confidence"),
    ]
    assert all(len(line) <= 70 for _, line in lines)
    assert lines[8] == ("", "  nothing to compare yet")
    assert lines[-2] == ("", "  10.0 points fewer: it may be chance so far")


def test_a_lift_for_programs() -> None:
    """Given both arms, when they are asked for as JSON, then numbers are numbers, and money is exact."""
    told = as_json(MORE)
    assert told["control"] == {"customers": 100, "reached": 8, "rate": 0.08, "revenue": {"VND": "4000000"}}
    assert (told["within_days"], told["verdict"]) == (14, "more")
