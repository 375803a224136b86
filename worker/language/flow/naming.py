"""Names of steps that the file gives none: `wait-1`, `if-2`, counted by verb in the order in which they are read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from worker.domain.steps import AddToFields, Choose, If, SetFields, Split, Step

_VERBS: dict[type[Step], str] = {SetFields: "set", AddToFields: "add"}  # where the class is called otherwise


def with_names(steps: tuple[Step, ...], taken: Collection[str]) -> tuple[Step, ...]:
    """Return the steps with a name for each; one that the file gives to another step is passed over."""
    return _Namer(frozenset(taken)).named(steps)


class _Namer:
    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = taken
        self._count: dict[str, int] = {}

    def named(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(self._named(step) for step in steps)

    def _named(self, step: Step) -> Step:
        name = step.name or self._next(_VERBS.get(type(step)) or type(step).__name__.lower())
        match step:
            case If():
                return replace(step, name=name, then=self.named(step.then), otherwise=self.named(step.otherwise))
            case Choose():
                cases = tuple(replace(case, steps=self.named(case.steps)) for case in step.cases)
                return replace(step, name=name, cases=cases, otherwise=self.named(step.otherwise))
            case Split():
                branches = tuple(replace(branch, steps=self.named(branch.steps)) for branch in step.branches)
                return replace(step, name=name, branches=branches)
        return replace(step, name=name)

    def _next(self, verb: str) -> str:
        while True:
            self._count[verb] = self._count.get(verb, 0) + 1
            name = f"{verb}-{self._count[verb]}"
            if name not in self._taken:
                return name
