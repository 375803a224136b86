"""Whose time it is: functions are wrapped, and each moment of a thread belongs to the innermost of them."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

REST = "the rest"


class Clocked:
    """Shares the CPU time of one thread out among stages (seconds, by name).

    `touched` counts calls: each costs its own stage half of `call_cost`, and half the one that it interrupts.
    """

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.touched: defaultdict[str, int] = defaultdict(int)
        self._stack = [REST]
        self._since = time.thread_time()

    def reset(self) -> None:
        """Begin anew."""
        self.spent.clear()
        self.touched.clear()
        self._since = time.thread_time()

    def shares(self, cost: float) -> dict[str, float]:
        """Return the stages' seconds since it began anew, without what wrapping cost (`call_cost`)."""
        self._turn()
        return {name: spent - cost / 2 * self.touched[name] for name, spent in self.spent.items()}

    def function(self, stage: str, owner: type | ModuleType, *names: str) -> None:
        """Have the time of these functions or methods be a stage's."""
        for name in names:
            setattr(owner, name, self._wrapped(stage, getattr(owner, name)))

    def properties(self, stage: str, owner: type, *names: str) -> None:
        """Have the time of these properties be a stage's."""
        for name in names:
            getter = vars(owner)[name].fget
            setattr(owner, name, property(self._wrapped(stage, getter)))

    def generator(self, stage: str, owner: type, name: str) -> None:
        """Have the time within a generator be a stage's; what is done with its items is not."""
        plain = getattr(owner, name)

        def clocked(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = plain(*args, **kwargs)
            step = self._wrapped(stage, items.__next__)
            try:
                while True:
                    try:
                        item = step()
                    except StopIteration:
                        return
                    yield item
            finally:
                items.close()

        setattr(owner, name, clocked)

    def context(self, stage: str, owner: type, name: str) -> None:
        """Have the time of entering and leaving a context be a stage's; what is done within it is not."""
        plain: Callable[..., AbstractContextManager[Any]] = getattr(owner, name)

        @contextmanager
        def clocked(*args: Any, **kwargs: Any) -> Iterator[Any]:
            self._enter(stage)
            try:
                with plain(*args, **kwargs) as entered:
                    self._leave()
                    try:
                        yield entered
                    finally:
                        self._enter(stage)
            finally:
                self._leave()

        setattr(owner, name, clocked)

    def collector(self, stage: str) -> None:
        """Have the time of Python's collector of circles be a stage's, whomever it interrupts."""
        gc.callbacks.append(lambda phase, _: self._enter(stage) if phase == "start" else self._leave())

    def _wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def clocked(*args: Any, **kwargs: Any) -> Any:
            self._enter(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._leave()

        return clocked

    def _enter(self, stage: str) -> None:
        self.touched[self._stack[-1]] += 1
        self.touched[stage] += 1
        self._turn()
        self._stack.append(stage)

    def _leave(self) -> None:
        self._turn()
        self._stack.pop()

    def _turn(self) -> None:
        now = time.thread_time()
        self.spent[self._stack[-1]] += now - self._since
        self._since = now


def call_cost() -> float:
    """Return the seconds of CPU that wrapping adds to one call, best of five."""
    count, best = 10_000, float("inf")
    for _ in range(5):
        clocked = Clocked()

        class Nothing:
            def work(self) -> None:
                """Do nothing."""

        nothing, took = Nothing(), []
        for _ in ("plain", "wrapped"):
            began = time.thread_time()
            for _ in range(count):
                nothing.work()
            took.append(time.thread_time() - began)
            clocked.function("nothing", Nothing, "work")
        best = min(best, (took[1] - took[0]) / count)
    return best
