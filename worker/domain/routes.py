"""The route through a flow: which step comes after which, laid out once."""

from __future__ import annotations

from worker.domain.flows import Flow
from worker.domain.steps import Step, ways_of


class Route:
    """A flow with its steps by name and the step that follows each.

    A step inside a branch is followed by the next of its branch, and the last of a branch by what follows the fork.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.first: Step | None = flow.steps[0] if flow.steps else None
        self._steps: dict[str, Step] = {}
        self._after: dict[str, Step | None] = {}
        self._lay(flow.steps, None)

    def _lay(self, steps: tuple[Step, ...], then: Step | None) -> None:
        for step, following in zip(steps, (*steps, then)[1:], strict=True):
            self._steps[step.name] = step
            self._after[step.name] = following
            for way in ways_of(step):
                self._lay(way, following)

    def step(self, name: str) -> Step:
        """Return the step of this name.

        Raises:
            KeyError: this version of the flow has no such step.
        """
        return self._steps[name]

    def find(self, name: str) -> Step | None:
        """Return the step of this name, or None where this version of the flow has no such step."""
        return self._steps.get(name)

    def after(self, step: Step) -> Step | None:
        """Return the step that follows, or None at the end."""
        return self._after[step.name]

    def into(self, fork: Step, steps: tuple[Step, ...]) -> Step | None:
        """Return the first step of a branch, or what follows the fork where the branch is empty."""
        return steps[0] if steps else self._after[fork.name]
