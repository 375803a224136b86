"""What a flow that can be read is warned of: ways that no journey takes, settled conditions, waits without end."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.language.samples import VOCABULARY
from tests.support.condition_facts import NOW, SHOP
from worker.domain.conditions.values import Reading
from worker.domain.customers import Customer
from worker.domain.errors import FileError
from worker.domain.facts import Facts
from worker.language.config.segments import read_segments
from worker.language.expressions.expressions import parse_expression
from worker.language.flow.flows import read_flow
from worker.language.sound.known import Known

NOBODY = replace(VOCABULARY, staff=frozenset())
STAFF = replace(VOCABULARY, staff=frozenset({"care", "mai"}))


def told(steps: str, head: str = "trigger: purchase", vocabulary: Any = STAFF) -> list[str]:
    """Return the warnings of a flow as `line: message; hint`, lines counted from the first step's."""
    text = f"flow: a\n{head}\nsteps:\n{textwrap.indent(textwrap.dedent(steps).strip(), '  ')}\n"
    first = text[: text.index("steps:")].count("\n") + 1
    try:
        _, problems = read_flow(text, "flows/a.yaml", vocabulary)
    except FileError as error:
        raise AssertionError([f"{one.place}: {one.message}" for one in error.problems]) from error
    return [f"{one.place.line - first}: {one.message}" + (f"; {one.hint}" if one.hint else "") for one in problems]


SETTLED = {
    "an if that repeats the one around it": (
        """
        - if: order.total >= 500_000
          then:
            - if: order.total >= 300_000
              then: [{send: a}]
              else: [{send: b}]
        """,
        "3: this always holds here: 'else' is never taken; line 4 has asked it already",
    ),
    "an if that contradicts the one around it": (
        """
        - if: order.total >= 500_000
          then:
            - if: order.total < 300_000
              then: [{send: a}]
        """,
        "3: this never holds here: 'then' is never taken; line 4 has asked it already",
    ),
    "an if after a way that has ended": (
        """
        - if: customer.orders_count > 3
          then: [{exit: enough}]
        - if: customer.orders_count > 5
          then: [{send: a}]
        """,
        "3: this never holds here: 'then' is never taken; line 4 has asked it already",
    ),
    "a case after one that takes all of its own": (
        """
        - choose:
            - {when: order.total >= 100_000, then: [{send: a}]}
            - {when: order.total >= 200_000, then: [{send: b}]}
        """,
        "3: this never holds here: this case is never taken; line 4 has asked it already",
    ),
    "a case after two that take all between them": (
        """
        - choose:
            - {when: order.status == "placed", then: [{send: a}]}
            - {when: order.status == "shipped", then: [{send: b}]}
            - {when: 'order.status in ["placed", "shipped"]', then: [{send: c}]}
        """,
        "4: this never holds here: this case is never taken; that follows from what was asked before",
    ),
    "a case after one that always holds": (
        """
        - choose:
            - {when: order.total > 1 or not order.total > 1, then: [{send: a}]}
            - {when: order.total > 5, then: [{send: b}]}
        """,
        "3: this case is never taken: the one before it always holds here",
    ),
    "a condition that holds for nobody": (
        "- {if: order.total > 500 and order.total < 300, then: [{send: a}]}",
        "1: this never holds, whatever the values are: 'then' is never taken",
    ),
    "a click in a mail that comes later": (
        """
        - wait: 3 days
          until: clicked("a")
        - send: a
        """,
        "2: 'clicked(\"a\")' is never true here: no journey has come by the step 'a' before; it stands in line 6",
    ),
    "a mail of the other way": (
        """
        - if: order.total > 5
          then: [{send: a}]
          else:
            - {if: sent("a"), then: [{send: b}]}
        """,
        "4: 'sent(\"a\")' is never true here: no journey has come by the step 'a' before; it stands in line 5",
    ),
    "a task that is asked for before it is given": (
        """
        - {if: task_done("Call"), then: [{send: a}]}
        - {task: Call, due: 1 day}
        """,
        "1: 'task_done(\"Call\")' is never true here: no journey has come by the step 'Call' before; "
        "it stands in line 5",
    ),
    "a wait for what does not change": (
        "- {wait: 3 days, until: event.at is none}",
        "1: what this asks does not change while a journey waits: the wait is over at once, or goes on to its end; "
        "ask it with 'if' before the wait",
    ),
    "a wait for the time": (
        "- {wait: 3 days, until: days_since(journey.entered_at) >= 2}",
        "1: time alone ends no wait early: this is read again only when a fact of the customer changes; "
        "say how long to wait with the wait's own length, 'at' and 'on'",
    ),
    "a wait that is over at once": (
        """
        - if: customer.consent
          then: [{wait: 3 days, until: customer.consent}]
        """,
        "2: this always holds here: this wait is over at once; line 4 has asked it already",
    ),
    "a wait that nothing ends early": (
        "- {wait: 3 days, until: customer.orders_count > 3 and customer.orders_count < 2}",
        "1: this never holds, whatever the values are: it never ends this wait early",
    ),
    "a mail that is never sent": (
        "- {send: a, when: customer.orders_count > 3 and customer.orders_count < 2}",
        "1: this never holds, whatever the values are: this mail is never sent",
    ),
    "a mail that asks for a later one": (
        '- {send: a, when: sent("b")}\n- send: b',
        "1: 'sent(\"b\")' is never true here: no journey has come by the step 'b' before; it stands in line 5",
    ),
    "a task that is never given": (
        """
        - if: order.total > 5
          then: [{task: Call, due: 1 day, close_when: order.total > 3}]
        """,
        "2: this always holds here: this task is never given; line 4 has asked it already",
    ),
    "a journey that waits for a task without an end": (
        "- {task: Call, hold: true}",
        "1: the journey waits for this task without an end: it has no 'due', so nothing reminds of it; "
        "add for example: due: 2 days, and 'escalate' for whoever is next",
    ),
    "a step that all have ended before": (
        """
        - if: order.total > 5
          then: [{exit: enough}]
          else: [{exit: too little}]
        - send: a
        """,
        "4: no journey comes to this step: all have ended by line 4",
    ),
    "a choice all of whose ways end": (
        """
        - choose:
            - {when: order.total > 5, then: [{exit: enough}]}
          else: [{exit: too little}]
        - send: a
        """,
        "4: no journey comes to this step: all have ended by line 4",
    ),
    "a case on opens": (
        """
        - send: a
        - wait: 1 day
        - choose:
            - {when: opened("a"), then: [{send: b}]}
        """,
        "4: a branch on 'opened': many mail programs load pictures by themselves, others never do; "
        "ask for clicked(), which only a person does",
    ),
}


