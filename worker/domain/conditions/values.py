"""Conditions read on values: what an expression is, whether it holds, and what decided, in the facts at hand."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from worker.domain.conditions.asking import (
    LOOKS_AT,
    bought,
    days_since,
    did,
    in_flow,
    in_stock,
    mailed,
    open_request,
    ordered,
    redeemed,
    task_done,
)
from worker.domain.conditions.calls import (
    Bought,
    Days,
    Did,
    InFlow,
    InSegment,
    InStock,
    Mailed,
    OpenRequest,
    Ordered,
    Redeemed,
    TaskDone,
    read_call,
)
from worker.domain.conditions.explaining import explain
from worker.domain.conditions.names import unsaid, value_of
from worker.domain.conditions.readings import Value, date_of, number_of, time_of, written_time
from worker.domain.conditions.showing import as_text
from worker.domain.conditions.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Comparison,
    Expression,
    In,
    Is,
    ListOf,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Operator,
    Or,
    walk,
)
from worker.domain.conditions.valuetypes import FieldType
from worker.domain.facts import EventsOf, Facts, Need, Needs
from worker.domain.given_names import greeted_by
from worker.domain.texts import Text
from worker.domain.zones import zone_of


@dataclass(frozen=True, slots=True)
class Reading:
    """How conditions are read on values.

    Parameters:
        segments: the expressions of the segments that `in_segment()` may name; one that is not here has nobody in it.
        fields: the types of the customers' own fields, as they are declared.
    """

    segments: Mapping[str, Expression] = field(default_factory=dict)
    fields: Mapping[str, FieldType] = field(default_factory=dict)

    def holds(self, expression: Expression, facts: Facts) -> bool:
        """Say whether a condition holds; a value holds if it is there and not empty, zero or false."""
        return _Reader(facts, self.segments).holds(expression.tree)

    def value(self, node: Node, facts: Facts) -> Value:
        """Return what an expression (its tree, or a part of that) is, or None where it is missing.

        A number is a float, a date a `date`, a time a `datetime` in UTC, a list a tuple.
        """
        return _Reader(facts, self.segments).value(node)

    def explain(self, expression: Expression, facts: Facts) -> list[dict[str, Any]]:
        """Return what decided, as JSON (see `worker.domain.conditions.explaining`).

        A consent that was never asked for holds no more than a refused one; here it is missing, so that the two differ.
        """
        return self.judge(expression, facts)[1]

    def judge(self, expression: Expression, facts: Facts) -> tuple[bool, list[dict[str, Any]]]:
        """Return both at once, whether a condition holds and what decided: each of its parts is read once."""
        reader = _Reader(facts, self.segments)

        def seen_value(node: Node) -> Value:
            return None if isinstance(node, Name) and unsaid(node, facts.customer) else reader.value(node)

        held, decided = explain(expression, reader.holds, seen_value)
        return held, [seen.as_json() for seen in decided]

    def told(self, expression: Expression, facts: Facts) -> Value:
        """Return what an expression between `{{` and `}}` is: as `value`, but greeting as templates do.

        `customer.first_name` is the given name in the whole one where the shop told none; in conditions, which the
        database answers too, it stays the shop's own word.
        """
        return _Reader(facts, self.segments, greeting=True).value(expression.tree)

    def text(self, text: Text, facts: Facts) -> str:
        """Return a text with its values put in, as `told`; what is missing is left empty."""
        reader = _Reader(facts, self.segments, greeting=True)
        zone = zone_of(facts.customer.timezone, facts.shop.timezone)
        return "".join(part if isinstance(part, str) else as_text(reader.value(part.tree), zone) for part in text.parts)


def needs(node: Node, segments: Mapping[str, Expression] | None = None) -> Needs:
    """Return which parts of the past an expression looks at.

    Parameters:
        segments: the expressions of segments; without them, `in_segment()` is taken to look at all it may.
    """
    found: set[Need | EventsOf] = set()
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        for part in walk(waiting.pop()):
            if isinstance(part, Name) and part.path[0] == "coupons":
                found.add(Need.COUPONS)
            if not isinstance(part, Call):
                continue
            asked = read_call(part) if part.function in ("did", "in_segment") else None
            if isinstance(asked, Did):
                found.add(EventsOf(asked.event, asked.within, asked.at_least))
            elif not isinstance(asked, InSegment) or segments is None:
                found |= LOOKS_AT.get(part.function, frozenset())
            elif asked.segment in segments and asked.segment not in seen:
                seen.add(asked.segment)
                waiting.append(segments[asked.segment].tree)
    return frozenset(found)


class _Reader:
    """Reads trees in one customer's facts.

    Parameters:
        inside: the segments that are being read, so that one that names itself comes to an end.
        greeting: whether `customer.first_name` is derived where it is missing; never within a segment.
    """

    def __init__(
        self,
        facts: Facts,
        segments: Mapping[str, Expression],
        inside: frozenset[str] = frozenset(),
        *,
        greeting: bool = False,
    ) -> None:
        self._facts = facts
        self._segments = segments
        self._inside = inside
        self._greeting = greeting
        self._names: dict[tuple[str, ...], Value] = {}  # those that were read

    def holds(self, node: Node) -> bool:
        match node:
            case And(operands=operands):
                return all(self.holds(operand) for operand in operands)
            case Or(operands=operands):
                return any(self.holds(operand) for operand in operands)
            case Not(operand=operand):
                return not self.holds(operand)
            case Compare(operator=operator, left=left, right=right):
                return self._compare(operator, left, right)
            case In():
                return self._contains(node)
            case Is(operand=operand):
                missing = self.value(operand) is None
                return missing == ((node.test == "none") != node.negated)
            case Call():
                return bool(self._call(node))
        value = self.value(node)
        return value not in (None, "", 0, ()) if not isinstance(value, bool) else value

    def value(self, node: Node) -> Value:
        match node:
            case Literal(value=value):
                return value if isinstance(value, str | bool) or value is None else number_of(value)
            case Name(path=("customer", "first_name")) if self._greeting:
                return greeted_by(self._facts.customer, self._facts.shop.language)
            case Name(path=path):
                if path not in self._names:
                    self._names[path] = value_of(node, self._facts)
                return self._names[path]
            case ListOf(items=items):
                return tuple(
                    found for item in items if isinstance(found := self.value(item), str | float | bool | date)
                )
            case Call():
                return self._call(node)
            case Negative(operand=operand):
                number = self._number(operand)
                return None if number is None else 0.0 - number
            case Arithmetic(operator=operator, left=left, right=right):
                one, other = self._number(left), self._number(right)
                return None if one is None or other is None else _CALCULATE[operator](one, other)
        return self.holds(node)

    def _number(self, node: Node) -> float | None:
        value = self.value(node)
        return value if isinstance(value, float) else None

    def _call(self, call: Call) -> float | bool | None:
        asked = read_call(call)
        match asked:
            case Days(moment=moment, until=until):
                days = days_since(self.value(moment), self._facts)
                return 0.0 - days if until and days is not None else days
            case Bought():
                return bought(asked, self._facts)
            case Did():
                return did(asked, self._facts)
            case Mailed():
                return mailed(asked, self._facts)
            case TaskDone():
                return task_done(asked, self._facts)
            case OpenRequest():
                return open_request(self._facts)
            case Ordered():
                return ordered(self._facts)
            case Redeemed():
                return redeemed(asked, self._facts)
            case InStock(what=what):
                return in_stock(self.value(what), self._facts)
            case InFlow():
                return in_flow(asked, self._facts)
            case InSegment(segment=segment):
                return self._in_segment(segment)

    def _in_segment(self, segment: str) -> bool:
        if segment in self._inside or segment not in self._segments:
            return False
        alone = replace(self._facts, order=None, event=None, journey=None)
        return _Reader(alone, self._segments, self._inside | {segment}).holds(self._segments[segment].tree)

    def _compare(self, operator: Comparison, left: Node, right: Node) -> bool:
        one, other = self.value(left), self.value(right)
        return _compared(operator, self._beside(left, one, other), self._beside(right, other, one))

    def _contains(self, node: In) -> bool:
        item = self.value(node.item)
        if item is None or isinstance(item, tuple):
            return False
        if isinstance(node.container, ListOf):
            return any(self._compare("==", node.item, one) for one in node.container.items) != node.negated
        container = self.value(node.container)
        if isinstance(container, str):
            return isinstance(item, str) and (item in container) != node.negated
        if isinstance(container, tuple):
            return any(_compared("==", item, one) for one in container) != node.negated
        return False

    def _beside(self, node: Node, value: Value, other: Value) -> Value:
        """Return a value as it is read beside another: a text beside a date or a time is read as one."""
        if not isinstance(value, str):
            return value
        if isinstance(other, datetime):
            return (
                written_time(value, zone_of(None, self._facts.shop.timezone))
                if isinstance(node, Literal)
                else time_of(value)
            )
        return date_of(value) if isinstance(other, date) else value


def _compared(operator: Comparison, left: Value, right: Value) -> bool:
    """Compare two values; only those of one kind compare, and lists never do."""
    if left is None or right is None or isinstance(left, tuple) or type(left) is not type(right):
        return False
    if isinstance(left, bool) and operator not in ("==", "!="):
        return False
    return _COMPARE[operator](left, right)


def _divided(left: float, right: float) -> float | None:
    return left / right if right else None


def _floored(left: float, right: float) -> float | None:
    return float(math.floor(left / right)) if right else None


def _remainder(left: float, right: float) -> float | None:
    return left - right * float(math.floor(left / right)) if right else None


_CALCULATE: dict[Operator, Callable[[float, float], float | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "//": _floored,
    "%": _remainder,
}
_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
