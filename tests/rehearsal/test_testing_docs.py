"""`docs/testing.md` tells the truth: each of its examples holds, and every key has a line and an example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.rehearsed import rehearsal
from worker.domain.flow_tests import What
from worker.language.flow_tests.expected import KINDS, OPTIONS
from worker.language.flow_tests.files import KEYS
from worker.language.flow_tests.given import GIVEN
from worker.rehearsal.comparing import judge
from worker.rehearsal.flow_tests import play

PAGE = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
FLOWS = {
    "post_purchase": """
        trigger: purchase
        steps:
          - send: thank-you
          - wait: 7 days
            at: "10:30"
          - send: review-invite
          - wait: 3 days
            until: clicked("review-invite")
          - if: not clicked("review-invite")
            then:
              - task: Call {{ customer.name }} about order {{ order.number }}
                assign: care
                due: 2 days
    """,
    "birthday": """
        trigger: {date: customer.birthday, offset: -3 days, every: year, at: "09:00"}
        steps:
          - coupon: birthday
          - send: birthday
            with: {code: "{{ coupons.birthday.code }}"}
    """,
    "replenish": """
        trigger: {date: customer.predicted_next_order_at, offset: -3 days, at: "09:00"}
        when: customer.alive >= 0.5
        steps: [{send: reminder}]
    """,
    "abandoned-checkout": """
        trigger: {event: checkout.started}
        steps:
          - wait: 1 hour
          - send: again
            name: checkout-reminder
            when: in_stock(event.skus)
    """,
    "everything": """
        trigger: signup
        once: ever
        holdout: 10%
        goal: {event: purchase, within: 7 days}
        steps:
          - coupon: welcome
          - add: {points: 10}
          - tag: club
          - emit: joined
            with: {place: "{{ customer.name }}"}
          - split:
              plain: {weight: 1, then: [{exit: plain}]}
              bold: {weight: 1, then: [{send: hello, with: {code: "{{ coupons.welcome.code }}"}}]}
            name: tone
          - task: Call {{ customer.name }}
            name: call
            assign: care
            due: 2 days
            remind: 1 day
          - wait: 7 days
          - send: offer
          - exit: the end
    """,
}
SETTINGS = {"fields": {"points": "number"}, "events": {"joined": {"place": "text"}}}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_holds(tmp_path: Path, example: str) -> None:
    """Given an example of the page, then it is read without an error, and passes."""
    with rehearsal(tmp_path, settings=SETTINGS, **FLOWS) as shop:
        for test in shop.read(example):
            verdict = judge(test, play(shop.world, test))
            assert verdict.passed, (verdict.faults, [pair for pair in verdict.pairs if not pair.agrees])


def keys_of(value: object) -> set[str]:
    """Return every key in an example."""
    if isinstance(value, dict):
        return set(value).union(*(keys_of(inner) for inner in value.values()))
    return set().union(*(keys_of(inner) for inner in value)) if isinstance(value, list) else set()


SHOWN = set().union(*(keys_of(YAML(typ="base", pure=True).load(example)) for example in EXAMPLES))


@pytest.mark.parametrize("key", [*KEYS, *GIVEN, *(option for options in OPTIONS.values() for option in options)])
def test_every_key_is_told_and_has_an_example(key: str) -> None:
    """Given a key, then the page tells of it and an example has it."""
    assert f"`{key}`" in PAGE
    assert key in SHOWN


@pytest.mark.parametrize("what", OPTIONS)
def test_every_line_is_told_and_has_an_example(what: What) -> None:
    """Given a thing that a timeline tells, then the page has a row for it and an example with it."""
    assert re.search(rf"^\| `{what.value}: ", PAGE, re.MULTILINE)
    assert what.value in SHOWN


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_reminder_is_told(kind: str) -> None:
    """Given a kind of reminder, then the page names it."""
    assert f"`{kind}`" in PAGE
