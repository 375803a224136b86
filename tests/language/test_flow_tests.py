"""Faults in tests of flows are told with their place, all at once, and with what was meant."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.language.samples import VOCABULARY
from worker.domain.errors import FileError
from worker.domain.settings import Settings
from worker.language.flow.flows import read_flow
from worker.language.flow_tests.files import Known, read_flow_tests, read_test_folder

FLOW = """
flow: welcome
trigger: signup
goal: {event: purchase, within: 7 days}
steps:
  - send: hello
  - split:
      plain: {weight: 1, then: [{send: offer}]}
      bold: {weight: 1, then: [{exit: bold}]}
    name: tone
  - task: Call
    name: call
"""
WELCOME = read_flow(FLOW, "welcome.yaml", None)[0]
KNOWN = Known(
    Settings.model_validate({"fields": {"points": "number"}}), VOCABULARY, {"welcome": WELCOME}, frozenset({"welcome"})
)
GOOD = """
test: one
flow: welcome
given:
  events:
    - {at: 2027-03-01 14:00, event: signup}
expect:
  - {at: 2027-03-01 14:00, send: hello}
"""


def faults(text: str) -> list[str]:
    """Return what is wrong with a file: line, column, message and hint."""
    with pytest.raises(FileError) as caught:
        read_flow_tests(textwrap.dedent(text), "flows/tests/one.yaml", KNOWN)
    return [
        f"{one.place.line}:{one.place.column}: {one.message}" + (f"; {one.hint}" if one.hint else "")
        for one in caught.value.problems
    ]


def test_a_file_holds_one_test_or_a_list_of_them() -> None:
    """Given a test alone, or two in a list, then each is read with its place."""
    item = textwrap.indent(GOOD.strip(), "  ").replace("  test", "- test", 1)
    two = f"{item}\n{item.replace('test: one', 'test: two')}\n"

    assert [one.name for one in read_flow_tests(GOOD, "one.yaml", KNOWN)] == ["one"]
    assert [(one.name, one.place.line) for one in read_flow_tests(two, "two.yaml", KNOWN)] == [("one", 1), ("two", 8)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("flow: welcome", "flow: welcom", "3:7: there is no flow 'welcom'; did you mean 'welcome'?"),
        ("test: one", "tets: one", "2:1: unknown key 'tets' in a test; did you mean 'test'?"),
        ("event: signup", "event: signpu", "6:37: there is no event 'signpu'; did you mean 'signup'?"),
        (
            "send: hello",
            "send: helo",
            "8:34: 'welcome' has no send step called 'helo'; did you mean 'hello'?",
        ),
        ("send: hello", "sent: hello", "8:28: unknown key 'sent' in a line; did you mean 'send'?"),
        (
            "2027-03-01 14:00, send",
            "2027-02-30 14:00, send",
            "8:10: '2027-02-30 14:00' is no time; write a day and a time of day, as the customer's clock shows it; "
            "for example 2027-03-01 14:00",
        ),
        ("send: hello", "goal: refund", "8:34: 'welcome' has no goal 'refund'; there are: purchase"),
        ("send: hello", "coupon: ten", "8:36: 'welcome' has no coupon 'ten'; there are: none"),
        ("send: hello", "enter: true", "8:35: 'enter' is false: an entry tells itself by what follows from it"),
        ("send: hello", "send: hello, reason: no", "8:41: unknown key 'reason' in a line with 'send'; known here: at, "
         "send, subject, contains, to"),
        ("send: hello", "reminder: call, kind: came", "8:50: 'kind' is 'before', 'back', 'overdue' or 'escalated', not "
         "'came'"),
        ("event: signup}", "event: signup, order: {total: much}}", "6:52: 'order.number' is needed"),
        ("event: signup}", "event: purchase}", "6:7: 'order' is needed: a purchase has an order with a number"),
        (
            "given:\n",
            "given:\n  customer: {nmae: Lan}\n",
            "5:20: 'customer.nmae' is not known; did you mean 'name'?",
        ),
        (
            "given:\n",
            "given:\n  customer: {points: many}\n",
            "5:22: 'customer.points' must be a number, as config/phin.yaml declares it",
        ),
        ("given:\n", "given:\n  customer: {consent: maybe}\n", "5:23: 'consent' is 'yes', 'no' or 'unknown', not "
         "'maybe'"),
        ("given:\n", "given:\n  branch: {tone: bald}\n", "5:18: 'tone' has the ways 'bold' and 'plain'; did you mean "
         "'bold'?"),
        ("given:\n", "given:\n  branch: {ton: bold}\n", "5:12: the flow has no split called 'ton'; did you mean "
         "'tone'?"),
        ("given:\n", "given:\n  tasks_done: {at: 2027-03-01 15:00, task: cal}\n", "5:44: 'welcome' has no task step "
         "called 'cal'; did you mean 'call'?"),
        ("given:\n", "given:\n  click: []\n", "5:3: unknown key 'click' in 'given'; did you mean 'clicks'?"),
        ("expect:", "finally: {customer: {point: 5}}\nexpect:", "7:22: unknown key 'point' in 'customer'; did you mean "
         "'points'?"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(old: str, new: str, told: str) -> None:
    """Given one fault in a good test, then it is told at its line and column, with what was meant."""
    assert told in faults(GOOD.replace(old, new, 1))


def test_all_faults_are_told_at_once() -> None:
    """Given several faults, then all of them are told."""
    found = faults(GOOD.replace("send: hello", "send: helo").replace("signup", "signpu").replace("14:00", "2 pm"))

    assert [one.split(":")[0] for one in found] == ["6", "6", "8", "8"]


def test_a_test_in_which_nothing_happens_needs_a_beginning() -> None:
    """Given neither an event nor `from`, then that is told."""
    assert faults("test: one\nflow: welcome\nexpect: []\n") == [
        "1:1: nothing is given that happens, and no 'from' says when the test begins"
    ]


def test_times_are_those_of_the_customers_wall() -> None:
    """Given a customer of another zone, then the times are read there, 02:30 of a night without it as 03:30."""
    text = GOOD.replace("given:\n", "given:\n  customer: {timezone: Europe/Berlin}\n")
    (test,) = read_flow_tests(text.replace("2027-03-01 14:00, event", "2027-03-28 02:30, event"), "one.yaml", KNOWN)

    assert test.given[0].at.isoformat() == "2027-03-28T01:30:00+00:00"
    assert test.expected[0].at.isoformat() == "2027-03-01T13:00:00+00:00"


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path) -> None:
    """Given a folder with a good and a bad file, then the good one's tests are there, and the bad one's faults."""
    folder = tmp_path / "tests" / "more"
    folder.mkdir(parents=True)
    (tmp_path / "tests" / "good.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "bad.yaml").write_text("test: [", encoding="utf-8")

    found = read_test_folder(tmp_path, KNOWN, "flows")

    assert [one.place.file for one in found.tests] == ["flows/tests/good.yaml"]
    assert {one.place.file for one in found.problems} == {"flows/tests/more/bad.yaml"}
    assert found.files == 2
