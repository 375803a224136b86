"""Expressions and texts with `{{ }}`, read by Jinja's parser and turned into our tree; what is not ours is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal as OneOf
from typing import cast

from jinja2 import nodes

from worker.domain.conditions.faults import ExpressionError
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
)
from worker.domain.texts import Text
from worker.language.expressions.syntax import Places, end_of_value, parse

# More would let a result leave the numbers that both databases can count with (docs/conditions.md, "Numbers").
MOST_OPERATORS = 6
LARGEST = 10**15
SMALLEST = 1e-15

_COMPARISONS: dict[str, Comparison] = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_OPERATORS: dict[type[nodes.BinExpr], Operator] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}
_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Getitem: ("'[ ]' after a value is not known here", "write the name with a dot, or use 'in' for a list"),
    nodes.Pow: ("'**' is not known here", "multiply: a * a"),
    nodes.Concat: ("'~' is not known here", "in a text, write '{{ a }} {{ b }}'"),
    nodes.Tuple: ("a list stands in square brackets", 'write ["a", "b"]'),
    nodes.Pos: ("a '+' before a value changes nothing", "leave it out"),
}
_MARK = re.compile(r"\{[{%#]")


def parse_expression(text: str) -> Expression:
    """Read one expression, such as `order.total >= 300_000 and "arabica" in order.categories`.

    Raises:
        ExpressionError: it is not in the language; the error says where, and what to write instead.
    """
    found, places = parse(text)
    return Expression(text, _Converter(text, places).convert(found))


def parse_text(text: str) -> Text:
    """Read a text that may hold expressions, such as `Call {{ customer.name }} about order {{ order.number }}`.

    Raises:
        ExpressionError: something in it cannot be read; the place is one in the whole text.
    """
    parts: list[str | Expression] = []
    at = 0
    while (mark := _MARK.search(text, at)) is not None:
        if mark.group() != "{{":
            raise ExpressionError(
                f"'{mark.group()}' cannot stand in a text of a flow",
                mark.start(),
                2,
                "only '{{ }}' can; what needs more belongs into the template",
            )
        start = mark.end()
        end, length = end_of_value(text, start)
        if text[start : start + 1] in ("-", "+") or text[end] == "-":
            raise ExpressionError(
                "blanks cannot be cut off here", mark.start(), 3, "write '{{ … }}' with blanks inside"
            )
        if mark.start() > at:
            parts.append(text[at : mark.start()])
        parts.append(_value(text, start, end))
        at = end + length
    if at < len(text):
        parts.append(text[at:])
    return Text(text, tuple(parts))


def _value(text: str, start: int, end: int) -> Expression:
    inner = text[start:end]
    offset = start + len(inner) - len(inner.lstrip())
    try:
        found = parse_expression(inner.strip())
    except ExpressionError as error:
        raise error.moved(offset) from error
    return Expression(found.text, found.tree, offset)


class _Converter:
    """Turns Jinja's tree of one text into ours."""

    def __init__(self, text: str, places: Places) -> None:
        self._text = text
        self._places = places

    def convert(self, node: nodes.Expr) -> Node:
        """Convert a node where any may stand."""
        start, end = self._places.of(node)
        span = {"at": start, "length": end - start}
        match node:
            case nodes.And() | nodes.Or():
                kind = And if isinstance(node, nodes.And) else Or
                return kind(tuple(self.convert(part) for part in _flat(node)), **span)
            case nodes.Not(node=nodes.Test() as test) if self._text.startswith("is", node.lineno):
                return self._test(test, start, end, negated=True)
            case nodes.Not():
                return Not(self.convert(node.node), **span)
            case nodes.Test():
                return self._test(node, start, end)
            case nodes.Compare():
                return self._comparisons(node, start, end)
            case nodes.BinExpr() if type(node) in _OPERATORS:
                return self._arithmetic(node, start, end)
            case nodes.Neg():
                operand = self.convert(node.node)
                if isinstance(operand, Literal) and type(operand.value) in (int, float):
                    return Literal(-cast("int | float", operand.value), **span)
                return Negative(operand, **span)
            case nodes.Const():
                return Literal(self._constant(node.value, start, end), **span)
            case nodes.List():
                return ListOf(tuple(self.convert(item) for item in node.items), **span)
            case nodes.Call():
                return self._call(node, start, end)
            case nodes.Name() | nodes.Getattr():
                return Name(self._path(node, start, end), **span)
        message, hint = _REFUSED.get(type(node), ("this cannot stand in an expression", "write a comparison"))
        raise ExpressionError(message, start, end - start, hint)

    def _comparisons(self, node: nodes.Compare, start: int, end: int) -> Node:
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        found: list[Node] = []
        for left, right, operand in zip(sides, sides[1:], node.ops, strict=False):
            first, last = self._places.of(left)[0], self._places.of(right)[1]
            span = {"at": first, "length": last - first}
            one, other = self.convert(left), self.convert(right)
            if operand.op in _COMPARISONS:
                found.append(Compare(_COMPARISONS[operand.op], one, other, **span))
            else:
                found.append(In(one, other, operand.op == "notin", **span))
        if len(found) > 1:  # 1 < x < 5 means 1 < x and x < 5
            return And(tuple(found), at=start, length=end - start)
        return replace(found[0], at=start, length=end - start)

    def _test(self, node: nodes.Test, start: int, end: int, *, negated: bool = False) -> Node:
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs or node.name not in ("defined", "none"):
            raise ExpressionError(
                f"the test 'is {node.name}' is not known here",
                start,
                end - start,
                "there are 'is defined', 'is none', and the same with 'is not'",
            )
        test: OneOf["defined", "none"] = "defined" if node.name == "defined" else "none"
        return Is(self.convert(node.node), test, negated, at=start, length=end - start)

    def _arithmetic(self, node: nodes.BinExpr, start: int, end: int) -> Node:
        waiting: list[nodes.Node] = [node]
        operators = 0
        while waiting:
            part = waiting.pop()
            if isinstance(part, nodes.BinExpr) and type(part) in _OPERATORS:
                operators += 1
                waiting += (part.left, part.right)
            elif isinstance(part, nodes.Neg):
                waiting.append(part.node)
        if operators > MOST_OPERATORS:
            raise ExpressionError(
                f"a calculation may have {MOST_OPERATORS} operators, this one has {operators}",
                start,
                end - start,
                "let the shop send the result as a field",
            )
        left, right = self.convert(node.left), self.convert(node.right)
        return Arithmetic(_OPERATORS[type(node)], left, right, at=start, length=end - start)

    def _constant(self, value: object, start: int, end: int) -> str | int | float | bool | None:
        if isinstance(value, str):
            unkept = next((letter for letter in value if letter == "\0" or "\ud800" <= letter <= "\udfff"), None)
            if unkept is not None:
                raise ExpressionError(
                    f"the character U+{ord(unkept):04X} cannot stand in a text", start, end - start, "leave it out"
                )
            return value
        if isinstance(value, bool) or value is None:
            return value
        number = cast("int | float", value)
        if number and not SMALLEST <= abs(number) <= LARGEST:
            raise ExpressionError(
                "this number is too large or too small to count with",
                start,
                end - start,
                f"write one up to {LARGEST:_}, or a text in quotes for a number that is a name",
            )
        return number

    def _call(self, node: nodes.Call, start: int, end: int) -> Node:
        if not isinstance(node.node, nodes.Name):
            raise ExpressionError(
                "only the listed functions can be called", start, end - start, "see docs/conditions.md"
            )
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise ExpressionError("'*' cannot stand before an argument", start, end - start, "write the arguments out")
        return Call(
            node.node.name,
            tuple(self.convert(argument) for argument in node.args),
            tuple((keyword.key, self.convert(keyword.value)) for keyword in node.kwargs),
            at=start,
            length=end - start,
        )

    def _path(self, node: nodes.Expr, start: int, end: int) -> tuple[str, ...]:
        found: list[str] = []
        while isinstance(node, nodes.Getattr):
            found.append(node.attr)
            node = node.node
        if not isinstance(node, nodes.Name):
            raise ExpressionError(
                "a dot can only follow a name", start, end - start, "write a name such as 'customer.birthday'"
            )
        found.append(node.name)
        for part in found:
            if part.startswith("_"):
                raise ExpressionError(f"'{part}' begins with '_', and such names are not read", start, end - start)
        return tuple(reversed(found))


def _flat(node: nodes.And | nodes.Or) -> list[nodes.Expr]:
    """Return the operands of `a and b and c`, which Jinja nests, side by side."""
    found: list[nodes.Expr] = []
    part: nodes.Expr = node
    while isinstance(part, nodes.And | nodes.Or) and type(part) is type(node):
        found.append(part.right)
        part = part.left
    return [part, *reversed(found)]
