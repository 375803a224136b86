"""What a journey decides at each verb: pure, and each step sees what those before it did."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.condition_facts import FACTS, NOW, SETTINGS, VOCABULARY
from worker.domain.advancing import Advance, advance
from worker.domain.conditions.values import Reading
from worker.domain.customers import Suppression
from worker.domain.facts import CouponFact, Facts
from worker.domain.journeys import Journey, JourneyState, TraceKind
from worker.domain.routes import Route
from worker.domain.steps import Coupon, Emit, Send, Suppress, Webhook
from worker.language.flow.flows import read_flow

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
READING = Reading(fields=SETTINGS.fields)
JOURNEY = Journey(1, "post-purchase", 1, 1, "A2", JourneyState.WAITING, NOW, order_number="A2")


def route(steps: str, more: str = "") -> Route:
    text = f"flow: post-purchase\ntrigger: purchase\n{more}steps:\n{steps}"
    return Route(read_flow(text, "post-purchase.yaml", VOCABULARY)[0])


def goes(steps: str, facts: Facts = FACTS, journey: Journey = JOURNEY) -> Advance:
    """Return what becomes of a journey that begins with these steps."""
    found = advance(route(steps), journey, facts, READING, ZONE)
    assert found is not None
    return found


def sent(found: Advance) -> list[str]:
    return [act.step.template for act in found.acts if isinstance(act.step, Send)]


def fields(found: Advance) -> dict[str, Any]:
    """Return the own fields as the last act saw them."""
    return dict(found.acts[-1].facts.customer.fields)


CHOICE = """\
  - choose:
      - {when: order.total > 1_000_000, then: [{send: large}]}
      - {when: order.total > 400_000, then: [{send: middle}]}
      - {when: order.total > 0, then: [{send: small}]}
    else: [{send: none}]
  - send: after
"""


@pytest.mark.parametrize(
    ("total", "way", "taken"),
    [(2_000_000, "case 1", "large"), (450_000, "case 2", "middle"), (5, "case 3", "small"), (0, "else", "none")],
)
def test_a_choice_takes_the_first_case_that_holds(total: int, way: str, taken: str) -> None:
    """Given cases of which several hold, then the first is taken, and no other; all go on with what follows."""
    assert FACTS.order is not None
    found = goes(CHOICE, replace(FACTS, order=replace(FACTS.order, total=Decimal(total))))

    assert sent(found) == [taken, "after"]
    assert found.trace[0].detail["way"] == way
    assert len(found.trace[0].detail["seen"]) == {"case 1": 1, "case 2": 2}.get(way, 3)
    assert found.state is JourneyState.DONE


def test_a_choice_of_which_nothing_holds_goes_on() -> None:
    """Given a choice without `else` of which no case holds, or one that holds and is empty, then what follows comes."""
    assert sent(goes("  - choose: [{when: order.total > 1_000_000, then: [{send: large}]}]\n  - send: after\n")) == [
        "after"
    ]
    empty = (
        "  - choose:\n      - {when: order.total > 0, then: []}\n      - {when: order.total > 1, then: [{send: b}]}\n"
    )
    assert sent(goes(empty + "  - send: after\n")) == ["after"]


def test_the_trace_of_a_long_choice_stays_short() -> None:
    """Given a choice of a hundred cases of which the last holds, then the trace tells what was asked last."""
    cases = "".join(f"      - {{when: order.total == {number}, then: []}}\n" for number in range(99))
    found = goes(f"  - choose:\n{cases}      - {{when: order.total == 450_000, then: [{{send: a}}]}}\n")

    assert sent(found) == ["a"]
    assert len(found.trace[0].detail["seen"]) == 50
    assert "450_000" in str(found.trace[0].detail["seen"][-1])


def test_a_step_sees_what_was_set_before_it() -> None:
    """Given a `set`, then a condition and a text after it see the new value, and one before it saw the old."""
    steps = """\
  - if: customer.tier == "gold"
    then: [{send: was-gold}]
  - set: {tier: silver}
  - if: customer.tier == "silver"
    then: [{send: is-silver}]
    else: [{send: is-still-gold}]
  - set: {tier: "{{ customer.tier }} star"}
  - send: last
"""
    found = goes(steps)

    assert sent(found) == ["was-gold", "is-silver", "last"]
    assert fields(found)["tier"] == "silver star"
    assert found.acts[0].facts.customer.fields["tier"] == "gold"
    assert FACTS.customer.fields["tier"] == "gold"
    assert [line.detail for line in found.trace if line.kind is TraceKind.WROTE] == [
        {"set": {"tier": "silver"}},
        {"set": {"tier": "silver star"}},
    ]


def test_fields_are_written_in_their_types() -> None:
    """Given values written out and computed, then each is kept in its field's type, and a missing one clears it."""
    steps = """\
  - set: {points: 1_500, vip: yes, wedding: 2027-03-08, seen: "{{ now }}", tier: "{{ order.coupon }}"}
  - send: last
"""
    found = fields(goes(steps))

    assert {name: found.get(name) for name in ("points", "vip", "wedding", "seen", "tier")} == {
        "points": 1_500,
        "vip": True,
        "wedding": "2027-03-08",
        "seen": NOW.isoformat(),
        "tier": None,
    }
    assert "likes" in found


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=6), st.booleans())
@settings(max_examples=50, deadline=None)
def test_what_is_added_sums_up(added: list[int], there: bool) -> None:
    """Given steps that add to a field, then it is their sum, from 0 where it was missing."""
    before = dict(FACTS.customer.fields) if there else {}
    facts = replace(FACTS, customer=replace(FACTS.customer, fields=before))
    steps = "".join(f"  - add: {{points: {number}}}\n" for number in added)

    assert fields(goes(steps + "  - send: last\n", facts))["points"] == sum(added) + (1_200 if there else 0)


