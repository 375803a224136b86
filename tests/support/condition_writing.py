"""Trees of conditions written out as text, so that tests can make a tree and read it through the parser."""

from __future__ import annotations

from worker.domain.conditions.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    In,
    Is,
    ListOf,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Or,
)


def written(node: Node) -> str:
    """Return a text that is parsed to this tree; every operand that is no single word stands in brackets."""
    match node:
        case Literal(value=value):
            return _literal(value)
        case Name(path=path):
            return ".".join(path)
        case ListOf(items=items):
            return "[" + ", ".join(written(item) for item in items) + "]"
        case Call(function=function, arguments=arguments, named=named):
            given = [written(argument) for argument in arguments]
            given += [f"{name}={written(value)}" for name, value in named]
            return f"{function}({', '.join(given)})"
        case Arithmetic(operator=operator, left=left, right=right) | Compare(operator=operator, left=left, right=right):
            return f"{_part(left)} {operator} {_part(right)}"
        case Negative(operand=operand):
            return f"-{_part(operand)}"
        case In(item=item, container=container, negated=negated):
            return f"{_part(item)} {'not in' if negated else 'in'} {_part(container)}"
        case Is(operand=operand, test=test, negated=negated):
            return f"{_part(operand)} is {'not ' if negated else ''}{test}"
        case Not(operand=operand):
            return f"not {_part(operand)}"
        case And(operands=operands):
            return " and ".join(_part(operand) for operand in operands)
        case Or(operands=operands):
            return " or ".join(_part(operand) for operand in operands)
    raise AssertionError(f"no rule for {type(node).__name__}")


def _part(node: Node) -> str:
    single = isinstance(node, Literal | Name | Call | ListOf)
    return written(node) if single else f"({written(node)})"


def _literal(value: str | int | float | bool | None) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, str):
        shown = (f"\\u{ord(letter):04x}" if letter < " " or letter == "\x7f" else letter for letter in value)
        return '"' + "".join({"\\": "\\\\", '"': '\\"'}.get(letter, letter) for letter in shown) + '"'
    if isinstance(value, int):
        return str(value)
    return format(value, ".17g") if "." in format(value, ".17g") or "e" in format(value, ".17g") else f"{value!r}"
