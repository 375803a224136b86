"""The text of a mail out of its HTML: what a person reads who sees no HTML, laid out in lines.

It works on a compiled template, where placeholders stand for values and statements, and on a rendered mail
alike. How many lines a condition or a loop will leave is not known yet then, so the places where a line, a
paragraph or a cell begins are marked by control characters, and `tidy` makes the breaks after rendering.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from worker.delivery.templates.pieces import words
from worker.delivery.templates.protected import Protected

PARAGRAPH, LINE, CELL = "\x1d", "\x1e", "\x1f"
_LABEL, _TARGET, _END = "\x1b", "\x1c", "\x1a"  # a link: what is clicked, and where it leads; known after rendering

_PARAGRAPHS = words("p h1 h2 h3 h4 h5 h6 table ul ol dl blockquote pre hr section article header footer")
_LINES = words("div tr li dt dd address center body caption figure figcaption main form")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BLOCK = re.compile(r"(?:\A|;)\s*display\s*:\s*block\b", re.IGNORECASE)
_SILENT = {"head", "style", "script", "title", "template", "noscript"}
_WHITESPACE = re.compile(r"[ \t\r\n\f]+")
_BLANK = re.compile(r"[\s\u00ad\u034f\u200b-\u200d\u2060\ufeff]*")  # also what takes no width
_GAPS = re.compile("\n{4,}")
_RUNS = re.compile(f"[{PARAGRAPH}{LINE}](?: *[{PARAGRAPH}{LINE}])+")
_STRAY = re.compile(f"[{_LABEL}{_TARGET}{_END}]")
_CALLED = ("mailto:", "tel:", "sms:", "#")
_WEB = ("http://", "https://")
_BREAKS = re.compile(f"[{PARAGRAPH}{LINE}{CELL}]")


def text_of(root: etree._Element, protected: Protected | None = None) -> str:
    """Return the text of a document, with its breaks as control characters and its placeholders as words."""
    writer = _Writer(protected)
    for outside in reversed(list(root.itersiblings(preceding=True))):
        writer.element(outside)
    writer.element(root)
    for outside in root.itersiblings():
        writer.element(outside)
    return _RUNS.sub(lambda run: PARAGRAPH if PARAGRAPH in run[0] else LINE, "".join(writer.out))


def label_of(element: etree._Element, protected: Protected) -> str:
    """Return the text of a link, in one line, with its placeholders as words."""
    writer = _Writer(protected)
    writer.inside(element)
    return " ".join(tidy("".join(writer.out)).split())


def tidy(text: str) -> str:
    """Make the breaks: no empty paragraph, at most one empty line, cells of a row joined by a middle dot."""
    if _LABEL in text:
        text = _with_links(text)
    made = _line if CELL in text or "  " in text or "\n" in text else _plain_line
    paragraphs = []
    for paragraph in text.split(PARAGRAPH):
        lines = [line for raw in paragraph.split(LINE) if (line := made(raw)) and (line[0].isalnum() or _shows(line))]
        if lines:
            paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) + "\n"


def _plain_line(raw: str) -> str:
    """Return a line that has no cells and no runs of spaces."""
    return raw.strip(" ")


def _line(raw: str) -> str:
    """Return a line as it is shown."""
    if CELL in raw:
        raw = " · ".join(cell for part in raw.split(CELL) if (cell := part.strip()))
    if "  " in raw or "\n" in raw:
        raw = _WHITESPACE.sub(" ", raw)
    return raw.strip(" ")


def _shows(line: str) -> bool:
    """Say whether a line shows anything; an item of a list without a text does not."""
    return line != "-" and not _BLANK.fullmatch(line)


def tidy_lines(text: str) -> str:
    """Clean a text that somebody laid out: no spaces at the lines' ends, at most two empty lines together."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _GAPS.sub("\n\n\n", lines).strip("\n") + "\n"


def _with_links(text: str) -> str:
    """Write out the links; in a third of the time that an expression takes to find them."""
    before, *links = text.split(_LABEL)
    pieces, stray = [before], False
    for link in links:
        label, _, rest = link.partition(_TARGET)
        target, end, after = rest.partition(_END)
        stray = stray or not end  # a value brought a mark of its own
        pieces += (_link(label, target), after) if end else (link,)
    return _STRAY.sub("", "".join(pieces)) if stray else "".join(pieces)


def _link(label: str, target: str) -> str:
    if not target or target.startswith(_CALLED):
        return label  # whoever shows a text mail shows the address or the number that is its label
    label = label.strip()
    bare = not label or (label.startswith(_WEB) and " " not in label)
    return target if bare else f"{label}: {target}"


class _Writer:
    """Walks a document and writes its text."""

    def __init__(self, protected: Protected | None) -> None:
        self.out: list[str] = []
        self._protected = protected
        self._rows: list[bool] = []  # for each table that is open, whether its rows are lines of cells

    def element(self, element: etree._Element) -> None:
        name: Any = element.tag  # of a comment it is a function
        if not isinstance(name, str):
            self._comment(element)
            return
        if name in _SILENT or _HIDDEN.search(element.get("style", "")) or element.get("aria-hidden") == "true":
            self._statements(element)
            return
        mark = PARAGRAPH if name in _PARAGRAPHS else LINE if name in _LINES else ""
        if not mark and _BLOCK.search(element.get("style", "")):
            mark = " " if self._rows and self._rows[-1] else LINE  # a row of cells stays one line
        if name == "table":
            layout = element.get("role") in ("presentation", "none")
            self._rows.append(not layout)
            mark = PARAGRAPH
        elif name in ("td", "th"):
            mark = CELL if self._rows and self._rows[-1] else LINE
        elif name == "br":
            self.out.append(LINE)
        elif name == "img":
            self._data(element.get("alt", ""))
        elif name == "hr":
            self.out.append(f"{PARAGRAPH}---")
        self.out.append(mark)
        if name == "li":
            self.out.append("- ")
        if name == "a":
            self._link(element)
        else:
            self.inside(element)
        self.out.append(mark)
        if name == "table":
            self._rows.pop()

    def _statements(self, element: etree._Element) -> None:
        """Write what an unseen element sets: something that is seen may show it."""
        for comment in element.iter(etree.Comment):
            token = self._protected and self._protected.tokens.get(comment.text or "")
            if token and token.statement:
                self.out.append(token.mark)

    def inside(self, element: etree._Element) -> None:
        self._data(element.text or "")
        for child in element:
            self.element(child)
            self._data(child.tail or "")

    def _link(self, element: etree._Element) -> None:
        start = len(self.out)
        self.inside(element)
        target = (element.get("href") or "").strip()
        if target and not target.startswith(_CALLED):  # what an expression begins is seen when it is rendered
            label = _BREAKS.sub(" ", "".join(self.out[start:]))
            self.out[start:] = [_LABEL, label, _TARGET, target, _END]

    def _comment(self, element: etree._Element) -> None:
        """Write a placeholder; any other comment is none of the reader's business."""
        if self._protected and element.text in self._protected.tokens:
            self.out.append(element.text)

    def _data(self, text: str) -> None:
        if text:
            self.out.append(_WHITESPACE.sub(" ", text))
