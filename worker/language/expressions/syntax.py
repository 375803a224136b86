"""Jinja's own parser for expressions, with exact places: each node's `lineno` is an offset in characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TOKEN_EOF, Token, TokenStream
from jinja2.parser import Parser

from worker.domain.conditions.faults import ExpressionError

LONGEST = 4_000  # characters of one expression
DEEPEST = 26  # levels: brackets and the whole count two, `not` and `-` one; far from the end of Python's stack

# What people write from habit, and what it is called here.
_HABITS = {
    "&": "write 'and'",
    "|": "write 'or'",
    "!": "write 'not', or '!=' for 'is not equal'",
    "=": "write '==' for 'is equal'",
    "≥": "write '>='",
    "≤": "write '<='",
    "≠": "write '!='",
    "×": "write '*'",
    "“": 'write straight quotes: "…"',
    "”": 'write straight quotes: "…"',
    "‘": "write straight quotes: '…'",
    "’": "write straight quotes: '…'",
}
# The first backslash of a text, after those that mean something, that does not.
_NO_ESCAPE = re.compile(
    r"""(?:[^\\]|\\[\\'"bfnrt]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})*+(\\.)""",
    re.DOTALL,
)
_GROUPED = re.compile(r"(?<![\w.])([1-9]\d{0,2})((?:\.\d{3})+)(?![\w.])")  # 300.000, meant as three hundred thousand

_SPAN = re.compile(r"\b(within)\s*=\s*(\d+)\s*\Z")  # within=90 days, which needs quotes


def parse(text: str) -> tuple[nodes.Expr, Places]:
    """Parse one expression; returns Jinja's tree and the places of its nodes.

    Raises:
        ExpressionError: the text is no expression; its place and what to write instead are told.
    """
    if len(text) > LONGEST:
        raise ExpressionError(
            f"an expression may have {LONGEST:,} characters, this one has {len(text):,}",
            LONGEST,
            len(text) - LONGEST,
            "give a part of it a name as a segment",
        )
    if not text.strip():
        raise ExpressionError("there is no expression", 0, len(text), "write one like 'order.total >= 300_000'")
    _refuse_braces(text)
    parser = _Parser(text, _tokens(text))
    try:
        found = parser.parse_expression()
    except TemplateSyntaxError as error:
        raise _unexpected(text, parser, error.lineno) from error
    if parser.stream.current.type != TOKEN_EOF:
        raise _unexpected(text, parser, parser.stream.current.lineno)
    return found, parser.places


def end_of_value(text: str, start: int) -> tuple[int, int]:
    """Find the `}}` of a value whose expression begins at `start`; returns its offset and its length.

    Raises:
        ExpressionError: there is none.
    """
    at = start
    try:
        for _, kind, value in Environment().lexer.tokeniter(_one_line(text[start:]), None, state="variable"):
            if kind == "variable_end":
                return at, len(value.rstrip())
            at += len(value)
    except TemplateSyntaxError:
        pass  # the expression is told of when it is parsed
    found = text.find("}}", start)
    if found < 0:
        raise ExpressionError("'{{' is not closed", start - 2, 2, "close it with '}}'")
    return found, 2


class Places:
    """Where the nodes of Jinja's tree stand, as (offset of the first character, of the one after the last)."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[nodes.Node, int, int]] = {}  # the node is kept, so that its id stays its own

    def remember(self, node: nodes.Node, start: int, end: int) -> None:
        """Keep where a node stands, its brackets included."""
        self._known[id(node)] = (node, start, end)

    def of(self, node: nodes.Node) -> tuple[int, int]:
        """Return where a node stands; one that was not remembered reaches from its first part to its last."""
        first = last = node
        while id(last) not in self._known:
            last = _parts(last)[-1]
        while id(first) not in self._known and not isinstance(first, nodes.UnaryExpr):
            first = _parts(first)[0]
        start = self._known[id(first)][1] if id(first) in self._known else first.lineno
        return start, self._known[id(last)][2]


def _parts(node: nodes.Node) -> list[nodes.Node]:
    if isinstance(node, nodes.Compare):
        return [node.expr, *(operand.expr for operand in node.ops)]
    if isinstance(node, nodes.BinExpr):
        return [node.left, node.right]
    return list(node.iter_child_nodes())


class _Parser(Parser):
    """Jinja's parser over tokens whose line number is their offset; notes where operands begin and end."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        super().__init__(Environment(), "")
        self.places = Places()
        self.ends: dict[int, int] = {}  # offset of a token → of the end of its text
        self._before: dict[int, int] = {}  # offset of a token → end of the one before it
        end = 0
        for token, following in pairwise(tokens):
            self._before[token.lineno] = end
            end = token.lineno + len(text[token.lineno : following.lineno].rstrip())
            self.ends[token.lineno] = end
        self._before[tokens[-1].lineno] = end
        self._depth = 0
        self.stream = TokenStream(iter(tokens), None, None)

    def parse_condexpr(self) -> nodes.Expr:
        found = self.parse_or()
        if self.stream.current.test("name:if"):
            raise self._refused("a choice cannot stand in an expression", "write two steps under 'if:' or 'choose:'")
        return found

    def parse_not(self) -> nodes.Expr:
        self._deeper()
        found = super().parse_not()
        self._depth -= 1
        return found

    def parse_unary(self, with_filter: bool = True) -> nodes.Expr:
        self._deeper()
        start = self.stream.current.lineno
        found = super().parse_unary(with_filter)
        self.places.remember(found, start, self._before[self.stream.current.lineno])
        self._depth -= 1
        return found

    def parse_primary(self, with_namespace: bool = False) -> nodes.Expr:
        if self.stream.current.type == "string" and self.stream.look().type == "string":
            next(self.stream)
            raise self._refused("two texts stand side by side", "put a comma or an operator between them")
        start = self.stream.current.lineno
        found = super().parse_primary(with_namespace)
        self.places.remember(found, start, self._before[self.stream.current.lineno])
        return found

    def parse_postfix(self, node: nodes.Expr) -> nodes.Expr:
        start = self.places.of(node)[0]
        found = super().parse_postfix(node)
        self.places.remember(found, start, self._before[self.stream.current.lineno])
        return found

    def parse_filter(self, node: nodes.Expr | None, start_inline: bool = False) -> nodes.Expr | None:  # noqa: ARG002
        if self.stream.look().type == "pipe":
            raise self._refused("'||' is not known here", _HABITS["|"])
        raise self._refused("filters ('|') are for templates", "write a comparison or one of the functions")

    def parse_dict(self) -> nodes.Dict:
        raise self._refused("'{' cannot stand in an expression", "write a list in square brackets, or a text in quotes")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refused("this is nested too deeply", "give a part of it a name as a segment")

    def _refused(self, message: str, hint: str) -> ExpressionError:
        at = self.stream.current.lineno
        return ExpressionError(message, at, self.ends.get(at, at + 1) - at, hint)


def _tokens(text: str) -> list[Token]:
    """Return the text's tokens with their offsets for line numbers, and one for its end."""
    lexer = Environment(keep_trailing_newline=True).lexer
    source = _one_line(text)
    at = 0

    def raw() -> Iterator[tuple[int, str, str]]:
        nonlocal at
        for _, kind, value in lexer.tokeniter(source, None, state="variable"):
            if kind == "variable_end":
                raise ExpressionError(f"'{value.strip()}' cannot stand here", at, 2, "take the braces away")
            start, at = at, at + len(value)
            _refuse_odd(source, start, kind, value)
            yield start, kind, value

    try:
        found = list(lexer.wrap(raw()))
    except TemplateSyntaxError as error:
        raise _unreadable(text, at, error) from error
    return [*found, Token(len(text), TOKEN_EOF, "")]


def _one_line(text: str) -> str:
    """Return the text without carriage returns: the lexer would change its length where it makes one end of line."""
    return text.replace("\r", " ")


def _refuse_braces(text: str) -> None:
    inner = text.strip()
    if inner.startswith("{{"):
        bare = inner.removeprefix("{{").removesuffix("}}").strip()
        raise ExpressionError(
            "an expression stands without '{{ }}' here", text.index("{{"), len(inner), f"write: {bare}"
        )


def _refuse_odd(source: str, start: int, kind: str, value: str) -> None:
    """Refuse tokens that Jinja's lexer lets pass and that mean nothing, or two things."""
    if kind in ("integer", "float") and not value.isascii():
        raise ExpressionError(f"'{value}' is no number", start, len(value), "write it with the digits 0 to 9")
    if kind == "name" and not value.isidentifier():
        raise ExpressionError(f"'{value}' is no name", start, len(value), "write letters, digits and '_'")
    if kind == "float":
        _refuse_grouping(source, start)
    if kind == "string":
        odd = _NO_ESCAPE.match(value, 1)
        if odd is not None:
            at = start + odd.start(1)
            raise ExpressionError(f"'{odd[1]}' means nothing in a text", at, 2, f"write '\\{odd[1]}' for a backslash")


def _refuse_grouping(source: str, start: int) -> None:
    grouped = _GROUPED.match(source, start)
    if grouped is not None:
        whole = grouped.group().replace(".", "_")
        raise ExpressionError(
            f"'{grouped.group()}' could mean two numbers",
            start,
            len(grouped.group()),
            f"write {whole}"
            + (f", or {float(grouped.group()):g} for the smaller one" if whole.count("_") == 1 else ""),
        )


def _unreadable(text: str, at: int, error: TemplateSyntaxError) -> ExpressionError:
    letter = text[at] if at < len(text) else ""
    if letter in ("'", '"'):
        return ExpressionError("the text that begins here has no end", at, len(text) - at, f"close it with {letter}")
    if letter in (")", "]", "}"):
        return ExpressionError(f"'{letter}' closes what is not open", at, 1, "take it away, or open it before")
    if not letter:
        return ExpressionError(f"this cannot be read: {error.message}", max(0, len(text) - 1))
    length = 2 if text[at : at + 2] in ("&&",) else 1
    return ExpressionError(f"'{text[at : at + length]}' is not known here", at, length, _HABITS.get(letter))


def _unexpected(text: str, parser: _Parser, at: int) -> ExpressionError:
    if at >= len(text):
        last = len(text.rstrip())
        return ExpressionError(
            "the expression ends too early", max(0, last - 1), 1, "complete it, and close every bracket"
        )
    word = text[at : parser.ends.get(at, at + 1)]
    hint = _HABITS.get(word)
    span = _SPAN.search(text[:at])
    if span is not None and word.isalpha():
        hint = f'write {span[1]}="{span[2]} {word}"'
    elif word == "," and text[:at].rstrip()[-1:].isdigit() and text[at + 1 :].lstrip()[:3].isdigit():
        hint = "write long numbers with '_': 300_000"
    elif word == "{":
        hint = "write a list in square brackets"
    return ExpressionError(f"'{word}' cannot stand here", at, len(word), hint)
