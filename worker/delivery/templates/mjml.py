"""MJML into HTML, once, when a template is read: Jinja's tags are kept out of its way and put back behind it.

The work is mrml's (https://github.com/jdrouet/mrml, MIT). It says seldom where a fault is, passes over names that it
does not know, and drops what it cannot count with; so the document is read along first, and whatever would make another
mail of it than rendering first and compiling then is refused with its line: a size or a space by an expression (columns
are counted from them), a column that is only sometimes there, an element that is half inside a condition.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from mjml import mjml2html
from rapidfuzz import process

from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.pieces import Data, Piece, Tag, words
from worker.delivery.templates.sources import Sources

SUFFIX = ".mjml"
_BODY = words("mj-section mj-wrapper mj-hero mj-raw")
_CONTENT = words(
    "mj-text mj-image mj-button mj-divider mj-spacer mj-table mj-raw mj-social mj-navbar mj-accordion mj-carousel"
)
# What each element of the layout holds; all else holds what it likes.
_HOLDS = {
    "": words("mjml"),
    "mjml": words("mj-head mj-body"),
    "mj-body": _BODY,
    "mj-wrapper": _BODY - {"mj-wrapper"},
    "mj-section": words("mj-column mj-group mj-raw"),
    "mj-group": words("mj-column mj-raw"),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-head": words("mj-title mj-preview mj-style mj-font mj-attributes mj-breakpoint mj-raw mj-html-attributes"),
    "mj-social": words("mj-social-element"),
    "mj-navbar": words("mj-navbar-link"),
    "mj-carousel": words("mj-carousel-image"),
    "mj-accordion": words("mj-accordion-element"),
    "mj-accordion-element": words("mj-accordion-title mj-accordion-text"),
}
_KNOWN = frozenset().union(*_HOLDS.values()) | words("mj-all mj-class mj-selector mj-html-attribute")
_COUNTED = words("mj-column mj-group")  # their number decides how wide each is
# They make a box of whatever they hold, a comment too.
_BOXING = words("mj-social mj-navbar mj-accordion mj-accordion-element mj-carousel")
# Attributes that mrml hands on as they are; from all others it counts.
_HANDED_ON = words(
    "href src alt title name rel target color background-color background-url container-background-color "
    "inner-background-color font-family font-weight font-style text-decoration text-transform"
)
_VOID = words("area base br col embed hr img input link meta param source track wbr")
_PLAIN = words("mj-title mj-preview mj-style style title")  # hold text and no elements
_NAME = r"[a-zA-Z][\w:.-]*"
_UNMARKED = _PLAIN | _BOXING | words("mjml mj-head mj-attributes mj-html-attributes mj-selector") | {""}
_ATTRIBUTE = re.compile(r"""\s+([^\s=<>/"']+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>]+))?""")
_TOKEN = re.compile(
    rf"""(?P<comment><!--.*?-->)|</(?P<close>{_NAME})\s*>
    |<(?P<open>{_NAME})(?P<attributes>(?:\s+[^\s=<>/"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))?)*)\s*(?P<alone>/?)>""",
    re.DOTALL | re.VERBOSE,
)
_STYLE = re.compile(r"<style\b")
_DEEPEST = 100  # elements within elements: the libraries that read them are not made for thousands
_OPENS, _CLOSES = words("if for with filter"), words("endif endfor endset endwith endfilter")


@dataclass(slots=True)
class _Open:
    """An element that is open, and how many of the template's blocks are open in it."""

    name: str
    line: int
    blocks: int = 0


def html_of(pieces: Sequence[Piece], sources: Sources, language: str) -> list[Piece]:
    """Return the pieces of the HTML that MJML makes of the pieces.

    Raises:
        TemplateError: it is no MJML, or would count with what is known for each mail only.
    """
    return _Document(pieces, sources, language).html()


class _Document:
    """The work on one document: its text with a word for each tag, and the line of each place in it."""

    def __init__(self, pieces: Sequence[Piece], sources: Sources, language: str) -> None:
        self._sources = sources
        self._language = language
        text = "".join(piece.text for piece in pieces if isinstance(piece, Data))
        self._nonce = "jm"
        while self._nonce in text:
            self._nonce += "q"
        self._mark = re.compile(rf"{self._nonce}(\d+)z")
        self._tags: list[Tag] = []
        self._starts: list[int] = []
        self._pieces: list[Piece] = []
        out: list[str] = []
        at = 0
        for piece in pieces:
            written = piece.text if isinstance(piece, Data) else self._word(piece)
            self._starts.append(at)
            self._pieces.append(piece)
            out.append(written)
            at += len(written)
        self._text = "".join(out)
        self._out: list[str] = []
        self._open = [_Open("", pieces[0].line if pieces else 1)]

    def _word(self, tag: Tag) -> str:
        self._tags.append(tag)
        return f"{self._nonce}{len(self._tags) - 1}z"

    def html(self) -> list[Piece]:
        at = 0
        if (unclosed := self._text.rfind("<!--")) > self._text.rfind("-->"):
            raise self._sources.error(self._line(unclosed), "a comment is never closed by '-->'", near="<!--")
        for token in _TOKEN.finditer(self._text):
            self._between(at, token.start())
            at = token.end()
            if token["comment"]:
                self._out.append(token[0])
            elif token["close"]:
                self._close(token["close"], token.start())
                self._out.append(token[0])
            else:
                self._element(token)
        self._between(at, len(self._text))
        if len(self._open) > 1:
            last = self._open[-1]
            raise self._sources.error(last.line, f"'<{last.name}>' is never closed", near=f"<{last.name}")
        if "<mjml" not in self._text:
            raise self._sources.error(self._line(len(self._text)), "a file of MJML begins with '<mjml>'")
        try:
            html = mjml2html("".join(self._out), fonts={})
        except ValueError as error:
            line = self._open[0].line
            hint = "try it in the editor of mjml.io"
            raise self._sources.error(line, f"MJML cannot read it: {error}", hint=hint) from error
        return self._back(html)

    def _between(self, start: int, end: int) -> None:
        """Write the text between two elements: a tag becomes a comment, in a title or a stylesheet it stays a word."""
        text, within = self._text[start:end], self._open[-1]
        if (stray := text.find("<")) >= 0:
            hint = "write &lt; for the sign itself, and attributes in quotes"
            raise self._sources.error(self._line(start + stray), "'<' begins no element here", near="<", hint=hint)
        for found in self._mark.finditer(text):
            tag = self._tags[int(found[1])]
            if tag.word in _OPENS or (tag.word == "set" and "=" not in tag.code):
                within.blocks += 1
            elif tag.word in _CLOSES:
                within.blocks -= 1
            if within.name in _BOXING:
                message = f"a tag of the template stands in '<{within.name}>', which makes a box of each thing in it"
                hint = "put it into one of its elements, or around the whole"
                raise self._sources.error(tag.line, message, hint=hint)
            if within.blocks < 0:
                raise self._sources.error(tag.line, f"'{tag.word}' closes what was opened outside '<{within.name}>'")
        if within.name == "mj-style" and text:
            self._out.append(f"/*{self._nonce}s*/")
        outside = within.name in ("", "mjml")
        if outside and text.strip() and not all(tag.word == "set" for tag in self._within(text)):
            hint = "put it into mj-body"
            raise self._sources.error(self._line(start), "this stands outside the mail's body", hint=hint)
        self._out.append(text if within.name in _PLAIN or outside else self._mark.sub(r"<!--\g<0>-->", text))

    def _within(self, text: str) -> list[Tag]:
        if self._mark.sub("", text).strip():
            return [Tag("", text, (), 0)]
        return [self._tags[int(found[1])] for found in self._mark.finditer(text)]

    def _element(self, token: re.Match[str]) -> None:
        name, line, parent = token["open"], self._line(token.start()), self._open[-1]
        self._place(name, line, parent)
        for attribute in _ATTRIBUTE.finditer(token["attributes"]):
            self._hold(name, attribute, self._line(token.start("attributes") + attribute.start()))
        if parent.name not in _UNMARKED:
            self._out.append(f"<!--{self._nonce}l{line}z-->")
        self._out.append(token[0])
        if name == "mjml" and "lang=" not in token["attributes"]:
            self._out[-1] = token[0].replace("<mjml", f'<mjml lang="{self._language}"', 1)
        if not token["alone"] and name not in _VOID:
            if len(self._open) > _DEEPEST:
                raise self._sources.error(line, "elements are nested too deep", near=f"<{name}")
            self._open.append(_Open(name, line))

    def _place(self, name: str, line: int, parent: _Open) -> None:
        """Hold that the element is known, stands where it may, and is always there if it is counted."""
        if name.startswith("mj-") and name not in _KNOWN:
            close = process.extractOne(name, sorted(_KNOWN), score_cutoff=70)
            hint = f"did you mean '{close[0]}'?" if close else "docs/templates.md names those that there are"
            raise self._sources.error(line, f"'{name}' is no element of MJML", near=name, hint=hint)
        holds = _HOLDS.get(parent.name)
        if holds is not None and name not in holds:
            hint = f"it holds {', '.join(sorted(holds))}"
            where = f"stand in '<{parent.name}>'" if parent.name else "begin a file of MJML"
            raise self._sources.error(line, f"'<{name}>' cannot {where}", near=f"<{name}", hint=hint)
        if name in _COUNTED and parent.blocks:
            message = f"'<{name}>' stands in a condition or a loop, and MJML counts how many there are to make room"
            raise self._sources.error(line, message, near=f"<{name}", hint="put the whole section into it")

    def _hold(self, element: str, attribute: re.Match[str], line: int) -> None:
        """Hold that no expression decides what MJML counts with."""
        name, value = attribute[1], attribute[2] or ""
        if self._mark.search(name):
            raise self._sources.error(line, "a tag of the template stands between attributes")
        marks = [self._tags[int(found[1])] for found in self._mark.finditer(value)]
        if marks and value[0] not in "\"'":
            raise self._sources.error(line, f"the value of '{name}' needs quotes", near=name)
        if element.startswith("mj") and any(not tag.shown for tag in marks):
            hint = "put the whole element into the condition"
            raise self._sources.error(line, f"'{name}' of '{element}' is built by statements", near=name, hint=hint)
        if element.startswith("mj") and marks and name not in _HANDED_ON:
            message = f"'{name}' of '{element}' is built by an expression, and MJML counts with it, once for all mails"
            raise self._sources.error(line, message, near=name, hint="write the value itself")

    def _close(self, name: str, at: int) -> None:
        last = self._open[-1]
        if last.name != name:
            wanted = f"; '<{last.name}>' is open" if last.name else ""
            raise self._sources.error(self._line(at), f"'</{name}>' closes nothing here{wanted}", near=f"</{name}")
        if last.blocks:
            message = f"a condition or a loop begins inside '<{name}>' and ends outside it"
            raise self._sources.error(self._line(at), message, near=f"</{name}")
        self._open.pop()

    def _line(self, at: int) -> int:
        """Return the global line of a place in the text."""
        number = bisect_right(self._starts, at) - 1
        piece = self._pieces[number]
        return piece.line + (self._text.count("\n", self._starts[number], at) if isinstance(piece, Data) else 0)

    def _back(self, html: str) -> list[Piece]:
        """Cut the HTML into pieces, with the tags in it again."""
        found: list[Piece] = []
        html = _STYLE.sub(r'<style data-premailer="ignore"', html)  # its own rules stand in the elements already
        html = html.replace(f'<style data-premailer="ignore" type="text/css">/*{self._nonce}s*/', "<style>")
        line, at = self._open[0].line, 0
        seen: list[int] = []
        for mark in re.finditer(rf"<!--{self._nonce}(l?\d+)z-->|{self._nonce}(\d+)z", html):
            if text := html[at : mark.start()]:
                found.append(Data(text, line))
            at = mark.end()
            told = mark[1] or mark[2]
            if told.startswith("l"):
                line = int(told[1:])
            else:
                seen.append(int(told))
                found.append(self._tags[int(told)])
        found.append(Data(html[at:], line))
        self._hold_all(seen)
        return found

    def _hold_all(self, seen: Sequence[int]) -> None:
        """Hold that no tag was lost, and that statements stand as they stood."""
        statements = [number for number in seen if not self._tags[number].shown]
        for number, tag in enumerate(self._tags):
            if number not in seen or (not tag.shown and statements.count(number) != 1):
                raise self._lost(tag)
        if statements != sorted(statements):
            raise self._lost(self._tags[statements[0]])

    def _lost(self, tag: Tag) -> TemplateError:
        near = tag.names[0] if tag.names else ""
        message = "a tag of the template stands where MJML keeps nothing, or makes several of it"
        return self._sources.error(tag.line, message, near=near, hint="put it into mj-text, mj-raw or around a section")
