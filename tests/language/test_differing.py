"""What a version does otherwise, in words, and which step of one is which of the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import ROOT
from worker.domain.flows import Flow
from worker.domain.steps import Step
from worker.language.flow.differing import differences, same_steps, standing
from worker.language.flow.flows import read_flow
from worker.language.flow.meaning import meaning_of
from worker.language.flow.wording import described

WITHOUT_UNTIL = 'wait 3 days: on mon (before: none), until clicked("review-invite") → none'
ANYBODY = [("added", "trigger signup"), ("changed", "once per order → ever")]
SHIPPED = sorted((ROOT / "flows").glob("*.yaml"))
BEFORE = """
trigger: purchase
when: order.total >= 300_000
exit: [{event: refund}]
goal: {event: purchase, within: 14 days}
steps:
  - send: thank-you
    expires: 2 days
  - wait: 7 days
    at: "10:30"
  - send: review-invite
  - wait: 3 days
    name: late
    until: clicked("review-invite")
  - if: not clicked("review-invite")
    then:
      - task: Call {{ customer.name }}
        name: call
        due: 2 days
"""


def flow(text: str) -> Flow:
    return read_flow(f"flow: f\n{text}", "f.yaml", None)[0]


def told(old: str, new: str) -> list[tuple[str, str]]:
    return [(one.kind, "  " * one.depth + one.text) for one in differences(flow(old), flow(new))]


@pytest.mark.parametrize(
    ("replaced", "by", "expected"),
    [
        ("wait: 7 days", "wait: 5 days", [("changed", "wait 7 days → 5 days before review-invite")]),
        ('"10:30"', '"09:00"', [("changed", "wait 7 days: at 10:30 → 09:00 before review-invite")]),
        ("300_000", "200_000", [("changed", "when order.total >= 300_000 → order.total >= 200_000")]),
        ("trigger: purchase", "trigger: [purchase, signup]\nonce: ever", ANYBODY),
        ("{event: refund}", "{when: ordered()}", [("removed", "exit refund"), ("added", "exit when ordered()")]),
        ("within: 14 days", "within: 7 days", [("changed", "goal purchase within 14 days → purchase within 7 days")]),
        ("trigger: purchase", "trigger: purchase\nholdout: 10%", [("changed", "holdout 0 % → 10 %")]),
        ("    expires: 2 days\n", "", [("changed", "send thank-you: expires 2 days → none")]),
        ("  - wait: 7 days", "  - tag: buyer\n  - wait: 7 days", [("added", "tag buyer before review-invite")]),
        ("  - send: review-invite\n", "", [("removed", "send review-invite")]),
        ('until: clicked("review-invite")', "on: mon", [("changed", WITHOUT_UNTIL)]),
        ("due: 2 days", "due: 1 day", [("changed", "task 'Call {{ customer.name }}': due 2 days → 1 day")]),
        ("trigger: purchase", "trigger: purchase\n# a comment\nkind: marketing", []),
    ],
)  # fmt: skip
def test_a_change_is_told_in_words(replaced: str, by: str, expected: list[tuple[str, str]]) -> None:
    """Given a version with one edit, then it is told as its author would say it; what means the same is no change."""
    assert told(BEFORE, BEFORE.replace(replaced, by)) == expected


def test_what_comes_with_a_fork_is_told_beneath_it() -> None:
    """Given a fork that is new, with a step inside, then the step stands deeper, and says no place of its own."""
    after = BEFORE.replace(
        "  - send: review-invite\n", "  - if: ordered()\n    then: [{exit: again}]\n  - send: review-invite\n"
    )
    assert told(BEFORE, after) == [("added", "if ordered() before review-invite"), ("added", "  exit again")]


def test_a_step_that_stands_elsewhere_is_told_once() -> None:
    """Given two sends that changed places, then one of them is told to stand elsewhere, and nothing else."""
    old = "trigger: signup\nsteps: [{send: a}, {send: b}, {send: c}]"
    new = "trigger: signup\nsteps: [{send: b}, {send: c}, {send: a}]"
    assert told(old, new) == [("changed", "send a now stands after c")]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("{wait: 1 hour}, {send: a}, {wait: 7 days}, {send: b}", "wait-2"),  # one put before it, elsewhere
        ("{send: a}, {wait: 1 day}, {send: news}, {wait: 5 days}, {send: b}", "wait-2"),  # the one before b
        (
            "{send: a}, {wait: 5 days}, {send: b}, {wait: 7 days}, {send: c}",
            "wait-1",
        ),  # its place counts, not its length
        ("{send: a}, {send: b}", None),
    ],
)
def test_a_step_with_a_counted_name_is_known_by_its_place(new: str, expected: str | None) -> None:
    """Given a wait without a name of its own, then it is the one in the same place of the other version."""
    old = flow("trigger: signup\nsteps: [{send: a}, {wait: 7 days}, {send: b}]")
    assert same_steps(old, flow(f"trigger: signup\nsteps: [{new}]")).get("wait-1") == expected


def test_where_a_journey_stands_is_told() -> None:
    """Given steps with and without names, then each is told so that one finds it in the file."""
    found = [standing(flow(BEFORE), name) for name in (None, "wait-1", "late", "call", "gone")]
    assert found == [
        "at the start",
        "waiting 7 days before review-invite",
        "waiting 3 days (late)",
        "until the task 'Call {{ customer.name }}' is closed",
        "at 'gone'",
    ]


def test_a_name_with_spaces_is_quoted_and_what_was_not_there_is_said_so() -> None:
    """Given a task that is named by its title, then the title is quoted; a time that came first reads as one."""
    rest = "{task: 'Call {{ customer.name }}', assign: care}]"
    old = flow(f"trigger: signup\nsteps: [{{wait: 7 days}}, {rest}")
    new = flow(f"trigger: signup\nsteps: [{{wait: 7 days, at: '10:00'}}, {rest}")
    assert [change.text for change in differences(old, new)] == [
        "wait 7 days: at 10:00 (before: none) before 'Call {{ customer.name }}'"
    ]


@dataclass(frozen=True, slots=True)
class Sing(Step):
    """A verb that there is not."""

    song: str
    loud: bool = False
    verses: tuple[int, ...] = ()


def test_a_verb_that_comes_later_needs_no_words() -> None:
    """Given a step of a kind that nobody knows, then it is described and compared by what it holds."""
    old = flow("trigger: signup\nsteps: [{send: a}]")
    one = replace(old, steps=(*old.steps, Sing("sing-1", 9, "Lý cây bông", verses=(1, 2))))
    other = replace(old, steps=(*old.steps, Sing("sing-1", 9, "Lý cây bông", loud=True)))
    assert described(one.steps[-1]) == "sing 'Lý cây bông', verses 1, 2"
    assert [change.text for change in differences(old, one)] == ["sing 'Lý cây bông', verses 1, 2 after a"]
    assert [change.text for change in differences(one, other)] == [
        "sing 'Lý cây bông': loud no → yes, verses 1, 2 → none after a"
    ]


@pytest.mark.parametrize(("one", "other"), list(itertools.pairwise(SHIPPED)), ids=lambda path: path.stem)
def test_any_two_flows_can_be_compared(one: Path, other: Path) -> None:
    """Given two shipped flows, then what tells them apart is told, nothing of a flow and itself, no line too long."""
    first, second = (read_flow(path.read_text(), path.name, None)[0] for path in (one, other))
    assert differences(first, first) == ()
    found = differences(first, second)
    assert found
    assert all("\n" not in change.text for change in found)


@given(st.permutations(range(6)), st.permutations(range(6)), st.integers(0, 6), st.integers(0, 6))
def test_versions_with_another_meaning_are_never_told_alike(
    first: list[int], second: list[int], here: int, there: int
) -> None:
    """Given any two orders of some sends and waits, then there are differences just where the meanings differ."""
    steps = ["{send: a}", "{wait: 1 day}", "{send: b}", "{wait: 1 day}", "{wait: 2 days, name: w}", "{tag: t}"]
    old, new = (
        flow(f"trigger: signup\nsteps: [{', '.join([*(steps[n] for n in order[:most]), '{exit: over}'])}]")
        for order, most in ((first, here), (second, there))
    )
    unnamed = [[replace(step, name="", line=0) for step in one.steps] for one in (old, new)]
    assert bool(differences(old, new)) == (unnamed[0] != unnamed[1])
    if differences(old, new) == ():
        assert meaning_of(old) == meaning_of(new)
    match = same_steps(old, new)
    assert len(set(match.values())) == len(match)  # no two steps become one
