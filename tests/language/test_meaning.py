"""The hash of a flow's meaning changes with what the flow does, and with nothing else."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.language.samples import FULL, flow_of, problems_of
from worker.domain.steps import walk

MEANING = flow_of(FULL).meaning
VALUE = re.compile(r"^(?P<lead> *(?:- )?(?P<key>\w+): )(?P<value>[^\[{\"'\n].*)$", re.MULTILINE)


def shuffled(value: Any, random: Any) -> Any:
    """Return the same mappings with their keys in another order; lists stay as they are."""
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key], random) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, random) for item in value]
    return value


def rewritten(random: Any, width: int, quote: str | None, flow_style: bool) -> str:
    """Return the full flow as another author might write it: order of keys, quotes, braces, line breaks."""
    writer, stream = YAML(), StringIO()
    writer.width = width
    writer.default_style = quote  # type: ignore[assignment]
    writer.default_flow_style = flow_style
    writer.dump(shuffled(YAML(typ="base", pure=True).load(FULL), random), stream)
    return stream.getvalue()


@given(st.randoms(use_true_random=False), st.sampled_from([60, 400]), st.sampled_from([None, "'", '"']), st.booleans())
@settings(max_examples=60, deadline=None)
def test_order_of_keys_quotes_and_layout_mean_nothing(random: Any, width: int, quote: str | None, braces: bool) -> None:
    """Given the same flow with its keys in another order, other quotes, in braces or not, then it means the same."""
    assert flow_of(rewritten(random, width, quote, braces)).meaning == MEANING


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_comments_and_blank_lines_mean_nothing(data: st.DataObject) -> None:
    """Given comments and blank lines between the lines, then it means the same."""
    lines = FULL.split("\n")
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(lines)))
        lines.insert(at, data.draw(st.sampled_from(["", "# a comment", "      # another: 'one", "   "])))

    assert flow_of("\n".join(lines)).meaning == MEANING


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: live", "status: paused"),
        ("status: live\n", ""),
        ("kind: marketing\nstatus", "status"),
        ("order.total >= 300_000 and", "(order.total>=300000)   and"),
        ("trigger: [purchase,", "trigger: [{event: purchase},"),
        ('at: "10:30"', "at: 10:30"),
        ("{{ customer.name }}", "{{customer.name}}"),
        ("  - wait: 2 weeks\n", "  - wait: 2 weeks\n    name: wait-3\n"),
        ("within: 2 days", "within: 2   days"),
        ("weight: 2", "weight: 2.0"),
    ],
)
def test_another_way_to_say_the_same_means_the_same(old: str, new: str) -> None:
    """Given a part that is written otherwise, or a default that is written out or not, then it means the same."""
    assert old in FULL
    assert flow_of(FULL.replace(old, new)).meaning == MEANING


CHANGED = {
    "title: {vi: Cảm ơn,": "title: {vi: Xin cảm ơn,",
    "kind: marketing\nstatus": "kind: transactional\nstatus",
    "order.delivered": "order.shipped",
    "within: 2 days": "within: 3 days",
    ">= 300_000": "> 300_000",
    "300_000": "300_001",
    "once: per order": "once: ever",
    "event: refund\n    when: event.amount > 0": "event: order.cancelled",
    "event.amount > 0": "event.amount > 1",
    "  - when: customer.orders_count >= 2\n": "",
    "{event: purchase, within: 14 days,": "{event: signup, within: 14 days,",
    "within: 14 days": "within: 2 weeks",
    "when: order.total > 0}": "when: order.total > 1}",
    "send: thank-you": "send: thanks",
    '"Cảm ơn {{': '"Xin cảm ơn {{',
    "Thank you, {{ customer.name }}": "Thank you, {{ customer.first_name }}",
    "from: Lan of": "from: Mai of",
    "percent: 10%": "percent: 15%",
    "expires: 2 days": "expires: 3 days",
    "    kind: marketing\n": "",
    "wait: 7 days": "wait: 1 week",
    '"10:30"': '"10:31"',
    "wait: 3 days": "wait: 4 days",
    "on: [mon, fri]": "on: [mon]",
    "weight: 1": "weight: 3",
    "bold:": "italic:",
    "send: review-invite\n            name": "send: invitation\n            name",
    "send: review-invite\n        name": "send: invitation\n        name",
    "name: bold-invite": "name: big-invite",
    "name: second-invite": "name: last-invite",
    "name: patience": "name: waiting",
    'until: clicked("bold-invite")': 'until: sent("bold-invite")',
    "customer.tracking and not": "not",
    "wait: 1 hour": "wait: 1 minute",
    "exit: has clicked": "exit: clicked",
    "  - wait: 2 weeks\n": "",
}


@pytest.mark.parametrize(("old", "new"), CHANGED.items())
def test_another_value_means_another_thing(old: str, new: str) -> None:
    """Given any one value that is another, then the meaning is another."""
    assert old in FULL
    changed = FULL.replace(old, new) if old != "name: bold-invite" else FULL.replace("bold-invite", "big-invite")

    assert flow_of(changed).meaning != MEANING


def test_every_value_of_the_full_flow_is_looked_at() -> None:
    """Given the plain values of the full flow, then each is part of some change above, or has no meaning."""
    meaningless = {"flow", "status"}
    for found in VALUE.finditer(FULL):
        if found["key"] not in meaningless:
            assert any(old.strip() in found[0] or found["value"] in old for old in CHANGED), found[0]


@given(st.permutations(range(3)))
@settings(max_examples=6, deadline=None)
def test_the_order_of_steps_means_something(order: list[int]) -> None:
    """Given the same steps in another order, then the meaning is another."""
    steps = ["  - send: a\n", "  - wait: 1 day\n", "  - send: b\n"]
    head = "flow: post-purchase\ntrigger: purchase\nsteps:\n"

    same = flow_of(head + "".join(steps)).meaning == flow_of(head + "".join(steps[at] for at in order)).meaning

    assert same is (order == [0, 1, 2])


def test_where_steps_stand_means_nothing_and_their_lines_are_kept() -> None:
    """Given a comment before everything, then lines move and the meaning does not."""
    before, after = flow_of(FULL), flow_of("# moved\n" + FULL)

    assert [step.line + 1 for step in walk(before.steps)] == [step.line for step in walk(after.steps)]
    assert before.meaning == after.meaning


def test_the_full_flow_has_no_problems() -> None:
    """Given the full flow, then nothing is told of it."""
    assert problems_of(FULL) == ()
