"""CSS into the elements: premailer, once for a template, or for each mail where a template allows nothing else.

It may be done once where every mail's document is made of the template's own elements, each below the same
parents as in the template: then a rule matches an element in the template exactly if it does so in the mail.
`obstacle` looks for what breaks that; such a template is inlined after rendering.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import cast

import cssutils
from lxml import etree
from premailer import Premailer

from worker.delivery.templates.errors import StylesheetError
from worker.delivery.templates.pieces import Tag
from worker.delivery.templates.protected import Protected, Spot, Token

MOST_CSS = 60_000  # characters of all stylesheets of a mail; Gmail reads 16 KB of one
_HAZARDS = ("bgcolor", "width", "height", "align", "valign")  # premailer makes these of styles
_SIZES = ("width", "height")
# What a style may say of a size and an attribute may not: Outlook would read no size at all.
_NO_SIZE = re.compile(r"(?:auto|inherit|initial|unset|revert|none|(?:fit|max|min)-content)\b|[a-z-]+\(", re.IGNORECASE)
_STRUCTURAL = re.compile(r":first-child|:last-child|[+~]")
_BRACED = re.compile(r"\{(?=[{%#])")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CURLY = re.compile(r"[{};]")
_TAG = re.compile(r"<[a-zA-Z]")
# cssutils and premailer's caches are global to the process and not made for threads.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a template has to be inlined for each mail.

    Parameters:
        line: the global line of what hinders; 0 where it is no single place.
        near: a word on that line, or shortly after it.
    """

    reason: str
    line: int = 0
    near: str = ""


def parsed(html: str) -> etree._Element:
    """Parse a document as mail programs do, forgivingly."""
    root = etree.fromstring(html.strip(), etree.HTMLParser()) if html.strip() else None
    if root is None:  # nothing in it but comments
        root = etree.fromstring(f"<html><body>{html}</body></html>", etree.HTMLParser())
    return cast(etree._Element, root)


def written(root: etree._Element) -> str:
    """Write a document, with its doctype."""
    return etree.tostring(root.getroottree(), method="html", encoding="unicode")


def inline(root: etree._Element) -> None:
    """Put the rules of the document's `<style>` elements into its elements; the `<style>` elements stay.

    An element's own `width` and `height` stay as they are: `img { height: auto }` lets a picture shrink on a phone, and
    the number beside it is for Outlook, which reads no other.

    Raises:
        StylesheetError: it cannot be done.
    """
    own = [(element, name, element.get(name)) for element in root.iter("*") for name in _SIZES]
    with _ONE_AT_A_TIME:
        cssutils.log.setLevel(logging.CRITICAL)
        try:
            Premailer(
                root,
                keep_style_tags=True,
                strip_important=False,
                allow_network=False,
                disable_validation=True,
            ).transform()
        except Exception as error:  # what premailer and cssutils raise on odd CSS is of many kinds
            raise StylesheetError(f"the stylesheet cannot be inlined ({type(error).__name__}: {error})") from error
    for element, name, before in own:
        if before is not None:
            element.set(name, before)
        elif _NO_SIZE.match(element.get(name, "")):
            del element.attrib[name]


def inline_once(protected: Protected, root: etree._Element) -> Hindrance | None:
    """Inline a protected template's document, and check that nothing of it was lost.

    Parameters:
        root: the document, parsed; afterwards it is the inlined one.

    Returns:
        None, or why it has to be inlined for each mail instead.

    Raises:
        StylesheetError: there is more of it than any mail program reads, or it cannot be done.
    """
    if (size := sum(map(len, protected.styles))) > MOST_CSS:
        raise StylesheetError(f"the stylesheets have {size:,} characters; a mail's may have {MOST_CSS:,}")
    if hindrance := obstacle(protected, root):
        inline(root)
        return hindrance
    styled: dict[etree._Element, dict[str, str]] = {
        element: _attributes(element)
        for element in root.iter("*")
        if protected.pattern.search(element.get("style", ""))
    }
    before = _hazards(protected, root)
    inline(root)
    for element, attributes in styled.items():
        if _attributes(element) != attributes:
            reason = "a rule of the stylesheet matches an element whose style attribute holds a tag of the template"
            return _at(protected, _mark(protected, attributes["style"]), reason)
    after = _hazards(protected, root)
    if gained := next(iter(after - before), None):
        return _at(protected, gained, "a rule of the stylesheet gives a colour, size or alignment by an expression")
    if lost := next(iter(before - after), None):
        name = protected.tokens[lost].attribute
        return _at(protected, lost, f"a rule of the stylesheet replaces '{name}', which an expression builds")
    return _lost(protected, written(root))


def restored(html: str, protected: Protected, code: Mapping[str, str]) -> str:
    """Put Jinja back in place of the placeholders.

    Parameters:
        code: what stands for each placeholder.
    """
    safe = _BRACED.sub("{{ 1 '{' }}", html)  # braces that were written as entities are text, not tags
    return protected.pattern.sub(lambda found: code[found[1] or found[2]], safe)


