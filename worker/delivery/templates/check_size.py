"""How large a mail's HTML becomes, before anybody's values are known: Gmail cuts off what is larger than 102 KB."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from worker.delivery.templates.sources import Sources
from worker.domain.errors import Problem, Severity

CLIPPED = 102 * 1024
"""Bytes of HTML from which Gmail shows "[Message clipped]" in place of the rest, the footer with its link among it."""
NEAR = CLIPPED * 9 // 10
SHOWN = 20  # bytes that one `{{ … }}` is taken to show
LINK = 220  # bytes that a tracked address is longer than the one that it stands for


def size_of(body: nodes.Node, links: int) -> int:
    """Return the bytes of a mail's HTML: of each fork its longest way, each loop once, links as long as tracked ones.

    Parameters:
        body: the compiled HTML.
        links: how many addresses are tracked.
    """
    return _bytes(body) + links * LINK


def size_problems(body: nodes.Node, links: int, name: str, sources: Sources) -> Iterator[Problem]:
    """Warn of a mail that Gmail cuts off, or that a few more lines would bring there."""
    size = size_of(body, links)
    if size <= NEAR:
        return
    loops = ", and more with each turn of its loops" if any(True for _ in body.find_all(nodes.For)) else ""
    told = f"the mail's HTML has about {size / 1024:,.0f} KB{loops}"
    if size > CLIPPED:
        message = f"{told}; Gmail cuts it off after 102 KB, and with it the link to unsubscribe"
    else:
        message = f"{told}; from 102 KB on Gmail cuts it off"
    hint = "take out rules that nothing uses, shorten the text, or make two mails of it"
    yield sources.problem(sources.read(name).start + 1, message, Severity.WARNING, hint=hint)


def _bytes(node: nodes.Node) -> int:
    match node:
        case nodes.TemplateData(data=data):
            return len(data.encode())
        case nodes.Output(nodes=parts):
            return sum(_bytes(part) if isinstance(part, nodes.TemplateData) else SHOWN for part in parts)
        case nodes.If(body=body, elif_=others, else_=otherwise):
            return max(_all(body), *(_all(one.body) for one in others), _all(otherwise), 0)
        case nodes.For(body=body, else_=otherwise):
            return max(_all(body), _all(otherwise))
        case nodes.Macro():
            return 0  # counted where it is shown, as little as any value
        case nodes.Template(body=body) | nodes.With(body=body) | nodes.FilterBlock(body=body) | nodes.Scope(body=body):
            return _all(body)
        case _:
            return 0


def _all(found: list[nodes.Node]) -> int:
    return sum(_bytes(node) for node in found)
