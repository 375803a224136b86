"""Why a condition held or did not: the comparisons and calls that decided, with the values that were seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from worker.domain.conditions.readings import Value
from worker.domain.conditions.showing import Json, as_json
from worker.domain.conditions.tree import And, Call, Expression, Name, Node, Not, Or, children


@dataclass(frozen=True, slots=True)
class Seen:
    """One part of a condition that decided.

    Parameters:
        text: the part as written, `order.total >= 300_000`.
        values: the names and calls in it with what they were, None where missing; none for a call that is the part.
        holds: whether the part held.
    """

    text: str
    values: tuple[tuple[str, Json], ...]
    holds: bool

    def as_json(self) -> dict[str, Any]:
        """Return `{"text": "order.total >= 300_000", "seen": {"order.total": 450000}, "holds": true}`."""
        return {"text": self.text, "seen": dict(self.values), "holds": self.holds}


def explain(
    expression: Expression, holds: Callable[[Node], bool], value: Callable[[Node], Value]
) -> tuple[bool, tuple[Seen, ...]]:
    """Return whether a condition holds, and the parts that decided, in the order of the text.

    Of an `and` that does not hold these are the parts that fail, of an `or` that holds the parts that do; otherwise
    all. `not` before a single part belongs to it.

    Parameters:
        holds, value: read a node in the facts at hand.
    """

    answers: dict[int, bool] = {}  # by the node's identity: each part is read once, however deep it lies

    def answer(node: Node) -> bool:
        held = answers.get(id(node))
        if held is None:
            match node:
                case And(operands=operands):
                    held = all(answer(operand) for operand in operands)
                case Or(operands=operands):
                    held = any(answer(operand) for operand in operands)
                case Not(operand=operand):
                    held = not answer(operand)
                case _:
                    held = holds(node)
            answers[id(node)] = held
        return held

    def parts(node: Node) -> tuple[Seen, ...]:
        match node:
            case And(operands=operands) | Or(operands=operands):
                held = answer(node)
                deciding = operands
                if held == isinstance(node, Or):
                    deciding = tuple(operand for operand in operands if answer(operand) == held)
                return tuple(seen for operand in deciding for seen in parts(operand))
            case Not(operand=And() | Or() | Not() as operand):
                return parts(operand)
        alone = isinstance(node, Call) or (isinstance(node, Not) and isinstance(node.operand, Call))
        values = () if alone else tuple((expression.written(one), as_json(value(one))) for one in _asked(node))
        return (Seen(expression.written(node), values, answer(node)),)

    return answer(expression.tree), parts(expression.tree)


def _asked(node: Node) -> list[Node]:
    """Return the names and calls of a part, from left to right, those within a call left out."""
    if isinstance(node, Name | Call):
        return [node]
    return [found for child in children(node) for found in _asked(child)]
