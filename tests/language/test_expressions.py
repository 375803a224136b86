"""Expressions: read with exact places, and refused with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.condition_trees import conditions
from tests.support.condition_writing import written
from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Expression,
    In,
    Is,
    ListOf,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Or,
    walk,
)
from worker.language.expressions.expressions import MOST_OPERATORS, parse_expression, parse_text
from worker.language.expressions.syntax import LONGEST

TOTAL, X = Name(("order", "total")), Name(("x",))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("order.total", TOTAL),
        ("300_000", Literal(300_000)),
        ("-1.5", Literal(-1.5)),
        ("'Hà Nội'", Literal("Hà Nội")),
        (r'"a\"\u1ea1"', Literal('a"ạ')),
        ("true", Literal(True)),
        ("none", Literal(None)),
        ("order.total >= 300_000", Compare(">=", TOTAL, Literal(300_000))),
        ("1 < x < 5", And((Compare("<", Literal(1), X), Compare("<", X, Literal(5))))),
        ('"a" in x', In(Literal("a"), X)),
        ('x not in ["a", 2]', In(X, ListOf((Literal("a"), Literal(2))), negated=True)),
        ("not x in y", Not(In(X, Name(("y",))))),
        ("x is defined", Is(X, "defined")),
        ("x is not none", Is(X, "none", negated=True)),
        ("not x is none", Not(Is(X, "none"))),
        ("x and 1 and y or x", Or((And((X, Literal(1), Name(("y",)))), X))),
        ("1 + x * 2", Arithmetic("+", Literal(1), Arithmetic("*", X, Literal(2)))),
        ("(1 + x) // -x", Arithmetic("//", Arithmetic("+", Literal(1), X), Negative(X))),
        ('did("a", within="1 day")', Call("did", (Literal("a"),), (("within", Literal("1 day")),))),
        ("ordered()", Call("ordered")),
    ],
)
def test_an_expression_becomes_a_tree(text: str, tree: Node) -> None:
    """Given an expression of the language, then its tree is what it means."""
    assert parse_expression(text).tree == tree


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            'order.total >= 300_000 and "arabica" in order.categories',
            [
                *("order.total >= 300_000", "order.total", "300_000"),
                *('"arabica" in order.categories', '"arabica"', "order.categories"),
            ],
        ),
        ("not (x is defined)", ["(x is defined)", "x"]),
        ("(x + 2) * - 3 > y", ["(x + 2) * - 3", "(x + 2)", "x", "2", "- 3", "y"]),
        ("1 <  x < 5", ["1 <  x", "1", "x", "x < 5", "x", "5"]),
        ("x\r\n not in [ 'a' ]", ["x", "[ 'a' ]", "'a'"]),
        ('did( "a" , within = "1 day" )', ['"a"', '"1 day"']),
        ("x is not none", ["x"]),
    ],
)
def test_each_part_knows_its_place(text: str, parts: list[str]) -> None:
    """Given an expression, then each node beneath the whole tells which characters it was made of."""
    found = parse_expression(text)
    assert found.written(found.tree) == text
    assert [found.written(node) for node in walk(found.tree)][1:] == parts


@pytest.mark.parametrize(
    ("text", "wrong", "says"),
    [
        ("", "", "there is no expression"),
        ("order.total = 3", "=", "write '=='"),
        ("x && y", "&&", "write 'and'"),
        ("x || y", "|", "write 'or'"),
        ("!x", "!", "write 'not'"),
        ("x ≥ 3", "≥", "write '>='"),
        ("“a” == x", "“", "straight quotes"),
        ("x | upper", "|", "filters"),
        ('x == "abc', '"abc', 'close it with "'),
        ("x == 1)", ")", "closes what is not open"),
        ("(x == 1", "1", "ends too early"),
        ("x ==", "=", "ends too early"),
        ("x y", "y", "'y' cannot stand here"),
        ("x[0]", "x[0]", "with a dot"),
        ("x ** 2", "x ** 2", "multiply"),
        ("x ~ y", "x ~ y", "{{ a }} {{ b }}"),
        ("1 if x else 2", "if", "'if:'"),
        ("x in (1, 2)", "(1, 2)", "square brackets"),
        ("{'a': 1}", "{", "square brackets"),
        ("+x", "+x", "leave it out"),
        ("x is even", "x is even", "'is defined', 'is none'"),
        ("x is defined(1)", "x is defined(1)", "'is defined', 'is none'"),
        ("x._class", "x._class", "begins with '_'"),
        ("customer.name.upper()", "customer.name.upper()", "only the listed functions"),
        ("f(*x)", "f(*x)", "write the arguments out"),
        ('["a" "b"]', '"b"', "put a comma"),
        ("{{ order.total > 3 }}", "{{ order.total > 3 }}", "write: order.total > 3"),
        ("x > 300.000", "300.000", "write 300_000, or 300 for the smaller one"),
        ("x > 1.250", "1.250", "write 1_250, or 1.25 for the smaller one"),
        ('bought("a", within=90 days)', "days", 'write within="90 days"'),
        ("x > 1.500.000", "1.500.000", "write 1_500_000"),
        ("x > 300,000", ",", "300_000"),
        ("x > 1e400", "1e400", "too large or too small"),
        ("x == 12345678901234567", "12345678901234567", "a text in quotes"),
        ('x == "\\u0000"', '"\\u0000"', "U+0000"),
        ('x == "\\ud800"', '"\\ud800"', "U+D800"),
        ("x == '50\\%'", "\\%", "for a backslash"),
        ("x == '\\N{BELL}'", "\\N", "means nothing"),
        ("x == '\\\\ \\u12'", "\\u", "means nothing"),
        ("x == 1.٣", "1.٣", "the digits 0 to 9"),
        ("x == ٣", "٣", "is no name"),
        ("x² == 1", "x²", "no name"),
        ("x }} y", "}}", "take the braces away"),
        ("x + " * MOST_OPERATORS + "x + x > 1", "x + " * MOST_OPERATORS + "x + x", "let the shop send"),
    ],
)
def test_what_is_not_in_the_language_is_told(text: str, wrong: str, says: str) -> None:
    """Given an expression that is not ours, then the error underlines the wrong part and says what to write."""
    with pytest.raises(ExpressionError) as told:
        parse_expression(text)
    error = told.value
    assert text[error.offset : error.offset + error.length] == wrong
    assert says in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000 + "x" + ")" * 1_000,
        "[" * 1_000 + "]" * 1_000,
        "f(" * 1_000 + ")" * 1_000,
        "not " * 900 + "x",
        "-" * 1_000 + "x",
        "x+" * 1_900 + "x",
        "x**" * 1_000 + "x",
        "x~" * 1_000 + "x",
        "x if " * 700 + "x",
        "x" + "|a" * 1_000,
        "x" + "()" * 1_000,
        "x" + "[1]" * 1_000,
        "x" * (LONGEST + 1),
    ],
    ids=lambda text: f"{text[:8]} ×{len(text)}",
)
def test_too_much_is_refused(text: str) -> None:
    """Given an expression that is too long or too deep, then it is refused, and nothing overflows."""
    with pytest.raises(ExpressionError):
        parse_expression(text)


def test_twelve_brackets_are_fine() -> None:
    """Given as many brackets as the docs allow, then the expression is read; with one more it is not."""
    assert parse_expression("(" * 12 + "x" + ")" * 12).tree == X
    with pytest.raises(ExpressionError, match="nested too deeply"):
        parse_expression("(" * 13 + "x" + ")" * 13)


def test_long_conditions_side_by_side_are_fine() -> None:
    """Given hundreds of alternatives, then they stand side by side in one `or`."""
    found = parse_expression(" or ".join(["x == 1"] * 400))
    assert isinstance(found.tree, Or)
    assert len(found.tree.operands) == 400


@given(conditions())
def test_a_tree_written_out_is_read_as_itself(tree: Node) -> None:
    """Given any tree, when it is written out and read, then it is the same tree, and its parts have the same text."""
    text = written(tree)
    found = parse_expression(text)
    assert [_shape(node) for node in walk(found.tree)] == [_shape(node) for node in walk(tree)]
    for node in walk(found.tree):
        part = parse_expression(found.written(node)).tree
        assert [_shape(one) for one in walk(part)] == [_shape(one) for one in walk(node)]


def _shape(node: Node) -> tuple[object, ...]:
    """What a node is beside its children and its place; 1, 1.0 and true are told apart."""
    value = (node.value, type(node.value)) if isinstance(node, Literal) else ()
    names = [getattr(node, name, None) for name in ("path", "function", "operator", "test", "negated")]
    return type(node), value, *names, [name for name, _ in getattr(node, "named", ())]


_PIECES = [
    "order.total", "customer", ".", "(", ")", "[", "]", "{", "}", "{{", "}}", "'", '"', " ", "\n", "\r\n", "not", "in",
    "is", "and", "or", "none", "defined", "if", "else", "<", "==", "=", "!", "|", "~", "**", "*", "//", "%", "-", "+",
    ",", ":", "1", "1.5", "1_000", "300.000", "0x1f", "1e999", "\\", "\\x", "\\N{", "Hà", "_a", "#", "{%", "%}", "\0",
    "f(", "did", "within=", "\ud800", "٣", "🎁",
]  # fmt: skip
texts = st.text(max_size=60) | st.lists(st.sampled_from(_PIECES), max_size=14).map("".join)


@given(texts)
def test_no_text_is_too_odd_to_be_told_what_is_wrong_with_it(text: str) -> None:
    """Given any text, then it is an expression, or the error's place lies within it and says something."""
    try:
        found = parse_expression(text)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
        assert error.length >= 1
        assert error.message
    else:
        for node in walk(found.tree):
            assert 0 <= node.at < node.at + node.length <= len(text)