def test_adding_what_is_missing_changes_nothing() -> None:
    """Given an `add` of a value that is missing, then the field stays what it was."""
    assert (
        fields(
            goes('  - add: {points: "{{ customer.points / (order.refunded - order.refunded) }}"}\n  - send: last\n')
        )["points"]
        == 1_200
    )


def test_tags_are_given_and_taken() -> None:
    """Given `tag` and `untag`, then conditions after them see the tags; what is there already is not given twice."""
    steps = """\
  - tag: [coffee-club, vip]
  - if: ("vip" in customer.tags)
    then: [{send: is-vip}]
  - untag: [coffee-club, never-had]
  - if: ("coffee-club" in customer.tags)
    then: [{send: still-in-club}]
"""
    found = goes(steps)

    assert sent(found) == ["is-vip"]
    assert [line.detail for line in found.trace if line.kind is TraceKind.WROTE] == [
        {"tagged": ["vip"]},
        {"untagged": ["coffee-club"]},
    ]


def test_what_comes_after_suppress_knows_of_it() -> None:
    """Given `suppress` and a later send, then both are done in order, and the send's facts know the suppression: the
    rules of sending decide on it."""
    first, second, third = goes("  - send: before\n  - suppress: asked for a rest\n  - send: after\n").acts

    assert isinstance(second.step, Suppress)
    assert first.facts.customer.consent.marketing_suppressed is None
    assert third.facts.customer.consent.marketing_suppressed == Suppression("asked for a rest", NOW, JOURNEY.id)
    assert third.facts.customer.consent.marketing == FACTS.customer.consent.marketing


def test_acts_are_done_in_the_order_of_the_file() -> None:
    """Given steps that give and tell, then they are acts in the file's order, each with its line in the trace."""
    steps = """\
  - coupon: thanks
  - emit: quiz.done
    with: {score: 3}
  - webhook: https://example.com/hook
  - send: last
"""
    found = goes(steps)

    assert [type(act.step) for act in found.acts] == [Coupon, Emit, Webhook, Send]
    assert [(line.kind, line.step) for line in found.trace] == [
        (TraceKind.COUPON, "coupon-1"),
        (TraceKind.EMITTED, "emit-1"),
        (TraceKind.WEBHOOK, "webhook-1"),
        (TraceKind.SEND, "last"),
        (TraceKind.DONE, None),
    ]


def test_an_exit_ends_what_comes_after_it() -> None:
    """Given an `exit` within a case, then nothing after it is done, and the reason is kept."""
    found = goes("  - tag: a\n  - choose: [{when: order.total > 0, then: [{exit: enough}]}]\n  - send: never\n")

    assert (found.state, found.reason, sent(found)) == (JourneyState.EXITED, "enough", [])
    assert len(found.acts) == 1


def test_a_wait_ends_when_the_coupon_is_redeemed() -> None:
    """Given a wait until a coupon is redeemed, then it ends with that and not before; another coupon is none of it."""
    way = route('  - wait: 10 days\n    until: redeemed("thanks")\n  - send: well-done\n')
    standing = replace(JOURNEY, step="wait-1", due_at=NOW + timedelta(days=9))
    given_one = CouponFact("thanks", "THANKS-234", own=True)
    redeemed = replace(given_one, redeemed_at=NOW - timedelta(hours=1), order_number="A9")

    def after(*coupons: CouponFact) -> Advance | None:
        facts = replace(FACTS, history=replace(FACTS.history, coupons=coupons))
        return advance(way, standing, facts, READING, ZONE)

    assert after(given_one) is None
    assert after(replace(redeemed, name="other")) is None
    found = after(redeemed)
    assert found is not None
    assert sent(found) == ["well-done"]


def test_what_is_set_before_a_wait_is_read_anew_after_it() -> None:
    """Given a `set` before a wait, then what stands in the database when the wait is over is what counts."""
    way = route('  - set: {tier: silver}\n  - wait: 1 day\n  - if: customer.tier == "silver"\n    then: [{send: a}]\n')
    begun = advance(way, JOURNEY, FACTS, READING, ZONE)
    assert begun is not None
    assert (begun.state, begun.step) == (JourneyState.WAITING, "wait-1")

    later = replace(FACTS, now=NOW + timedelta(days=1))
    over = advance(way, replace(JOURNEY, step=begun.step, due_at=begun.due_at), later, READING, ZONE)

    assert over is not None
    assert sent(over) == []