@pytest.mark.parametrize(("steps", "expected"), SETTLED.values(), ids=SETTLED.keys())
def test_what_is_settled_where_it_stands_is_told(steps: str, expected: str) -> None:
    """Given one condition or step that can only go one way there, then it alone is told, and why."""
    assert told(steps) == [expected]


OPEN = {
    "after a wait": """
        - if: customer.orders_count > 3
          then: [{wait: 1 day}]
          else: [{wait: 1 day}]
        - {if: customer.orders_count > 3, then: [{send: a}]}
        """,
    "after a task that is waited for": """
        - if: customer.orders_count > 3
          then:
            - {task: Call, due: 1 day, hold: true}
            - {if: customer.orders_count > 3, then: [{send: a}]}
        """,
    "after a write": """
        - if: customer.points > 3
          then:
            - add: {points: -5}
            - {if: customer.points > 3, then: [{send: a}]}
        """,
    "after a mail, of what a mail may change": """
        - if: not did("purchase", within="1 day")
          then:
            - send: a
            - {if: 'did("purchase", within="1 day")', then: [{send: b}]}
        """,
    "a narrower case first": """
        - choose:
            - {when: order.total >= 200_000, then: [{send: a}]}
            - {when: order.total >= 100_000, then: [{send: b}]}
        """,
    "a missing value": """
        - if: order.total > 5
          then: [{send: a}]
          else:
            - {if: order.total <= 5, then: [{send: b}]}
        """,
    "a mail of a way that may have been taken": """
        - if: order.total > 5
          then: [{send: a}]
        - wait: 1 day
        - {if: sent("a"), then: [{send: b}]}
        """,
    "a wait for an order": "- {wait: 3 days, until: ordered()}",
    "a wait for the time of something that changes": "- {wait: 3 days, until: days_since(customer.last_order_at) < 1}",
    "a task with an end": "- {task: Call, due: 1 day, hold: true}",
    "a task that an event closes": "- {task: Call, hold: true, close_when: {event: support.closed}}",
}


@pytest.mark.parametrize("steps", OPEN.values(), ids=OPEN.keys())
def test_what_may_go_either_way_is_not_told(steps: str) -> None:
    """Given conditions that what happened since may have changed, then nothing is said of them."""
    assert told(steps) == []


def test_what_the_trigger_reported_is_known_for_good() -> None:
    """Given a flow's own condition on its event, then asking the opposite after a wait is told; other facts change."""
    head = "trigger: {event: refund}\nwhen: event.amount > 100 and order.total > 100"
    steps = """
        - wait: 1 day
        - {if: event.amount <= 50, then: [{send: a}]}
        - {if: order.total <= 50, then: [{send: b}]}
        """

    assert told(steps, head) == ["2: this never holds here: 'then' is never taken; line 3 has asked it already"]


