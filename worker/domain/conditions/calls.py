"""Calls of the language's functions, with their arguments read: the one place that says what an argument may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Literal as OneOf

from worker.domain.conditions.catalogue import FUNCTIONS, NAMES, Function, Parameter, Takes
from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.tree import Call, Literal, Node
from worker.domain.durations import duration_meant, parse_duration

LONGEST_SPAN = timedelta(days=365 * 100)
LARGEST_COUNT = 1_000_000


@dataclass(frozen=True, slots=True)
class Days:
    """Periods of 24 hours (days of the calendar for a date) since or until a moment."""

    moment: Node
    until: bool


@dataclass(frozen=True, slots=True)
class Bought:
    """At least so many counted orders that hold the SKU or category, placed within the time before now."""

    what: str
    within: timedelta | None
    at_least: int


@dataclass(frozen=True, slots=True)
class Did:
    """At least so many events of a type, within the time before now, or since the journey began."""

    event: str
    within: timedelta | OneOf["journey"] | None
    at_least: int


@dataclass(frozen=True, slots=True)
class Mailed:
    """The journey's mail of a step was sent, opened or clicked."""

    what: OneOf["sent", "opened", "clicked"]
    step: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """A counted order was placed since the journey began, the journey's own not counted."""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A coupon of the customer's was redeemed since the journey began, by another order than the journey's own."""

    coupon: str


@dataclass(frozen=True, slots=True)
class TaskDone:
    """The journey's task of a step was done."""

    step: str


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """The customer has a support request that is not closed."""


@dataclass(frozen=True, slots=True)
class InStock:
    """The shop has an article, or all of a list."""

    what: Node


@dataclass(frozen=True, slots=True)
class InFlow:
    """The customer is under way in a flow."""

    flow: str


@dataclass(frozen=True, slots=True)
class InSegment:
    """The customer belongs to a segment."""

    segment: str


Question = Bought | Did | Mailed | TaskDone | Ordered | Redeemed | OpenRequest | InStock | InFlow | InSegment
"""What is answered by yes or no."""
Asked = Days | Question


def read_call(call: Call) -> Asked:
    """Return what a call asks for.

    Raises:
        ExpressionError: there is no such function, or an argument is not what it takes.
    """
    function = FUNCTIONS.get(call.function)
    if function is None:
        near = get_close_matches(call.function, FUNCTIONS, 1)
        if call.function in NAMES:
            raise ExpressionError(
                f"'{call.function}' is no function", call.at, call.length, f"write '{call.function}' without brackets"
            )
        hint = f"did you mean '{near[0]}()'?" if near else f"there are: {', '.join(FUNCTIONS)}"
        raise ExpressionError(f"'{call.function}()' is not known", call.at, len(call.function), hint)
    return _BUILT[function.name](_Arguments(call, function))


class _Arguments:
    """The arguments of one call by the names of the function's parameters."""

    def __init__(self, call: Call, function: Function) -> None:
        self._call = call
        self._function = function
        self._given: dict[str, Node] = {}
        plain = [parameter for parameter in function.parameters if not parameter.named]
        if len(call.arguments) > len(plain):
            extra = call.arguments[len(plain)]
            named = [parameter for parameter in function.parameters if parameter.named]
            hint = f"write {named[0].name}=…" if named else f"write {function.example}"
            raise ExpressionError(f"'{function.name}()' takes no such argument", extra.at, extra.length, hint)
        for parameter, node in zip(plain, call.arguments, strict=False):
            self._given[parameter.name] = node
        for name, node in call.named:
            self._name(name, node)
        for parameter in plain:
            if parameter.name not in self._given:
                raise ExpressionError(
                    f"'{function.name}()' needs {parameter.takes.value}",
                    call.at,
                    call.length,
                    f"for example {function.example}",
                )

    def _name(self, name: str, node: Node) -> None:
        known = [parameter.name for parameter in self._function.parameters]
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"for example {self._function.example}"
            raise ExpressionError(f"'{self._function.name}()' has no argument '{name}'", node.at, node.length, hint)
        if name in self._given:
            raise ExpressionError(f"'{name}' is given twice", node.at, node.length, "leave one out")
        self._given[name] = node

    def node(self, name: str) -> Node:
        return self._given[name]

    def text(self, name: str) -> str:
        node = self._given[name]
        if isinstance(node, Literal) and isinstance(node.value, str) and node.value:
            return node.value
        raise self._wrong(name, node)

    def count(self, name: str) -> int:
        node = self._given.get(name)
        if node is None:
            return 1
        if isinstance(node, Literal) and type(node.value) is int and 1 <= node.value <= LARGEST_COUNT:
            return node.value
        raise self._wrong(name, node)

    def span(self, name: str) -> timedelta | None:
        node = self._given.get(name)
        if node is None:
            return None
        if not isinstance(node, Literal) or not isinstance(node.value, str):
            raise self._wrong(name, node)
        try:
            span = parse_duration(node.value).span()
        except ValueError as error:
            meant = duration_meant(node.value)
            hint = f"did you mean '{meant}'?" if meant else "write one like '90 days' or '2 hours'"
            raise ExpressionError(f"'{node.value}' is no duration", node.at, node.length, hint) from error
        except OverflowError:
            span = timedelta.max
        if not timedelta(0) < span <= LONGEST_SPAN:
            raise ExpressionError(
                f"'{node.value}' is no time to look back", node.at, node.length, "write one from 1 minute to 100 years"
            )
        return span

    def window(self, name: str) -> timedelta | OneOf["journey"] | None:
        node = self._given.get(name)
        if isinstance(node, Literal) and node.value == "journey":
            return "journey"
        return self.span(name)

    def _wrong(self, name: str, node: Node) -> ExpressionError:
        parameter = next(one for one in self._function.parameters if one.name == name)
        return ExpressionError(
            f"'{self._function.name}()' takes {_written_out(parameter)} here",
            node.at,
            node.length,
            f"for example {self._function.example}",
        )


def _written_out(parameter: Parameter) -> str:
    return f"{parameter.takes.value} in quotes" if parameter.takes is Takes.TEXT else parameter.takes.value


_BUILT: dict[str, Callable[[_Arguments], Asked]] = {
    "days_since": lambda given: Days(given.node("moment"), until=False),
    "days_until": lambda given: Days(given.node("moment"), until=True),
    "bought": lambda given: Bought(given.text("what"), given.span("within"), given.count("at_least")),
    "did": lambda given: Did(given.text("event"), given.window("within"), given.count("at_least")),
    "sent": lambda given: Mailed("sent", given.text("step")),
    "opened": lambda given: Mailed("opened", given.text("step")),
    "clicked": lambda given: Mailed("clicked", given.text("step")),
    "task_done": lambda given: TaskDone(given.text("step")),
    "ordered": lambda _: Ordered(),
    "redeemed": lambda given: Redeemed(given.text("coupon")),
    "open_request": lambda _: OpenRequest(),
    "in_stock": lambda given: InStock(given.node("what")),
    "in_flow": lambda given: InFlow(given.text("flow")),
    "in_segment": lambda given: InSegment(given.text("segment")),
}