def obstacle(protected: Protected, root: etree._Element) -> Hindrance | None:
    """Say why a template cannot be inlined before it is rendered, or None."""
    tokens = protected.tokens.values()
    statements = [token for token in tokens if token.statement]
    for token in tokens:
        if token.attribute in ("class", "id"):
            article = "an" if token.attribute == "id" else "a"
            return _of(token, f"{article} {token.attribute} is built by an expression")
    for token in statements:
        if token.spot is Spot.STYLE:
            return _of(token, "a stylesheet is built by statements")
        if token.attribute == "style":
            return _of(token, "a style attribute is built by statements")
    selectors = list(selectors_of(protected.styles))
    if any(_STRUCTURAL.search(selector) for selector in selectors) and any(
        token.spot is Spot.TEXT for token in statements
    ):
        line = next((element.line for element in protected.elements if element.name == "style"), 0)
        return Hindrance("the stylesheet asks for an element's neighbours (:first-child, :last-child, + or ~)", line)
    for token in tokens:
        if token.attribute and any(f"[{token.attribute}" in selector.lower() for selector in selectors):
            reason = f"the stylesheet asks for the attribute '{token.attribute}', which an expression builds"
            return _of(token, reason)
    return _moved(protected, root, [token for token in statements if token.spot is Spot.TEXT])


def selectors_of(styles: Iterable[str]) -> Iterator[str]:
    """Give the selectors that premailer would inline: not those within `@media` and its like."""
    for style in styles:
        text = _COMMENT.sub("", style)
        depth = start = 0
        for found in _CURLY.finditer(text):
            if found[0] == "{":
                before = text[start : found.start()].strip()
                if depth == 0 and not before.startswith("@"):
                    yield from (selector.strip() for selector in before.split(","))
                depth += 1
            elif found[0] == "}":
                depth = max(0, depth - 1)
            if depth == 0:
                start = found.end()


def _moved(protected: Protected, root: etree._Element, statements: list[Token]) -> Hindrance | None:
    """Say so where the parts of one `if` or `for` are not siblings: then the elements between do not balance."""
    parents: dict[str, etree._Element | None] = {}
    for node in root.getroottree().iter(etree.Comment):
        if found := protected.pattern.fullmatch(f"<!--{node.text}-->"):
            parents[found[1]] = node.getparent()
    open_blocks: list[Token] = []
    for token in statements:
        tag = token.statement
        if tag is None or (tag.word == "set" and "=" in tag.code):
            continue
        closing = tag.word.startswith("end") or tag.word in ("elif", "else")
        opening = open_blocks[-1] if closing else token
        if token.mark not in parents or parents[token.mark] is not parents.get(opening.mark):
            code = opening.statement.code if opening.statement else ""
            return _of(opening, f"elements begin inside '{code}' and end outside it")
        if tag.word.startswith("end"):
            open_blocks.pop()
        elif not closing:
            open_blocks.append(token)
    return _captured(protected)


def _captured(protected: Protected) -> Hindrance | None:
    """Say so where `set` or `filter` takes elements away, to be shown at another place or in another form."""
    depth = 0
    last = 0
    opening: Token | None = None
    for found in protected.pattern.finditer(protected.html):
        token = protected.tokens[found[1] or found[2]]
        tag = token.statement
        if depth and opening and _TAG.search(protected.html, last, found.start()):
            return _of(opening, "'set' or 'filter' stands around elements")
        last = found.end()
        if tag and (tag.word == "filter" or (tag.word == "set" and "=" not in tag.code)):
            opening = token if depth == 0 else opening
            depth += 1
        elif tag and tag.word in ("endfilter", "endset"):
            depth -= 1
    return None


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def _hazards(protected: Protected, root: etree._Element) -> Counter[str]:
    """Count the placeholders in the attributes that premailer writes."""
    return Counter(
        found[1] or found[2]
        for element in root.iter("*")
        for name in _HAZARDS
        for found in protected.pattern.finditer(element.get(name, ""))
    )


def _of(token: Token, reason: str) -> Hindrance:
    first = token.pieces[0]
    return Hindrance(reason, token.line, first.code if isinstance(first, Tag) else "")


def _at(protected: Protected, mark: str, reason: str) -> Hindrance:
    return _of(protected.tokens[mark], reason) if mark in protected.tokens else Hindrance(reason)


def _mark(protected: Protected, text: str) -> str:
    found = protected.pattern.search(text)
    return (found[1] or found[2]) if found else ""


def _lost(protected: Protected, html: str) -> Hindrance | None:
    """Say so where a placeholder was lost, doubled or moved on the way."""
    found = [match[1] or match[2] for match in protected.pattern.finditer(html)]
    statements = [mark for mark in found if protected.tokens[mark].statement]
    expected = [mark for mark, token in protected.tokens.items() if token.statement]
    if statements != expected:
        first = next((mark for mark, there in zip_longest(expected, statements) if mark and mark != there), "")
        return _at(protected, first, "a statement did not survive the HTML parser in its place")
    for mark, token in protected.tokens.items():
        count = found.count(mark)
        if count != 1 and not (token.spot is Spot.STYLE and count > 1):
            return _of(token, "an expression did not survive the HTML parser")
    return None