def test_a_journey_that_may_begin_again_may_have_sent_before() -> None:
    """Given a flow that restarts, then asking for a mail that stands below may be meant."""
    head = "trigger: {event: cart.updated}\nonce: per event\nagain: restart"
    steps = '- {if: sent("a"), then: [{exit: once is enough}]}\n- send: a'

    assert told(steps, head) == []
    assert len(told(steps, head.replace("\nagain: restart", ""))) == 1


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("when: order.total > 5 and order.total < 3", "this never holds: nobody ever enters"),
        ("when: order.total > 5 or not order.total > 5", "this always holds, whatever the values are: everyone enters"),
        (
            "when: customer.orders_count >= 2\nexit: {when: customer.orders_count >= 1}",
            "this holds for everyone who enters: each journey ends before its first mail; "
            "an exit asks for what is not yet so at the entry",
        ),
        ("exit: {when: order.total > 5 and order.total < 3}", "this never holds: this exit ends no journey"),
        (
            "exit: {event: refund, when: event.amount > 5 and event.amount < 3}",
            "this never holds: this exit ends no journey",
        ),
        (
            "goal: {event: purchase, within: 1 day, when: order.total > 5 and order.total < 3}",
            "this never holds: the goal is never reached",
        ),
    ],
)
def test_entry_exit_and_goal_that_cannot_be_meant_are_told(head: str, expected: str) -> None:
    """Given a condition of entry, exit or goal that holds for nobody, or for all, then that is told."""
    (found,) = told("- send: a", f"trigger: purchase\n{head}")

    assert found.partition(": ")[2] == expected


def test_a_task_for_nobody_is_told() -> None:
    """Given a shop without staff, then its tasks are told of, and that one that is waited for ends no journey."""
    found = told("- {task: Call, due: 1 day}\n- {task: Write, due: 1 day, hold: true}", vocabulary=NOBODY)

    assert [one.partition(": ")[2].partition(";")[0] for one in found] == [
        "there is nobody in config/staff.yaml who could do this task",
        "there is nobody in config/staff.yaml who could do this task, and the journey that waits for it never ends",
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("customer.orders_count > 3 and customer.orders_count < 2", "this never holds: nobody is in this segment"),
        ("customer.consent or not customer.consent", "this always holds: everyone is in this segment"),
        ("customer.orders_count > 2 and customer.orders_count < 4", None),
    ],
)
def test_a_segment_of_nobody_or_of_everyone_is_told(tmp_path: Path, condition: str, expected: str | None) -> None:
    """Given a segment whose condition is settled by itself, then that is told, and the segment can be used."""
    path = tmp_path / "segments.yaml"
    path.write_text(f"odd: {condition}\n")

    found = read_segments(path, "config/segments.yaml", VOCABULARY)

    assert [one.message.partition(",")[0] for one in found.problems] == ([expected] if expected else [])
    assert "odd" in found.segments


# Small worlds, in which what is said of conditions can be held against what they are.
ATOMS = st.one_of(
    st.builds(
        lambda name, operator, number: f"{name} {operator} {number}",
        st.sampled_from(["customer.points", "customer.visits"]),
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        st.sampled_from(["0", "1", "2", "-1"]),
    ),
    st.sampled_from(
        [
            "customer.name == 'Lan'",
            "customer.name != 'Lan'",
            "customer.name in ['Lan', 'Mai']",
            "customer.name not in ['Mai']",
            "customer.points is defined",
            "customer.points is none",
            "customer.name is not none",
            "1 < customer.points",
            "customer.points",
            "customer.points >= customer.visits",
        ]
    ),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) and ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) or ({two[1]})"),
    ),
    max_leaves=5,
)
FIELDS = st.dictionaries(st.sampled_from(["points", "visits"]), st.sampled_from([-1, 0, 1, 1.5, 2]))


@settings(max_examples=400, deadline=None)
@given(
    asked=st.lists(CONDITIONS, max_size=4),
    wanted=CONDITIONS,
    fields=FIELDS,
    name=st.sampled_from([None, "", "Lan", "Mai"]),
)
def test_what_is_said_to_be_settled_is_so_for_everyone(
    asked: list[str], wanted: str, fields: dict[str, Any], name: str | None
) -> None:
    """Given a customer, and conditions whose answers are known, then what follows from them for another is true."""
    facts = Facts(NOW, SHOP, Customer(1, name=name, fields=fields))
    reading = Reading()
    known = Known()
    for line, text in enumerate(asked, 1):
        expression = parse_expression(text)
        known = known.learn(expression.tree, reading.holds(expression, facts), line)
    expression = parse_expression(wanted)

    assert known.decide(expression.tree) in (None, reading.holds(expression, facts))
