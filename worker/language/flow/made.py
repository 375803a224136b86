"""Which coupons a journey has at each place of a flow's file, as its steps are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Made:
    """The coupons that a journey has, as the steps are read in their order, way by way."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def line(self, name: str) -> int:
        """Return the line of the step that makes it, from 1."""
        return self._lines[name]

    def make(self, name: str, line: int) -> None:
        """Note that a journey has a coupon from here on."""
        self._lines[name] = line

    @contextmanager
    def fork(self) -> Iterator[Ways]:
        """Read the ways of a fork: what one makes is not known in another, and after the fork there may be all."""
        ways = Ways(self._lines)
        yield ways
        for name, line in ways.made.items():
            self._lines.setdefault(name, line)


@dataclass(slots=True)
class Way:
    """One way of a fork; where every journey `ends` in it, nothing of it is known after the fork."""

    ends: bool = False


class Ways:
    """The ways of one fork; `made` are the coupons of those that were read, and lead on."""

    def __init__(self, lines: dict[str, int]) -> None:
        self._lines = lines
        self.made: dict[str, int] = {}

    @contextmanager
    def one(self) -> Iterator[Way]:
        """Read the steps of one way."""
        before = len(self._lines)
        way = Way()
        yield way
        while len(self._lines) > before:  # the newest come last
            name, line = self._lines.popitem()
            if not way.ends:
                self.made[name] = line
