"""Flows that start each other again and again are told when their files are read together."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import Severity
from worker.domain.flows import Flow
from worker.domain.settings import Settings
from worker.language.flow.flows import read_flow
from worker.language.library import read_library
from worker.language.sound.circles import circles

EVENTS = Vocabulary.of(Settings.model_validate({"events": {name: {} for name in "abcdef"}}))
ENDS = "Phin ends it when a flow has come round 3 times; end it by 'when' or 'once', if it does not end"


def flow(name: str, starts: str, emits: str, more: str = "") -> tuple[Flow, str, str]:
    """Return a flow that some events start and that emits some, `circles` takes it so."""
    trigger = ", ".join(f"{{event: {event}}}" for event in starts) or "purchase"
    steps = "".join(f"  - emit: {event}\n" for event in emits) or "  - tag: x\n"
    text = f"flow: {name}\ntrigger: [{trigger}]\n{more}steps:\n{steps}"
    return read_flow(text, f"flows/{name}.yaml", EVENTS)[0], text, f"flows/{name}.yaml"


def told(*files: tuple[Flow, str, str]) -> list[str]:
    return [f"{problem.place}: {problem.message}" for problem in circles(files)]


def test_two_flows_that_start_each_other_are_named(tmp_path: Path) -> None:
    """Given flows of a folder that emit what starts the other, then one warning names both, at the step that closes
    the circle; both are flows that can be used."""
    for name, starts, emits in (("one", "a", "b"), ("two", "b", "a"), ("three", "b", "c")):
        (tmp_path / f"{name}.yaml").write_text(flow(name, starts, emits)[1])

    library = read_library(tmp_path, EVENTS, shown="flows")
    (problem,) = library.problems

    assert sorted(library.flows) == ["one", "three", "two"]
    assert problem.severity is Severity.WARNING
    assert (str(problem.place), problem.message) == (
        "flows/two.yaml:4:3",
        "these flows start each other in a circle: one → two → one",
    )
    assert (problem.source_line, problem.hint) == ("  - emit: a", ENDS)


def test_a_flow_that_starts_itself_is_told() -> None:
    """Given a flow that emits its own trigger, even from within a branch, then that is told."""
    text = "flow: x\ntrigger: {event: a}\nsteps:\n  - if: now is defined\n    then:\n      - emit: a\n"
    read = read_flow(text, "flows/x.yaml", None)[0]

    assert told((read, text, "flows/x.yaml")) == ["flows/x.yaml:6:7: 'a' starts this flow again, and so on in a circle"]


@pytest.mark.parametrize("more", ["once: ever\n", "once: per 30 days\n", "once: per year\n", "status: draft\n"])
def test_a_flow_that_ends_the_circle_makes_none(more: str) -> None:
    """Given a flow that a customer enters once, or a draft, then there is no circle through it."""
    assert told(flow("one", "a", "b"), flow("two", "b", "a", more)) == []


def test_two_circles_are_two_warnings() -> None:
    """Given circles that have no flow in common, then each is told; of one that has a short cut, the short one."""
    files = [flow("a", "a", "b"), flow("b", "b", "ac"), flow("c", "c", "a"), flow("d", "d", "e"), flow("e", "e", "d")]

    assert told(*files) == [
        "flows/b.yaml:4:3: these flows start each other in a circle: a → b → a",
        "flows/e.yaml:4:3: these flows start each other in a circle: d → e → d",
    ]


@given(st.lists(st.tuples(st.text("abcdef", max_size=2), st.text("abcdef", max_size=2)), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_what_comes_round_is_told_and_nothing_else(drawn: list[tuple[str, str]]) -> None:
    """Given any flows, then a warning exists exactly where some flow can come back to itself by what it emits."""
    shapes = [("".join(sorted(set(starts))), "".join(sorted(set(emits)))) for starts, emits in drawn]
    files = [flow(f"f{number}", starts, emits) for number, (starts, emits) in enumerate(shapes)]

    def comes_back(first: int) -> bool:
        todo, seen = deque([first]), set[int]()
        while todo:
            emitted = shapes[todo.popleft()][1]
            for other, (starts, _) in enumerate(shapes):
                if set(emitted) & set(starts):
                    if other == first:
                        return True
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
        return False

    coming_back = {f"f{number}" for number in range(len(shapes)) if comes_back(number)}
    named = [problem.place.file for problem in circles(files)]

    assert bool(named) == bool(coming_back)
    assert {Path(file).stem for file in named} <= coming_back
    assert len(set(named)) == len(named)


def test_coupons_of_all_flows_may_be_asked_about(tmp_path: Path) -> None:
    """Given a coupon that another flow gives, then a condition may ask for it; one that no flow gives is told."""
    (tmp_path / "gives.yaml").write_text("flow: gives\ntrigger: signup\nsteps:\n  - coupon: hello\n")
    asks = (
        'flow: asks\ntrigger: purchase\nsteps:\n  - {wait: 1 day, until: \'redeemed("hello") or redeemed("helo")\'}\n'
    )
    (tmp_path / "asks.yaml").write_text(asks + "  - tag: x\n")

    (problem,) = read_library(tmp_path, EVENTS, shown="flows").problems

    assert (problem.message, problem.hint) == ("there is no coupon 'helo'", "did you mean 'hello'?")
