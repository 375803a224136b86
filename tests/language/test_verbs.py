"""The verbs that decide, give, write and tell become steps that say the same as the file."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.language.samples import EVERY_VERB, flow_of, problems_of, told, with_line, with_step
from tests.support.condition_facts import FACTS
from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import Reading
from worker.domain.conditions.valuetypes import FieldType
from worker.domain.durations import Duration, Unit
from worker.domain.flows import Flow
from worker.domain.own_fields import typed
from worker.domain.steps import (
    AddToFields,
    Choose,
    Coupon,
    Emit,
    SetFields,
    Step,
    Suppress,
    Tag,
    Untag,
    Values,
    Webhook,
    walk,
)
from worker.language.flow.flows import read_flow


def steps_of(flow: Flow) -> tuple[Step, ...]:
    return tuple(walk(flow.steps))


def written(values: Values) -> dict[str, str]:
    return {name: text.written for name, text in values}


def test_every_verb_is_read_with_its_options() -> None:
    """Given a flow with each of the verbs, when it is read, then the steps say what the file says, in its order."""
    assert told(EVERY_VERB) == []
    choose, first, second, fields, sums, tag, untag, suppress, emit, webhook = steps_of(flow_of(EVERY_VERB))

    assert isinstance(choose, Choose)
    assert [case.when.text for case in choose.cases] == ["order.total >= 1_000_000", "order.total >= 500_000"]
    assert [case.steps for case in choose.cases] == [(first,), ()]
    assert choose.otherwise == (second,)
    days = Duration(30, Unit.DAYS)
    assert first == Coupon("coupon-1", 10, coupon="thanks", percent=Decimal(10), expires=days, prefix="VIP")
    assert second == Coupon("small", 17, coupon="thanks", amount=Decimal(50_000))
    assert isinstance(fields, SetFields)
    assert written(fields.values) == {
        "called_at": "{{ now }}",
        "favourite": "{{ customer.first_name }}",
        "member": "no",
        "points": "-1_000",
    }
    assert isinstance(sums, AddToFields)
    assert written(sums.values) == {"points": "2.5"}
    assert (tag, untag) == (Tag("tag-1", 22, tags=("coffee-club",)), Untag("untag-1", 23, tags=("Khách mới", "trial")))
    assert suppress == Suppress("suppress-1", 24, reason="asked for a rest")
    assert isinstance(emit, Emit)
    assert (emit.name, emit.event) == ("emit-1", "tasting.booked")
    assert written(emit.values) == {"place": "Hà Nội {{ order.number }}", "seats": "2"}
    assert isinstance(webhook, Webhook)
    assert webhook.url == "https://example.com:8443/hooks?shop=1"
    assert written(webhook.values) == {"code": "{{ coupons.thanks.code }}", "order": "{{ order.number }}"}


def test_steps_without_a_name_are_called_by_their_verb() -> None:
    """Given verbs without names, then each is its verb and a number; a coupon's too, whatever the coupon is called."""
    names = [step.name for step in steps_of(flow_of(EVERY_VERB))]

    assert names == [
        "choose-1", "coupon-1", "small", "set-1", "add-1", "tag-1", "untag-1", "suppress-1", "emit-1", "webhook-1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "share"), [("holdout: 10%", 0.1), ("holdout: 0.5 %", 0.005), ('holdout: "99.9%"', 0.999), ("", 0.0)]
)
def test_a_holdout_is_a_share(line: str, share: float) -> None:
    """Given a percentage, then that share is set aside; given none, nobody is."""
    assert flow_of(with_line(line)).holdout == share


@pytest.mark.parametrize(("line", "restarts"), [("again: restart", True), ("again: ignore", False), ("", False)])
def test_again_restarts_or_ignores(line: str, restarts: bool) -> None:
    """Given what an entry does while a journey is under way, then the flow says it; by default it is ignored."""
    assert flow_of(with_line(line)).restarts is restarts


