"""A flow's file becomes a flow that says the same."""

from __future__ import annotations

from datetime import time

import pytest

from tests.language.samples import FULL, flow_of, with_line, with_step
from worker.domain.durations import Duration, Unit
from worker.domain.flows import EventTrigger, FlowStatus, Once, OnceKind
from worker.domain.messages import Kind
from worker.domain.steps import Branch, Exit, If, Send, Split, Wait, walk

DAYS = Unit.DAYS


def test_a_full_flow_is_read_whole() -> None:
    """Given a flow with every key, when it is read, then the flow says what the file says."""
    flow = flow_of(FULL)

    assert (flow.name, flow.kind, flow.status) == ("post-purchase", Kind.MARKETING, FlowStatus.LIVE)
    assert flow.title.within("en", "vi").written == "Thank you"
    assert flow.triggers == (EventTrigger("purchase"), EventTrigger("order.delivered", Duration(2, DAYS)))
    assert flow.when and flow.when.text == 'order.total >= 300_000 and "arabica" in order.categories'
    assert flow.once == Once(OnceKind.ORDER)
    assert [(rule.event, rule.when and rule.when.text) for rule in flow.exits] == [
        ("refund", "event.amount > 0"),
        (None, "customer.orders_count >= 2"),
    ]
    assert flow.goal and (flow.goal.event, flow.goal.within) == ("purchase", Duration(14, DAYS))
    assert flow.goal.when and flow.goal.when.text == "order.total > 0"
    assert [(step.name, type(step), step.line) for step in walk(flow.steps)] == [
        ("thank-you", Send, 14),
        ("wait-1", Wait, 20),
        ("split-1", Split, 23),
        ("bold-invite", Send, 30),
        ("patience", Wait, 32),
        ("if-1", If, 35),
        ("second-invite", Send, 37),
        ("wait-2", Wait, 40),
        ("exit-1", Exit, 41),
        ("wait-3", Wait, 42),
    ]


def test_a_send_is_read_with_its_options() -> None:
    """Given a send step with every option, then the step holds them."""
    send = flow_of(FULL).steps[0]

    assert isinstance(send, Send)
    assert send.template == "thank-you"
    assert send.subject and send.subject.within("vi", "vi").written == "Cảm ơn {{ customer.name }}"
    assert send.from_name == "Lan of The Coffee"
    assert [(key, text.written) for key, text in send.values] == [
        ("hello", "Chào {{ customer.first_name }}!"),
        ("percent", "10%"),
    ]
    assert (send.expires, send.kind) == (Duration(2, DAYS), Kind.MARKETING)


def test_waits_forks_and_exits_are_read_with_their_options() -> None:
    """Given the other steps with every option, then the steps hold them."""
    _, wait, split, patience, fork, _ = flow_of(FULL).steps

    assert isinstance(wait, Wait)
    assert (wait.duration, wait.at, wait.on) == (Duration(7, DAYS), time(10, 30), frozenset({0, 4}))
    assert isinstance(patience, Wait)
    assert patience.until and patience.until.text == 'clicked("bold-invite")'
    assert isinstance(split, Split)
    assert [(branch.name, branch.weight, len(branch.steps)) for branch in split.branches] == [
        ("bold", 2, 1),
        ("plain", 1, 0),
    ]
    assert isinstance(fork, If)
    assert [step.name for step in fork.then] == ["second-invite"]
    assert isinstance(fork.otherwise[1], Exit)
    assert fork.otherwise[1].reason == "has clicked"


def test_what_is_not_said_has_the_usual_value() -> None:
    """Given a flow with nothing but what it needs, then the rest is as FLOWS.md says."""
    flow = flow_of(with_line(""))

    assert (flow.kind, flow.status, flow.when, flow.exits, flow.goal) == (
        Kind.MARKETING,
        FlowStatus.LIVE,
        None,
        (),
        None,
    )
    assert flow.title.within("vi", "vi").written == "post-purchase"


@pytest.mark.parametrize(
    ("trigger", "once"),
    [
        ("purchase", OnceKind.ORDER),
        ("{event: purchase}", OnceKind.ORDER),
        ("signup", OnceKind.EVENT),
        ("{event: order.shipped}", OnceKind.EVENT),
        ("[purchase, signup]", OnceKind.EVENT),
        ("{event: tasting.booked}", OnceKind.EVENT),
    ],
)
def test_a_purchase_is_entered_once_an_order_and_another_event_once_each(trigger: str, once: OnceKind) -> None:
    """Given no `once`, then a purchase is `per order`, everything else `per event`."""
    assert flow_of(f"flow: post-purchase\ntrigger: {trigger}\nsteps: [{{send: welcome}}]\n").once == Once(once)


@pytest.mark.parametrize(
    ("written", "once"),
    [
        ("ever", Once(OnceKind.EVER)),
        ("per event", Once(OnceKind.EVENT)),
        ("per order", Once(OnceKind.ORDER)),
        ("per year", Once(OnceKind.YEAR)),
        ("per 30 days", Once(OnceKind.SPAN, Duration(30, DAYS))),
        ('"per 2 hours"', Once(OnceKind.SPAN, Duration(2, Unit.HOURS))),
    ],
)
def test_once_is_read_in_every_form(written: str, once: Once) -> None:
    """Given a rule of entry, then it is that rule."""
    assert flow_of(with_line(f"once: {written}")).once == once


def test_weights_are_numbers_or_percentages() -> None:
    """Given percentages that make a hundred, then they are the weights."""
    step = flow_of(with_step("  - split: {a: {weight: 30%, then: []}, b: {weight: 70 %, then: []}}")).steps[1]

    assert isinstance(step, Split)
    assert step.branches == (Branch("a", 30, ()), Branch("b", 70, ()))


def test_names_that_the_file_gives_are_passed_over_when_the_others_are_counted() -> None:
    """Given a step called `wait-1`, then the others are counted around it."""
    steps = flow_of(with_step("  - wait: 1 day\n  - wait: 2 days\n    name: wait-1\n  - wait: 3 days")).steps

    assert [step.name for step in steps] == ["welcome", "wait-2", "wait-1", "wait-3"]
