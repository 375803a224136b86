"""Where a journey under way lands in another version of its flow: pure, for whoever tells it beforehand and does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.domain.flows import Flow
from worker.domain.steps import Step, TaskStep, Wait, walk
from worker.language.flow.differing import same_steps
from worker.language.flow.meaning import same
from worker.language.flow.wording import briefly


@dataclass(frozen=True, slots=True)
class Landing:
    """Where journeys land that stand at one step.

    Parameters:
        to: the step of the other version; None for the start.
        stays: why they stay on their version instead; None where they land.
        rereads: whether they wait for another time there than here, so that the time is reckoned anew.
        begins: whether the wait begins when they land: they stood at no wait before.
    """

    to: str | None = None
    stays: str | None = None
    rereads: bool = False
    begins: bool = False


class Landings:
    """Says where journeys of one version land in another.

    Parameters:
        given: where those are to go whose step is to be another one than its own: old name → new name.
    """

    def __init__(self, old: Flow, new: Flow, given: Mapping[str, str] | None = None) -> None:
        self._match = {**same_steps(old, new), **(given or {})}
        self._old = {step.name: step for step in walk(old.steps)}
        self._new = {step.name: step for step in walk(new.steps)}

    def of(self, step: str | None) -> Landing:
        """Return where a journey lands that stands at this step, None being the start."""
        if step is None:
            return Landing()
        name = self._match.get(step)
        there = None if name is None else self._new.get(name)
        if there is None:
            return Landing(stays="it is no longer in the flow")
        here = self._old.get(step)
        if isinstance(there, Wait):
            return _at_wait(here, there)
        if isinstance(there, TaskStep) and there.hold:
            if isinstance(here, TaskStep) and here.name == there.name:
                return Landing(there.name)
            return Landing(stays=f"'{there.name}' is a task that nobody was given")
        return Landing(stays=f"nobody can wait at {briefly(there)}")


def can_be_waited_at(flow: Flow) -> list[str]:
    """Return the steps of a flow at which journeys may be put: its waits."""
    return [step.name for step in walk(flow.steps) if isinstance(step, Wait)]


def _at_wait(here: Step | None, there: Wait) -> Landing:
    if not isinstance(here, Wait):
        return Landing(there.name, begins=True)
    said = [(wait.duration, wait.at, wait.on) for wait in (here, there)]
    return Landing(there.name, rereads=not same(*said))
