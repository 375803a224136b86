"""The way through a flow: what follows each step, also out of a branch that is empty."""

from __future__ import annotations

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.flows import Flow
from worker.domain.routes import Route
from worker.domain.steps import Step
from worker.language.flow.flows import read_flow

FLOW = """
flow: forks
trigger: purchase
steps:
  - if: customer.orders_count > 1
    name: fork
    then:
      - send: in-branch
  - send: after
"""


def read() -> Flow:
    flow, _ = read_flow(FLOW, "forks.yaml", Vocabulary())
    return flow


def name(step: Step | None) -> str | None:
    return None if step is None else step.name


def test_an_empty_branch_leads_to_what_follows_the_fork() -> None:
    """Given a fork without `else`, then both ways lead to the step after it, and that one to the end."""
    route = Route(read())
    fork = route.first
    assert fork is not None
    assert name(fork) == "fork"
    assert name(route.into(fork, ())) == "after"
    assert name(route.into(fork, (route.step("in-branch"),))) == "in-branch"
    assert name(route.after(route.step("in-branch"))) == "after"
    assert route.after(route.step("after")) is None
