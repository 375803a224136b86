"""What one mail's rendering may cost, and the places in a template where that is counted.

Jinja's sandbox keeps a template from reaching into Python; it does not keep it from `'a' * 10**9` or loops in
loops. A template is the shop's own, so this is against mistakes more than against malice; still no mail may take
a sender's memory or time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast
from zoneinfo import ZoneInfo

from jinja2 import Template, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from worker.delivery.templates.errors import RenderLimitError
from worker.delivery.templates.links import Links

OUTPUT = 2_000_000  # characters of one rendered part
STEPS = 20_000  # turns of all loops of one part
TEXT = 200_000  # characters of one value
BITS = 256  # of a whole number
RANGE = 1_000
SECONDS = 1.0  # of processor time, for one part; a large mail takes a thousandth of it
LOOK_EVERY = 16  # turns between two looks at the processor's clock: a mail of some lines never looks
_LONG = (str, list, tuple)
RUN = "_run"  # the name under which a rendering finds its Run


@dataclass(slots=True)
class Run:
    """One rendering of one mail: its links, its zone, its own pages, and what is left of its loops' turns and time.

    The time is the processor's for this thread, which no busy machine and no pause adds to.
    """

    links: Links
    zone: ZoneInfo
    own: Collection[str | None] = ()
    steps: int = STEPS
    until: float | None = None  # of `time.thread_time`
    made: dict[tuple[int, str], str] = field(default_factory=dict)

    def tracked(self, number: int, url: str) -> str:
        """Return the tracked address, made once for the HTML and the text; that of an own page is never."""
        if url in self.own:
            return url
        key = (number, url)
        if (address := self.made.get(key)) is None:
            address = self.made[key] = self.links.tracked(number, url)
        return address


def run_of(context: Context) -> Run:
    """Return the rendering that a context belongs to."""
    found: Run = context.parent[RUN]  # what it was given; no template can set another
    return found


def produce(template: Template, context: Context) -> str:
    """Render, no further than `OUTPUT` characters.

    Raises:
        RenderLimitError: there would be more.
    """
    pieces: list[str] = []
    total = 0
    stream = template.root_render_func(context)
    while True:
        some = list(islice(stream, 1_000))
        total += sum(map(len, some))
        if total > OUTPUT:
            raise RenderLimitError(f"it comes to more than {OUTPUT:,} characters")
        pieces += some
        if len(some) < 1_000:
            return "".join(pieces)


def counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """Go through a loop's items and count its turns."""
    run = run_of(context)
    for item in items:
        run.steps -= 1
        if run.steps < 0:
            raise RenderLimitError(f"its loops make more than {STEPS:,} turns")
        if run.steps % LOOK_EVERY == 0:
            _look_at_the_clock(run)
        yield item


def _look_at_the_clock(run: Run) -> None:
    now = time.thread_time()
    if run.until is None:
        run.until = now + SECONDS
    elif now > run.until:
        raise RenderLimitError(f"its loops take more than {SECONDS:g} second of work")


def bounded(items: Iterator[Any]) -> Iterator[Any]:
    """Go through what is about to be gathered, as far as one value may be long."""
    room = TEXT
    for item in items:
        room -= len(item) if isinstance(item, _LONG) else 1
        if room < 0:
            raise RenderLimitError(f"what is gathered has more than {TEXT:,} characters")
        yield item


def capped(text: Any) -> Any:
    """Return a text that something was put together to, unless it is too long."""
    if isinstance(text, (str, list, tuple)) and len(text) > TEXT:
        raise RenderLimitError(f"a value has more than {TEXT:,} characters")
    return text


def limited_range(*bounds: int) -> range:
    """`range`, at most 1,000 long."""
    numbers = range(*bounds)
    if len(numbers) > RANGE:
        raise RenderLimitError(f"a range has more than {RANGE:,} numbers")
    return numbers


def operate(operator: str, left: Any, right: Any, result: Any) -> Any:
    """Do arithmetic on numbers, and join what is not too long.

    Parameters:
        result: the function that computes.

    Raises:
        RenderLimitError: the result would be too large, or text is multiplied.
    """
    if operator == "+":
        return capped(result(left, right))
    if isinstance(left, str | bytes | list | tuple) or isinstance(right, str | bytes | list | tuple):
        raise RenderLimitError(f"'{operator}' is for numbers")
    if operator == "**" and (abs(right) > 64 or abs(left) > 10_000):
        raise RenderLimitError("a power is too large")
    value = result(left, right)
    if isinstance(value, int) and value.bit_length() > BITS:
        raise RenderLimitError("a number is too large")
    return value


class Guard(NodeTransformer):
    """Puts the counting into a parsed template."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Count the turns."""
        if node.recursive:
            raise RenderLimitError("'recursive' loops are not for mails")
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_counted")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """Bound what `~` joins."""
        self.generic_visit(node)
        return _filtered(node, "_capped")

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:
        """Bound what `{% set x %}…` captures."""
        self.generic_visit(node)
        node.filter = _filtered(node.filter, "_capped", node.lineno)
        return node

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:
        """Bound what `{% filter x %}…` captures."""
        self.generic_visit(node)
        node.filter = _filtered(node.filter, "_capped")
        return node


def _filtered(node: nodes.Node | None, name: str, line: int = 0) -> nodes.Filter:
    expression = cast(nodes.Expr | None, node)  # Jinja types a loop's items as any node
    return nodes.Filter(expression, name, [], [], None, None, lineno=node.lineno if node else line)


class LineMarks(Extension):
    """Reads the number with which each tag of a compiled source begins as that tag's line.

    A compiled source has the lines of no file: it is put together of several, and its HTML was written anew.
    """

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Take the numbers out of the stream."""
        line = 1
        tokens = iter(stream)
        for token in tokens:
            if token.type in ("variable_begin", "block_begin"):
                line = int(next(tokens).value)
            yield Token(line, token.type, token.value)
