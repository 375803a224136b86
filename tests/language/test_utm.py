"""`utm` of a flow: parts of its own, or false; every fault with its place and what to write."""

from __future__ import annotations

import pytest

from worker.domain.errors import FileError
from worker.domain.utm import USUAL, Utm
from worker.language.flow.differing import differences
from worker.language.flow.flows import read_flow

FLOW = "flow: tet\ntrigger: purchase\n{utm}steps:\n  - send: news\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", USUAL),
        ("utm: false\n", Utm(on=False)),
        ("utm: no\n", Utm(on=False)),
        ("utm: {campaign: tet-2027}\n", Utm(campaign="tet-2027")),
        (
            "utm: {source: thư, medium: mail, content: a  b, term: 2027}\n",
            Utm(True, "thư", "mail", None, "a b", "2027"),
        ),
    ],
)
def test_it_is_read(written: str, read: Utm) -> None:
    """Given a flow, then its parts are read; without the key its meaning is what it was."""
    flow, problems = read_flow(FLOW.format(utm=written), "tet.yaml", None)
    usual, _ = read_flow(FLOW.format(utm=""), "tet.yaml", None)
    assert (flow.utm, problems) == (read, ())
    assert (flow.meaning == usual.meaning) is (read == USUAL)
    assert [one.about for one in differences(usual, flow)] == ([] if read == USUAL else ["utm"])


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("utm: yes\n", "'utm' is false, or a group of keys", "leave 'utm' out"),
        ("utm: tet\n", "'utm' is false, or a group of keys", "write: utm: {campaign: tet}"),
        ("utm: {campain: tet}\n", "unknown key 'campain' in 'utm'", "did you mean 'campaign'?"),
        ("utm: {campaign: '{{ customer.name }}'}\n", "is the same in every mail", None),
        (f"utm: {{term: {'x' * 101}}}\n", "at most 100 characters", None),
        ("utm: {source: [a]}\n", "'source' is a text", "write it in quotes"),
    ],
)
def test_faults_are_told(written: str, message: str, hint: str | None) -> None:
    """Given what cannot be used, then an error says what is wrong, in its line, and what to write."""
    with pytest.raises(FileError) as caught:
        read_flow(FLOW.format(utm=written), "tet.yaml", None)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.place.line == 3
    assert hint is None or hint in (problem.hint or "")
