"""Texts of flows that show what some of the flow's events come without are told of, as templates are."""

from __future__ import annotations

import pytest

from tests.language.samples import told

HEAD = "flow: post-purchase\ntrigger: [{trigger}]\nsteps:\n"
BOOKED = "signup, {event: tasting.booked}"
TASK = "- task: Call {{ customer.name }} about order {{ order.number }}"


@pytest.mark.parametrize(
    ("trigger", "steps", "told_of"),
    [
        (BOOKED, TASK, "4:49: warning: 'order.number' is empty where 'signup' or 'tasting.booked' comes without it"),
        (
            BOOKED,
            "- task: Call\n  note: |\n    Hello\n    about {{ order.number }}, yes {{ order.number }}",
            "7:14: warning: 'order.number' is empty where 'signup' or 'tasting.booked' comes without it",
        ),
        (
            BOOKED,
            "- send: welcome\n  subject: {vi: Chào, en: 'At {{ event.place }}'}",
            "5:34: warning: 'event.place' is empty where 'signup' comes without it",
        ),
        (
            "purchase, signup",
            "- send: welcome\n  with: {number: '{{ order.number }}'}",
            "5:22: warning: 'order.number' is empty where 'signup' comes without it",
        ),
    ],
)
def test_what_some_events_come_without_is_told(trigger: str, steps: str, told_of: str) -> None:
    """Given a text that a person reads, when some of the flow's events come without what it shows, it is told once,
    with the place and a way out."""
    found = told(HEAD.replace("{trigger}", trigger) + steps + "\n")

    assert [one.partition("; ")[0] for one in found] == [told_of]
    name = told_of.split("'")[1]
    assert f"if: {name} is not none" in found[0]


@pytest.mark.parametrize(
    ("trigger", "steps"),
    [
        ("purchase, {event: order.delivered}", TASK),
        (BOOKED, "- task: Call {{ customer.name }} of {{ shop.name }}, {{ event.type }}"),
        ("{event: tasting.booked}", "- task: Call about {{ event.place }}"),
        (BOOKED, f"- if: order.number is not none\n  then:\n    {TASK}"),
        (BOOKED, f"- if: order.number is none\n  then: [{{wait: 1 day}}]\n  else:\n    {TASK}"),
        (BOOKED, f"- choose:\n    - when: order.total > 0\n      then:\n        {TASK}"),
        (BOOKED, f"- choose:\n    - {{when: order.number is none, then: [{{wait: 1 day}}]}}\n  else:\n    {TASK}"),
        (BOOKED, "- webhook: https://example.com/hook\n  with: {order: '{{ order.number }}'}"),
    ],
)
def test_what_is_there_or_asked_for_is_not_told(trigger: str, steps: str) -> None:
    """Given what every event brings, what a condition on the way asked for, or what no person reads, all is well."""
    assert told(HEAD.replace("{trigger}", trigger) + steps + "\n") == []


def test_a_condition_counts_only_for_its_own_steps() -> None:
    """Given a fork that asks for the order, then what comes after the fork is told of again; a flow's when, never."""
    after = f"- if: order.number is not none\n  then: [{{wait: 1 day}}]\n{TASK}\n"
    assert len(told(HEAD.replace("{trigger}", BOOKED) + after)) == 1
    assert told(HEAD.replace("{trigger}", BOOKED).replace("steps", "when: order.total > 0\nsteps") + after) == []


def test_the_days_of_an_order_bring_it_and_other_days_do_not() -> None:
    """Given a template that shows the order, then a flow that an order's day starts may send it, a birthday's not."""
    needs = {"welcome": ("order",)}
    of_order = HEAD.replace("{trigger}", "{date: customer.last_order_at, offset: 30 days}") + "- send: welcome\n"
    birthday = HEAD.replace("{trigger}", "birthday") + "- send: welcome\n"

    assert told(of_order, templates=needs) == []
    assert (
        "4:9: error: the template 'welcome' shows 'order', and what starts the flow tells of no order"
        in (told(birthday, templates=needs)[0])
    )
