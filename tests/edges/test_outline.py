"""A flow's outline is what its author wrote, one line a step, with the names by which the steps are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes import ROOT
from worker.domain.steps import walk
from worker.edges.web.outline import Line, outline
from worker.language.flow.flows import read_flow

FLOW = """flow: f
title: {vi: Một, en: One}
trigger:
  - purchase
  - {event: signup}
when: order.total >= 300_000
once: per order
exit: [{event: refund}, {when: customer.orders_count >= 2}]
goal: {event: purchase, within: 14 days}
steps:
  - send: thank-you
    subject: {vi: "Cảm ơn {{ customer.name }}", en: Thanks}
    expires: 2 days
  - wait: 7 days
    at: "10:30"
    on: [mon, fri]
  - if: clicked("thank-you")
    then:
      - exit: read
    else:
      - split:
          plain: {weight: 1, then: [{send: a}]}
          bold:
            weight: 2
            then:
              - wait: 1 day
"""


def test_steps_are_told_as_written() -> None:
    """Given a flow with forks, then each way has its label, and each step its verb, its options and its name."""
    flow, _ = read_flow(FLOW, "f.yaml", None)
    assert outline(flow, FLOW).lines == (
        Line(0, "send", "thank-you · expires: 2 days", "thank-you"),
        Line(0, "wait", "7 days · at: 10:30 · on: mon | fri", "wait-1"),
        Line(0, "if", 'clicked("thank-you")', "if-1"),
        Line(1, "exit", "read", "exit-1"),
        Line(0, "", "else"),
        Line(1, "split", "", "split-1"),
        Line(2, "", "plain · weight: 1"),
        Line(3, "send", "a", "a"),
        Line(2, "", "bold · weight: 2"),
        Line(3, "wait", "1 day", "wait-2"),
    )


def test_the_entry_is_told_as_written() -> None:
    """Given a flow, then who enters, what ends it and what counts is told, each alternative by itself."""
    flow, _ = read_flow(FLOW, "f.yaml", None)
    assert outline(flow, FLOW).entry == (
        ("trigger", ("purchase", "event: signup")),
        ("when", ("order.total >= 300_000",)),
        ("once", ("per order",)),
        ("exit", ("event: refund", "when: customer.orders_count >= 2")),
        ("goal", ("event: purchase, within: 14 days",)),
    )


@pytest.mark.parametrize("path", sorted((ROOT / "flows").glob("*.yaml")), ids=lambda path: str(path.stem))
def test_every_step_of_the_shipped_flows_is_told(path: Path) -> None:
    """Given a shipped flow, then each of its steps has a line of its own, in their order."""
    text = path.read_text()
    flow, _ = read_flow(text, path.name, None)
    told = [line.step for line in outline(flow, text).lines if line.verb]
    assert told == [step.name for step in walk(flow.steps)]


def test_a_very_long_value_is_cut() -> None:
    """Given a condition of hundreds of characters, then its line ends in time."""
    condition = " and ".join(["customer.orders_count >= 2"] * 30)
    text = f"flow: f\ntrigger: signup\nsteps:\n  - if: {condition}\n    then: [{{exit: x}}]\n"
    flow, _ = read_flow(text, "f.yaml", None)
    assert len(outline(flow, text).lines[0].text) == 160


def test_the_options_after_a_long_value_are_told_too() -> None:
    """Given a step with a long option, then whatever is written behind it stands whole."""
    condition = " and ".join(["customer.orders_count >= 2"] * 30)
    text = (
        "flow: f\ntrigger: signup\nsteps:\n  - task: Call\n    type: call\n    assign: everyone\n    due: 1 day\n"
        f"    close_when: {condition}\n    overdue: 1 hour\n    escalate: {{to: manager, after: 12 hours}}\n"
    )
    flow, _ = read_flow(text, "f.yaml", None)
    assert outline(flow, text).lines[0].text.endswith("… · overdue: 1 hour · escalate: to: manager, after: 12 hours")