@given(texts)
def test_no_text_with_values_is_too_odd(text: str) -> None:
    """Given any text of a flow, then its parts make it up again, or the error's place lies within it."""
    try:
        found = parse_text(text)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
    else:
        assert found.written == text
        for part in found.parts:
            if isinstance(part, Expression):
                assert text[part.offset : part.offset + len(part.text)] == part.text
            else:
                assert part in text


def test_a_text_is_split_into_its_parts() -> None:
    """Given a text with values, then words and expressions come in their order, each expression with its place."""
    text = parse_text("Call {{ customer.name }} about {{order.number}}.")
    assert text.parts == ("Call ", Expression("customer.name", X), " about ", Expression("order.number", X), ".")
    assert [part.offset for part in text.parts if isinstance(part, Expression)] == [8, 33]
    assert parse_text("").parts == ()
    assert parse_text('{{ "}}" }}').parts == (Expression('"}}"', X),)


@pytest.mark.parametrize(
    ("text", "wrong", "says"),
    [
        ("Call {{ customer.name", "{{", "close it with '}}'"),
        ("Call {% if x %}", "{%", "belongs into the template"),
        ("Call {# x #}", "{#", "belongs into the template"),
        ("Call {{ a = b }}", "=", "write '=='"),
        ("Call {{ }} now", "}", "there is no expression"),
        ("Call {{- x }}", "{{-", "with blanks"),
        ("Call {{ x -}} ", "{{ ", "with blanks"),
        ('Call {{ "a }} b', '"a', "close it"),
        ("Call {{ x|upper }}", "|", "filters"),
    ],
)
def test_what_cannot_stand_in_a_text_is_told(text: str, wrong: str, says: str) -> None:
    """Given a text with something that is not ours, then the error's place is one in the whole text."""
    with pytest.raises(ExpressionError) as told:
        parse_text(text)
    error = told.value
    assert text[error.offset : error.offset + error.length] == wrong
    assert says in str(error)
