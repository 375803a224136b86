"""Jinja out of an HTML parser's way: each tag becomes a placeholder that survives parsing, inlining and writing.

In text it is a comment; in an attribute, a `<style>`, a `<title>` or a comment it is a word of small letters and
digits. To know which, the HTML is read along by a small tokenizer, which also numbers the links and notes the
elements for the check.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from html import unescape
from urllib.parse import unquote

from worker.delivery.templates.attached import picture
from worker.delivery.templates.links import anchor_of, source_of, tracked_pieces
from worker.delivery.templates.pieces import STRINGS, Data, Piece, Tag
from worker.delivery.templates.protected import TAG, Element, Protected, Spot, Token
from worker.delivery.templates.sources import Sources

MOST_TAGS = 3_000  # tags and links of one mail: what Gmail shows in 102 KB holds some hundreds
_RAW = {"style": Spot.STYLE, "title": Spot.VERBATIM, "textarea": Spot.VERBATIM, "script": Spot.VERBATIM}
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(r"[^\s=>/\"'][^\s=>/]*")
_EQUALS = re.compile(r"\s*=\s*")
_UNQUOTED = re.compile(r"[^\s>\"']+")
_SPACE = re.compile(r"[\s/]+")
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|[/#?]")  # an address of the web, or of a site's root
_CLOSES = {"endif": "if", "endfor": "for", "endset": "set", "endwith": "with", "endfilter": "filter"}


def protect(pieces: Sequence[Piece], sources: Sources) -> Protected:
    """Put placeholders in place of a flat template's tags.

    Raises:
        TemplateError: a tag stands between attributes, or an attribute without quotes, or makes an element's
            name; a block is not closed, or not where it was opened; the template holds a script.
    """
    text = "".join(piece.text if isinstance(piece, Data) else piece.code for piece in pieces)
    nonce = "jx" + re.sub("[^a-z]", "", hashlib.sha256(text.encode()).hexdigest())[:6]
    while nonce in text:
        nonce += "q"
    scanner = _Scanner(sources, nonce)
    start = 0
    for start, piece in enumerate(pieces):  # noqa: B007 - the index of the first that is kept
        if isinstance(piece, Tag) and piece.word == "set" and "=" in piece.code:
            scanner.result.prelude.append(piece)
        elif not (isinstance(piece, Data) and not piece.text.strip()):
            break
    for piece in pieces[start:]:
        if isinstance(piece, Data):
            scanner.text(piece)
        else:
            scanner.tag(piece)
    return scanner.finished()


class _Scanner:
    """Reads HTML as far as it must be known where a tag stands; it is forgiving like a browser."""

    def __init__(self, sources: Sources, nonce: str) -> None:
        self.result = Protected(re.compile(rf"<!--({nonce}\d+z)-->|({nonce}\d+z)"))
        self._sources = sources
        self._nonce = nonce
        self._out: list[str] = []
        self._within = "text"  # text, tag, value, raw, comment, markup (<!doctype>)
        self._element = ""  # whose start tag or raw text this is
        self._attribute = ""
        self._attributes: dict[str, str] = {}
        self._line = 0  # of the start tag
        self._data = Data("", 0)
        self._counted = (0, 0)  # a place in it, and its line
        self._quote = ""
        self._value: list[Piece] = []  # of the attribute that is open
        self._raw: list[str] = []  # of the raw element that is open
        self._unit = 0  # of the innermost attribute, raw element or comment
        self._units = 0
        self._links = 0  # that are tracked
        self._open: list[tuple[Tag, int]] = []  # blocks that are not closed, with the unit that they stand in

    def tag(self, tag: Tag) -> None:
        if self._within == "tag":
            raise self._sources.error(
                tag.line,
                "a tag of the template stands between attributes, where no mail program's HTML can be relied on",
                near=tag.names[0] if tag.names else "",
                hint="put it inside the quotes of an attribute, or around the whole element",
            )
        if self._within == "markup":
            raise self._sources.error(tag.line, "a tag of the template stands inside '<! … >'")
        if self._within == "text" and self._out and re.search(r"</?\Z", self._out[-1]):
            raise self._sources.error(tag.line, "the name of an element cannot be built by an expression")
        if self._within == "value":
            self._balance(tag)
            self._value.append(tag)
        else:
            self._balance(tag)
            spot = {"text": Spot.TEXT, "comment": Spot.VERBATIM}.get(self._within) or _RAW[self._element]
            self._place((tag,), spot)

    def _place(self, pieces: tuple[Piece, ...], spot: Spot) -> None:
        if len(self.result.tokens) >= MOST_TAGS:
            message = f"the template holds more than {MOST_TAGS:,} tags and links; no mail program shows so long a mail"
            raise self._sources.error(pieces[0].line, message)
        mark = f"{self._nonce}{len(self.result.tokens)}z"
        attribute = self._attribute if spot is Spot.ATTRIBUTE else ""
        self.result.tokens[mark] = Token(mark, pieces, spot, attribute, self._unit)
        self._write(f"<!--{mark}-->" if spot is Spot.TEXT else mark)

    def _write(self, text: str) -> None:
        self._out.append(text)
        if self._within == "raw":
            self._raw.append(text)

    def _balance(self, tag: Tag) -> None:
        """Hold that each block ends in the attribute, text or element that it began in."""
        if tag.word in ("if", "for", "with", "filter") or (tag.word == "set" and "=" not in tag.code):
            self._open.append((tag, self._unit))
        elif tag.word in ("elif", "else"):
            if not self._open or self._open[-1][1] != self._unit:
                raise self._sources.error(tag.line, f"'{tag.word}' without an 'if' in the same place", near=tag.word)
        elif tag.word in _CLOSES:
            opening, unit = self._open.pop() if self._open else (None, 0)
            if opening is None or opening.word != _CLOSES[tag.word] or unit != self._unit:
                other = f"; what is open here is '{opening.word}'" if opening else ""
                raise self._sources.error(
                    tag.line, f"'{tag.word}' without a '{_CLOSES[tag.word]}' in the same place{other}", near=tag.word
                )

    def finished(self) -> Protected:
        if self._open:
            tag = self._open[-1][0]
            raise self._sources.error(tag.line, f"'{tag.word}' has no 'end{tag.word}'", near=tag.word)
        if self._within in ("tag", "value"):
            raise self._sources.error(self._line, f"'<{self._element}' is never closed by '>'")
        self.result.html = "".join(self._out)
        return self.result

    def text(self, data: Data) -> None:
        at, self._data, self._counted = 0, data, (0, data.line)
        read: dict[str, Callable[[str, int], int]] = {
            "text": self._in_text,
            "tag": self._in_tag,
            "value": self._in_value,
            "raw": self._in_raw,
            "comment": self._in_comment,
            "markup": self._in_markup,
        }
        while at < len(data.text):
            at = read[self._within](data.text, at)

    def _line_of(self, at: int) -> int:
        """Return the line of a place in the text at hand; places are asked for in their order, or nearly."""
        before, line = self._counted
        if at < before:
            before, line = 0, self._data.line
        line += self._data.text.count("\n", before, at)
        self._counted = (at, line)
        return line

    def _in_text(self, text: str, at: int) -> int:
        opening = text.find("<", at)
        if opening < 0:
            self._write(text[at:])
            return len(text)
        self._write(text[at:opening])
        if text.startswith("<!--", opening):
            self._enter("comment")
            self._write("<!--")
            return opening + 4
        name = _NAME.match(text, opening + 1)
        if name:
            self._line = self._line_of(opening)
            self._within, self._element, self._attributes = "tag", name[0].lower(), {}
            if self._element == "script":
                raise self._sources.error(self._line, "a script in a mail is thrown away by every mail program")
            self._write(text[opening : name.end()])
            return name.end()
        if text.startswith(("</", "<!", "<?"), opening) and len(text) > opening + 2:
            self._within = "markup"
            self._write(text[opening : opening + 2])
            return opening + 2
        self._write("<")
        return opening + 1

    def _in_markup(self, text: str, at: int) -> int:
        end = text.find(">", at)
        self._write(text[at:] if end < 0 else text[at : end + 1])
        if end >= 0:
            self._within = "text"
        return len(text) if end < 0 else end + 1

    def _in_comment(self, text: str, at: int) -> int:
        end = text.find("-->", at)
        self._write(text[at:] if end < 0 else text[at : end + 3])
        if end >= 0:
            self._within, self._unit = "text", 0
        return len(text) if end < 0 else end + 3

    def _in_raw(self, text: str, at: int) -> int:
        end = re.compile(rf"</{self._element}\s*>", re.IGNORECASE).search(text, at)
        self._write(text[at : end.start() if end else len(text)])
        if not end:
            return len(text)
        if self._element == "style":
            self.result.styles.append("".join(self._raw))
        self._within, self._unit = "text", 0
        self._write(end[0])
        return end.end()

    def _in_tag(self, text: str, at: int) -> int:
        if space := _SPACE.match(text, at):
            self._write(space[0])
            return space.end()
        if text[at] == ">":
            self._write(">")
            self.result.elements.append(Element(self._element, self._line, self._attributes))
            if self._element in _RAW:
                self._enter("raw")
                self._raw = []
            else:
                self._within = "text"
            return at + 1
        name = _ATTRIBUTE.match(text, at)
        if not name:
            self._write(text[at])
            return at + 1
        self._attribute = name[0].lower()
        self._attributes[self._attribute] = ""
        self._write(name[0])
        equals = _EQUALS.match(text, name.end())
        if not equals:
            return name.end()
        self._write("=")
        after = equals.end()
        if text[after : after + 1] in ("'", '"'):
            self._enter("value")
            self._quote, self._value = text[after], []
            self._write(self._quote)
            return after + 1
        value = _UNQUOTED.match(text, after)
        if not value or (value.end() == len(text)):
            raise self._sources.error(self._line_of(at), f"the value of '{name[0]}' needs quotes", near=name[0])
        self._unit = self._new_unit()
        self._value = [Data(value[0], self._line_of(after))]
        self._close_value()
        return value.end()

    def _in_value(self, text: str, at: int) -> int:
        end = text.find(self._quote, at)
        part = text[at:] if end < 0 else text[at:end]
        if part:
            self._value.append(Data(part, self._line_of(at)))
        if end < 0:
            return len(text)
        self._close_value()
        self._write(self._quote)
        return end + 1

    def _close_value(self) -> None:
        """Write the attribute's value; a link's address becomes one placeholder with its tracking."""
        value = self._value
        self._within = "tag"
        if self._element == "img" and self._attribute == "src":
            value = self._picture(value)
        self._attributes[self._attribute] = "".join(one.text if isinstance(one, Data) else TAG for one in value)
        if self._element in ("a", "area") and self._attribute == "href":
            line = value[0].line if value else self._line
            anchor = anchor_of(value, line, self._links + 1)
            self.result.anchors.append(anchor)
            if anchor.number:
                self._links += 1
                value = []
                anchor.mark = f"{self._nonce}{len(self.result.tokens)}z"
                self._place(tuple(tracked_pieces(anchor.pieces, anchor.number, line)), Spot.ATTRIBUTE)
        for piece in value:
            if isinstance(piece, Data):
                self._write(piece.text)
            else:
                self._place((piece,), Spot.ATTRIBUTE)
        self._unit = 0

    def _picture(self, value: list[Piece]) -> list[Piece]:
        """Give a picture of the folder the address by which the mail finds it in itself (RFC 2392)."""
        line = value[0].line if value else self._line
        written = [piece for piece in value if isinstance(piece, Data) or STRINGS.fullmatch(piece.code)]
        address = unescape("".join(map(source_of, written))).strip()
        reference = address[4:] if address.lower().startswith("cid:") else address
        if not reference or _ELSEWHERE.match(reference) or len(written) < len(value):
            return value  # the check says what is wrong with it, where something is
        found = picture(unquote(reference), line, self._sources)
        self.result.pictures[f"cid:{found.cid}"] = found
        return [Data(f"cid:{found.cid}", line)]

    def _enter(self, within: str) -> None:
        self._within = within
        self._unit = self._new_unit()

    def _new_unit(self) -> int:
        self._units += 1
        return self._units
