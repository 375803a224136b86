"""YAML text to nodes: what YAML itself forbids ends the reading, what Phin forbids is told and passed over.

Nothing is resolved or expanded: an alias is refused where the parser meets it, so a bomb of aliases costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from worker.language.yaml.mending import IN_BRACKETS, mend_line
from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, Style
from worker.language.yaml.source import MOST_PROBLEMS, Report, Span

DEEPEST = 60  # groups and lists within each other
MOST = 10_000  # texts, groups and lists of one file: some 2,000 steps, read in about a second
_NEAR = 1_000  # characters that are looked back for what stands before a word
_PAST_MARK = re.compile(r"[\s,\]}]")  # what ends an anchor, an alias or a tag
_STYLES: dict[str, Style] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """Why the text is no YAML, in the words of its parser (or of `ours`), and where (lines and columns from 0)."""

    problem: str
    line: int
    column: int
    context: str = ""
    context_line: int | None = None
    context_column: int = 0
    ours: bool = False


class NotYaml(Exception):
    """The text is no YAML."""

    def __init__(self, fault: SyntaxFault) -> None:
        self.fault = fault
        super().__init__(fault.problem)


class _Enough(Exception):
    """Groups are nested deeper than anybody writes them, or faults are too many; the rest is not read."""


def compose(report: Report) -> Node | None:
    """Read the text of a report's source to nodes, or to None where it holds nothing or is nested too deep.

    Problems that leave the rest readable (a key given twice, an alias, a tag …) go to the report.

    Raises:
        NotYaml: the text cannot be read as YAML.
    """
    return _Composer(report).document()


def syntax_fault(error: Exception) -> SyntaxFault:
    """Return what the YAML parser says, without its own rendering of lines."""
    problem_mark, context_mark = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    mark = problem_mark or context_mark
    return SyntaxFault(
        str(getattr(error, "problem", None) or "it cannot be read"),
        mark.line if mark else 0,
        mark.column if mark else 0,
        str(getattr(error, "context", None) or ""),
        context_mark.line if context_mark else None,
        context_mark.column if context_mark else 0,
    )


class _Composer:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._text = report.source.text
        self._told = 0
        self._marked: set[int] = set()  # lines of which a mark of YAML was told
        self._nodes = 0
        self._events = self._read()

    def document(self) -> Node | None:
        root: Node | None = None
        try:
            for event in self._events:
                if isinstance(event, DocumentStartEvent):
                    if root is not None:
                        self._error(event, "a second document begins here; one file holds one", length=3)
                        break
                    if event.version or event.tags:
                        self._error(event, "directives ('%YAML', '%TAG') are not used in Phin's files")
                elif isinstance(event, (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)):
                    root = self._node(event, 1)
        except _Enough:
            return None
        return root

    def _read(self) -> Iterator[Any]:
        try:
            yield from YAML(typ="safe", pure=True).parse(self._text)
        except (YAMLError, ValueError, OverflowError) as error:  # the latter two: escapes beyond Unicode
            raise NotYaml(syntax_fault(error)) from error

    def _node(self, event: Any, depth: int) -> Node:
        start = event.start_mark.index
        self._nodes += 1
        if self._nodes > MOST:
            hint = "make several files of it, or let the shop's own system do what is done for so many"
            self._error(event, f"the file holds more than {MOST:,} values; the rest is not read", hint=hint)
            raise _Enough
        if depth > DEEPEST:
            self._error(event, f"groups and lists are nested more than {DEEPEST} deep here")
            raise _Enough
        if isinstance(event, AliasEvent):
            self._refuse_mark(start, "*", "an alias")
            return Scalar(start, event.end_mark.index, event.anchor, "single")
        if event.anchor is not None:
            self._refuse_mark(start, "&", "an anchor")
        elif event.tag is not None:
            self._refuse_mark(start, "!", "a tag")
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, depth)
        return self._mapping(event, depth)

    def _sequence(self, event: SequenceStartEvent, depth: int) -> Sequence:
        items: list[Node] = []
        for following in self._events:
            if isinstance(following, SequenceEndEvent):
                return Sequence(event.start_mark.index, following.end_mark.index, tuple(items))
            items.append(self._node(following, depth + 1))
        raise AssertionError("the parser ends what it starts")

    def _mapping(self, event: MappingStartEvent, depth: int) -> Mapping:
        start = event.start_mark.index
        entries: dict[str, Entry] = {}
        if event.flow_style and self._text.startswith("{{", start):
            raise NotYaml(self._fault(start, "text that begins with '{{' must be quoted"))
        for following in self._events:
            if isinstance(following, MappingEndEvent):
                return Mapping(start, following.end_mark.index, tuple(entries.values()))
            key = self._node(following, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._report.error(key, "a key is a word, not a list or a group of keys")
                continue
            if event.flow_style and self._text[key.end : key.end + _NEAR].lstrip()[:1] != ":":
                raise NotYaml(self._fault(key.start, IN_BRACKETS))  # what a comma cut off from a text
            self._add(entries, key, value)
        raise AssertionError("the parser ends what it starts")

    def _add(self, entries: dict[str, Entry], key: Scalar, value: Node) -> None:
        if self._text[max(key.start - _NEAR, 0) : key.start].rstrip(" ").endswith("?"):
            self._report.error(Span(key.start, key.end), "a key that begins with '?' is not used in Phin's files")
        elif key.text == "<<" and key.style == "plain":
            self._report.error(key, "merge keys ('<<') are not used in Phin's files; write the keys out")
        elif key.text in entries:
            first = self._report.source.place(entries[key.text].key).line
            self._report.error(key, f"the key '{key.text}' is given twice; it stands in line {first} already")
        else:
            if isinstance(value, Scalar) and value.missing:
                value = Scalar(key.start, key.end, "", "plain", self._comment_after(key.end))
            entries[key.text] = Entry(key, value)

    def _scalar(self, event: ScalarEvent) -> Scalar:
        start, end, text = event.start_mark.index, event.end_mark.index, event.value
        style = _STYLES.get(event.style or "", "plain")
        if style == "plain" and not text:
            before = self._text[max(start - _NEAR, 0) : start]
            start = max(start - len(before) + len(before.rstrip()) - 1, 0)
            return Scalar(start, start + 1, "")
        odd = next((letter for letter in text if not letter.isprintable() and _hidden(letter)), None)
        if odd is not None:
            self._error(event, f"the text holds a character that cannot be used, U+{ord(odd):04X}", length=end - start)
        return Scalar(start, end, text, style, self._comment_after(end) if style == "plain" else None)

    def _comment_after(self, end: int) -> int | None:
        """Return the offset of a `#` that follows on the same line after nothing but blanks and a colon."""
        line_end = self._text.find("\n", end)
        rest = self._text[end : line_end if line_end >= 0 else len(self._text)]
        bare = rest.lstrip(" :")
        return end + len(rest) - len(bare) if bare.startswith("#") and len(bare) < len(rest) else None

    def _fault(self, start: int, message: str) -> SyntaxFault:
        source = self._report.source
        line = source.line_at(start)
        return SyntaxFault(message, line, start - source.offset(line, 0), ours=True)

    def _stop_at_many(self) -> None:
        self._told += 1
        if self._told > MOST_PROBLEMS:
            raise _Enough

    def _refuse_mark(self, start: int, mark: str, what: str) -> None:
        line = self._report.source.line_at(start)
        if line in self._marked:
            return  # mended by the same line
        self._marked.add(line)
        word = _PAST_MARK.split(self._text[start : start + _NEAR], 1)[0]
        self._stop_at_many()
        mended = mend_line(self._report.source.line(line))
        self._report.error(
            Span(start, start + len(word)),
            f"'{word[:40]}' is {what} of YAML, which Phin's files do not use; "
            f"text that begins with '{mark}' must be quoted",
            mended.hint if mended else None,
        )

    def _error(self, event: Any, message: str, length: int = 1, hint: str | None = None) -> None:
        start = event.start_mark.index
        self._report.error(Span(start, start + length), message, hint)


def _hidden(letter: str) -> bool:
    """Say whether a character is neither seen nor meant: a control, half of a pair, a line break of Unicode's."""
    return letter not in "\n\t" and (ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 or 0xD800 <= ord(letter) < 0xE000)
