"""Task steps: every option is read, and whatever is wrong is told with its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.language.samples import VOCABULARY, with_step
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import FileError
from worker.domain.steps import ExitRule, TaskStep
from worker.domain.tasks import Priority, TaskType
from worker.language.flow.flows import read_flow

STAFFED = replace(VOCABULARY, staff=frozenset({"mai", "huy", "care", "manager"}))
WHOLE = """flow: post-purchase
trigger: purchase
steps:
  - task: {vi: "Gọi {{ customer.name }}", en: "Call {{ customer.name }}"}
    name: call
    note: |
      About {{ order.number }}.
      Be kind.
    assign: care
    due: 2 days
    remind: [1 day, 2 hours]
    overdue: 3 hours
    escalate: {to: manager, after: 1 day}
    type: call
    priority: high
    close_when: {event: order.delivered, when: order.total > 0}
    hold: true
  - task: Look after {{ customer.name }}
  - if: task_done("call") and task_done("Look after {{ customer.name }}")
    then: [{send: welcome, to: manager}]
"""


def test_every_option_is_read() -> None:
    """Given a task with all options and one with none, then both say so, the second named by its title."""
    flow, problems = read_flow(WHOLE, "post-purchase.yaml", STAFFED)
    first, second = flow.steps[:2]
    assert problems == ()
    assert isinstance(first, TaskStep)
    assert isinstance(second, TaskStep)
    assert (first.name, first.assign, first.type, first.priority) == ("call", "care", TaskType.CALL, Priority.HIGH)
    assert first.hold
    assert first.note is not None
    assert first.note.by_language[""].written == "About {{ order.number }}.\nBe kind.\n"
    rules = first.reminders
    assert [one.span() for one in rules.remind] == [timedelta(days=1), timedelta(hours=2)]
    assert (str(rules.overdue), rules.escalate and rules.escalate.to) == ("3 hours", "manager")
    assert isinstance(first.close_when, ExitRule)
    assert first.close_when.event == "order.delivered"
    assert (second.name, second.assign, second.due, second.hold) == (
        "Look after {{ customer.name }}",
        None,
        None,
        False,
    )


def _faults(step: str, vocabulary: Vocabulary = STAFFED) -> list[str]:
    try:
        problems = read_flow(with_step(step), "post-purchase.yaml", vocabulary)[1]
    except FileError as error:
        problems = error.problems
    return [f"{one.severity.value}: {one.message}" + (f"; {one.hint}" if one.hint else "") for one in problems]


FAULTS = {
    "  - task: Call\n    assign: cares": "no person and no role 'cares' in config/staff.yaml; did you mean 'care'?",
    "  - {task: Call, due: 1 day, escalate: {to: mia, after: 1 day}}": "did you mean 'mai'?",
    "  - {send: welcome, to: shop}": "there is no person and no role 'shop' in config/staff.yaml; there are: care, huy",
    "  - {task: Call, remind: 1 day}": "'remind' counts from 'due', which this task does not have",
    "  - {task: Call, overdue: 1 day}": "'overdue' counts from 'due', which this task does not have",
    "  - {task: Call, due: 1 day, remind: [2 hours, 2 hours]}": "'2 hours' is named twice",
    "  - {task: Call, due: 1 day, remind: 1 week}": "warning: a reminder 1 week before it is due comes no later",
    "  - {task: Call, due: 1 day, escalate: {to: manager}}": "'escalate' needs 'after'",
    "  - {task: Call, type: cal}": "'type' is 'call', 'email' or 'todo', not 'cal'; did you mean 'call'?",
    "  - {task: Call, priority: urgent}": "'priority' is 'low', 'normal' or 'high', not 'urgent'",
    "  - {task: Call, close_when: {event: support.close}}": "did you mean 'support.closed'?",
    "  - {task: Call, close_when: [a]}": "'close_when' is a condition or an event, such as {event: support.closed}",
    "  - {task: Call, hold: maybe}": "'hold' is 'true' or 'false', not 'maybe'",
    '  - task: "Call {{ customer.nam }}"': "'customer.nam' is not known; did you mean 'customer.name'?",
    "  - task: Call\n  - task: Call": "two tasks have the same title; name this step: 'name: …'",
    "  - task: Call\n  - if: task_done('Cal')\n    then: [{exit: x}]": "there is no task 'Cal'; did you mean 'Call'?",
}


@pytest.mark.parametrize("step", FAULTS)
def test_each_fault_is_told(step: str) -> None:
    """Given a faulty task, then the check says what is wrong and what to write, once."""
    found = [line for line in _faults(step) if FAULTS[step] in line]
    assert len(found) == 1, _faults(step)


def test_a_shop_without_staff_is_told_to_make_the_file() -> None:
    """Given no config/staff.yaml, when a task is assigned, then the check says that there is nobody."""
    (line,) = _faults("  - {task: Call, assign: care}", replace(VOCABULARY, staff=frozenset()))
    assert "there is nobody in config/staff.yaml who could be 'care'" in line
