"""The tree that an expression is parsed to; two readers give it its meaning: on values, and in SQL.

Every node knows its place: `at`, the offset of its first character in the expression's text, and `length`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal as OneOf

Comparison = OneOf["==", "!=", "<", "<=", ">", ">="]
Operator = OneOf["+", "-", "*", "/", "//", "%"]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression."""

    at: int = field(default=0, kw_only=True, compare=False)
    length: int = field(default=1, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A text, a number, true, false or none."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list that stands in the expression, `["arabica", "robusta"]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name with its dots, `order.total` as `("order", "total")`."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A call of a listed function."""

    function: str
    arguments: tuple[Node, ...] = ()
    named: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """Two numbers and an operator."""

    operator: Operator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """A number with its sign turned."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A comparison; false where either side is missing, `!=` too."""

    operator: Comparison
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class In(Node):
    """Membership in a list, or of a text in a text; `not in` where negated; false where either side is missing."""

    item: Node
    container: Node
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Is(Node):
    """The tests `is defined`, `is none` and their negations; true means: holds a value / holds none."""

    operand: Node
    test: OneOf["defined", "none"]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not(Node):
    """The opposite of a condition."""

    operand: Node


@dataclass(frozen=True, slots=True)
class And(Node):
    """All of several conditions."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """Any of several conditions."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it was written, and its tree.

    Parameters:
        offset: characters before it in the text that it is a part of (a `Text`); 0 where it stands alone.
    """

    text: str
    tree: Node = field(compare=False)
    offset: int = field(default=0, compare=False)

    def written(self, node: Node) -> str:
        """Return a node of the tree as it was written."""
        return self.text[node.at : node.at + node.length]


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right beneath, in the order in which they were written."""
    match node:
        case ListOf(items=items):
            return items
        case Call(arguments=arguments, named=named):
            return (*arguments, *(value for _, value in named))
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case In(item=item, container=container):
            return (item, container)
        case Negative(operand=operand) | Is(operand=operand) | Not(operand=operand):
            return (operand,)
        case And(operands=operands) | Or(operands=operands):
            return operands
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all that are beneath it, from left to right."""
    yield node
    for child in children(node):
        yield from walk(child)