SAME = {
    "again: restart": "again: 'restart'",
    "holdout: 12.5%": "holdout: 12.50 %",
    "percent: 10%": "percent: 10.0",
    "amount: 50_000": 'amount: "50000"',
    "tag: coffee-club": "tag: [coffee-club]",
    "amount: 50_000\n": "amount: 50_000  # off\n",
    "flow: post": "status: live\nflow: post",
}
OTHER = {
    "again: restart": "again: ignore",
    "holdout: 12.5%": "holdout: 12%",
    "percent: 10%": "percent: 11%",
    "amount: 50_000": "amount: 50_001",
    "expires: 30 days": "expires: 31 days",
    "prefix: VIP": "prefix: VIPS",
    "order.total >= 500_000": "order.total >= 500_001",
    "then: []": "then: [{tag: big}]",
    "member: no": "member: yes",
    "points: 2.5": "points: 2.6",
    "tag: coffee-club": "tag: coffee",
    "untag: [Khách mới, trial]": "untag: [trial]",
    "asked for a rest": "asked for rest",
    "seats: 2": "seats: 3",
    ":8443": ":8444",
    'order: "{{ order.number }}"': 'number: "{{ order.number }}"',
}


@pytest.mark.parametrize(("old", "new"), SAME.items())
def test_another_way_to_say_the_same_is_no_new_version(old: str, new: str) -> None:
    """Given a value that is written otherwise, then the flow means the same."""
    assert old in EVERY_VERB
    assert flow_of(EVERY_VERB.replace(old, new)).meaning == flow_of(EVERY_VERB).meaning


@pytest.mark.parametrize(("old", "new"), OTHER.items())
def test_another_value_is_a_new_version(old: str, new: str) -> None:
    """Given one value that is another, then the flow means another thing."""
    assert old in EVERY_VERB
    assert flow_of(EVERY_VERB.replace(old, new)).meaning != flow_of(EVERY_VERB).meaning


def test_defaults_that_are_written_out_are_no_new_version() -> None:
    """Given `again: ignore` written out, then the flow means what it meant without."""
    assert flow_of(with_line("again: ignore")).meaning == flow_of(with_line("")).meaning


def test_a_version_is_read_again_when_the_shop_has_changed_its_fields_and_events() -> None:
    """Given a published flow whose fields and events are declared no more, then it is read without a vocabulary."""
    flow, problems = read_flow(EVERY_VERB.replace("tasting.booked", "gone.event"), "post-purchase.yaml", None)

    assert problems == ()
    assert len(steps_of(flow)) == 10


FIELDS: dict[str, FieldType] = {
    "points": "number", "favourite": "text", "member": "boolean", "member_since": "date", "called_at": "time",
}  # fmt: skip
VALUES = st.one_of(
    st.from_regex(r"-?[0-9_.%]{1,8}", fullmatch=True),
    st.sampled_from(["true", "False", "yes", "no", "maybe", "2027-03-08", "8/3/2027", "2027-02-30", "vàng", "1e5"]),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.dates().map(str),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="{}'"), min_size=1, max_size=12),
)


@given(VALUES, st.sampled_from(list(FIELDS)))
@settings(max_examples=400, deadline=None)
def test_what_the_check_lets_pass_is_written_by_the_engine(value: str, field: str) -> None:
    """Given any value of an own field, then the check lets it pass where the engine has something to write."""
    text = with_step(f"  - set: {{{field}: '{value}'}}")
    problems = problems_of(text)
    flow, _ = read_flow(text, "post-purchase.yaml", None)
    step = flow.steps[1]

    assert isinstance(step, SetFields)
    assert not any(isinstance(part, Expression) for part in step.values[0][1].parts)
    wrote = typed(step.values[0][1], FIELDS[field], FACTS, Reading())
    assert problems or wrote is not None, "the check let pass what the engine cannot write"
    if field in ("member", "member_since", "called_at", "favourite"):
        assert not problems or wrote is None, "the check told of what the engine can write"
